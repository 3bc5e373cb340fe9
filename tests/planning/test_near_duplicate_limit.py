"""A study in which likeness alone would decide over many images stops, and somebody looks at them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from study import datasets, records, run
from study.command import USER_ERROR
from study.datasets.images import splits
from study.errors import DataError
from study.planning.make_plan import make_plan
from study.planning.options import Options
from study.planning.plan import Plan
from study.spec import OwnImages, Recipe, Study

NUM_A_CLASS, NUM_COPIED = 20, 6


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Two classes of distinct pictures; six of the one stand there again, turned."""
    random = np.random.default_rng(0)
    for name in ("healthy", "ill"):
        folder = tmp_path / "images" / name
        folder.mkdir(parents=True)
        for number in range(NUM_A_CLASS):
            pixels = random.normal(128, 40, (8, 8)).clip(0, 255).repeat(8, 0).repeat(8, 1).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{number:02}.png")
            if name == "ill" and number < NUM_COPIED:
                Image.fromarray(np.rot90(pixels)).save(folder / f"{number:02} turned.png")
    return tmp_path / "images"


def plan(images: Path, **asked: object) -> Plan:
    """Of a study of these images, as the command makes it."""
    scratch = images.parent
    options = Options(
        data=images, results=scratch / "results", cache=scratch / "cache", ledger=scratch / "test-openings.jsonl",
        budget="demo", trials=1, epochs=1, seeds=1, image_size=("16",), precision="float32",
    )  # fmt: skip
    study = Study(
        title="Own",
        dataset=OwnImages(name="own", folder=str(images), classes=("healthy", "ill")),
        image_size=16,
        pairs={"lenet": Recipe(batch_size=8)},
        space={},
        allow_from_scratch=True,
    )
    return make_plan("own", study, replace(options, **asked))


def splits_of(pictures: list[str], plan: Plan) -> list[set[str]]:
    """In which splits each of them and its turned copy stand."""
    split_of = dict(zip(plan.table["path"], plan.table["split"], strict=True))
    return [{split_of[f"ill/{name}.png"], split_of[f"ill/{name} turned.png"]} for name in pictures]


COPIED = [f"{number:02}" for number in range(NUM_COPIED)]


def test_the_command_stops_before_training_with_a_sheet_and_the_flags_that_decide(
    images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scratch = images.parent
    folders = [f"--{name}={scratch / name}" for name in ("results", "reports", "cache")]
    assert run.main(["--images", str(images), "--architecture", "lenet", *folders]) == USER_ERROR
    message = capsys.readouterr().err
    assert "at most 5% of a study's images, but it ties 6 of 46 (13%)" in message
    assert "--groups duplicates" in message
    assert "--groups exact" in message
    sheet = scratch / "cache" / "look-alikes-images.png"
    assert str(sheet) in message
    with Image.open(sheet) as drawn:
        assert drawn.width > 2 * 96
    assert not (scratch / "results").exists()


def test_a_rehearsal_shows_the_plan_and_then_what_would_be_refused(images: Path) -> None:
    (why,) = plan(images, dry_run=True).refused
    assert "Likeness alone may decide over at most 5%" in why


def test_whoever_has_looked_goes_on_with_the_copies_together(images: Path) -> None:
    looked_at = plan(images, groups="duplicates")
    # The same run as by default.
    assert (looked_at.run, looked_at.manifest.groups) == ("own", "duplicates")
    assert all(len(names) == 1 for names in splits_of(COPIED, looked_at))


def test_look_alikes_that_are_strangers_go_apart(images: Path) -> None:
    apart = plan(images, groups="exact")
    assert (apart.run, apart.manifest.groups) == ("own-exact", "exact")
    assert any(len(names) > 1 for names in splits_of(COPIED, apart))
    # What there is of them is told all the same.
    assert apart.manifest.duplicates.look_alike_links == NUM_COPIED


def test_a_few_copies_stop_nobody_and_drawn_or_confirmed_images_never_do(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in COPIED[2:]:
        (images / "ill" / f"{name} turned.png").unlink()
    assert plan(images).manifest.groups == "duplicates"
    assert datasets.find("brain_tumor_mri").look_alikes_confirmed
    assert datasets.find("blood_cell_all").look_alikes_confirmed


def test_a_run_that_a_version_with_another_check_began_goes_on_with_its_splits(images: Path) -> None:
    now = plan(images, groups="duplicates")
    table = now.table.drop(columns="likeness")
    # Two pictures that look alike stood apart.
    table.loc[table["path"] == "ill/00.png", "split"] = "train"
    table.loc[table["path"] == "ill/00 turned.png", "split"] = "val"
    slots = {"num": 1, "cpus": 1, "gpus": 0, "device": "cpu", "num_threads": 1}
    manifest = {name: value for name, value in now.manifest.to_json().items() if name != "likeness"}
    manifest |= {"split_hash": splits.split_hash(table), "precision": "float32", "slots": slots}
    now.folder.root.mkdir(parents=True)
    now.folder.splits.write_text(table.to_csv(index=False))
    now.folder.manifest.write_text(json.dumps(manifest))
    log = records.EventLog(now.folder.events)
    log.append("declared", manifest=manifest)
    log.close()
    goes_on = plan(images)
    assert goes_on.previous is not None
    assert goes_on.manifest.split_hash == manifest["split_hash"]
    assert splits_of(["00"], goes_on) == [{"train", "val"}]
    # Nor is a run that goes on asked about its look-alikes; one that begins again is.
    with pytest.raises(DataError, match="Likeness alone"):
        plan(images, fresh=True)
