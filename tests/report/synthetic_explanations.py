"""What explains the networks of a synthetic run: pictures of noise, maps with one bright place, given correlations."""

from collections.abc import Mapping, Sequence

import numpy as np

from study import selection
from study.records import (
    EXPLAIN,
    EXPLANATIONS,
    TEST,
    EventLog,
    Explanation,
    Explanations,
    ImageMap,
    RunFolder,
    load_run,
    read_predictions,
)

# Rank correlations with untrained networks, with another seed and with other images.
SOUND = (0.2, 0.8, 0.3)


def write_explanations(
    folder: RunFolder,
    log: EventLog,
    *,
    correlations: Mapping[str, tuple[float | None, float | None, float | None]] | None = None,
    without_map: Sequence[str] = (),
) -> None:
    """Records what explains a tested run's networks, and the task that did.

    Args:
        folder: of the run.
        log: of the run.
        correlations: architecture -> its maps' correlations, `SOUND` where there is nothing else.
        without_map: architectures that have none.
    """
    state = load_run(folder)
    predictions, seed = read_predictions(folder, state), state.manifest.seed
    tested = selection.answers_to_test(predictions)
    networks = {}
    paths = [example.path for shown in selection.listed(predictions, "roc_auc").values() for example in shown]
    for number, (pair, test) in enumerate(tested.items()):
        chosen = selection.looked_at(TEST, test, number=test.numbers[0], seed=seed)
        paths += [example.path for _, example in chosen]
        untrained, other_seed, other_images = (correlations or {}).get(pair, SOUND)
        networks[pair] = Explanation(
            seed_run=test.numbers[0],
            other_seed_run=test.numbers[1] if other_seed is not None else None,
            layer="features",
            maps=tuple(
                ImageMap(
                    path=example.path,
                    chosen_as=why,
                    target=example.target,
                    answer=example.answer,
                    probability=example.of_answer,
                    heat=None if pair in without_map else _heat(index),
                    why_none="it is zero everywhere" if pair in without_map else "",
                    untrained=(untrained, None if untrained is None else -untrained),
                    other_seed=other_seed,
                    other_images=(other_images,) * (len(chosen) - 1),
                )
                for index, (why, example) in enumerate(chosen)
            ),
            latency_ms={1: 1.25 * (number + 1), 32: 0.5},
        )
    random = np.random.default_rng(0)
    found = Explanations(
        networks=networks,
        thumbnails={path: random.integers(0, 256, (24, 24, 3), dtype=np.uint8) for path in paths},
        machine={"cpu": "Example CPU", "num_threads": 1, "torch": "2.14.1", "captum": "0.9.0"},
    )
    folder.explanations.write_text(found.to_json(), encoding="utf-8")
    start(log)
    log.append("completed", trial=EXPLANATIONS, epochs=0, seconds=2.0, files=folder.hashes([folder.explanations]))


def start(log: EventLog) -> None:
    """The task that explains is begun."""
    identity = {"pair": "", "kind": EXPLAIN, "number": 0, "recipe_name": "", "recipe": {}, "seed": 11}
    log.append("started", trial=EXPLANATIONS, **identity, origin="", audited=False, micro_batch=0)


def _heat(index: int) -> np.ndarray:
    heat = np.zeros((6, 6), dtype=np.uint8)
    heat[index % 6, (2 * index) % 6] = 255
    return heat
