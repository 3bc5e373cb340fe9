from pathlib import Path

import numpy as np

from study.records import Explanation, Explanations, ImageMap, read_explanations


def test_explanations_are_read_as_they_were_written(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    mapped = ImageMap(
        path="test/a|b.png",
        chosen_as="wrong",
        target=0,
        answer=1,
        probability=0.875,
        heat=random.integers(0, 256, (7, 5), dtype=np.uint8),
        untrained=(0.25, None),
        other_seed=-0.5,
        other_images=(1.0,),
    )
    without = ImageMap(
        path="test/c.png", chosen_as="random", target=1, answer=1, probability=1.0, heat=None, why_none="it is zero"
    )
    written = Explanations(
        networks={
            "lenet": Explanation(
                seed_run=0, other_seed_run=None, layer="features", maps=(mapped, without), latency_ms={1: 3.5, 32: 0.5}
            )
        },
        thumbnails={"test/a|b.png": random.integers(0, 256, (9, 9, 3), dtype=np.uint8)},
        machine={"cpu": "Example", "num_threads": 1},
    )
    path = tmp_path / "explanations.json"
    path.write_text(written.to_json(), encoding="utf-8")
    read = read_explanations(path)
    # Arrays have no single answer to whether they are equal, but their text has.
    assert read.to_json() == written.to_json()
    np.testing.assert_array_equal(read.networks["lenet"].maps[0].heat, mapped.heat)
    np.testing.assert_array_equal(read.thumbnails["test/a|b.png"], written.thumbnails["test/a|b.png"])
    assert read.networks["lenet"].maps[1] == without
    assert read.networks["lenet"].latency_ms == {1: 3.5, 32: 0.5}
