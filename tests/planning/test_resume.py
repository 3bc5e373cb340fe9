"""Which results folders can be gone on with."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from manifests import manifest_json, pair_json

from study.errors import ResultsError
from study.planning.resume import declared, precision, previous
from study.records import Manifest, RunFolder, StudyState, describe_changes


def manifest(**changes: Any) -> Manifest:
    """As `changes` make it; a change to None is a key that an earlier version didn't write."""
    return Manifest.from_json({name: value for name, value in manifest_json(**changes).items() if value is not None})


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    (tmp_path / "run").mkdir()
    return RunFolder(tmp_path / "run")


def test_a_run_that_was_killed_while_it_began_is_begun_anew(folder: RunFolder) -> None:
    (folder.root / "pretrained").mkdir()
    for path in (folder.splits, folder.left_out, folder.events):
        path.touch()
        assert previous(folder, manifest(), pd.DataFrame()) is None


def test_a_folder_of_other_files_is_refused(folder: RunFolder) -> None:
    folder.weights("lenet-tuned-seed0").parent.mkdir()
    with pytest.raises(ResultsError, match="holds other files"):
        previous(folder, manifest(), pd.DataFrame())


def test_a_log_that_says_nothing_of_groups_kept_copies_together() -> None:
    old = manifest(groups=None, holdout=None)
    assert declared(old) == declared(manifest(groups="duplicates", holdout=False))
    assert declared(old) != declared(manifest(groups="none", holdout=False))


def test_rungs_are_no_part_of_a_declaration() -> None:
    other = manifest(pairs={"lenet": pair_json(rungs=[1, 2])}, reduction_factor=4)
    assert declared(manifest()) == declared(other)


def test_the_image_size_of_a_pair_is_declared_and_how_its_images_look_is_not() -> None:
    other = manifest(pairs={"lenet": pair_json(image_size=24, appearance={"mean": [0.5]})})
    assert describe_changes(declared(manifest()), declared(other)) == ['pairs.lenet.image_size: "the study\'s" -> 24']
    looked_otherwise = manifest(pairs={"lenet": pair_json(image_size=24)})
    assert declared(other) == declared(looked_otherwise)


def test_what_an_earlier_version_did_not_record_is_what_it_meant() -> None:
    dataset = manifest_json()["dataset"] | {"trimmed": False, "ordinal": False}
    old = {name: value for name, value in dataset.items() if name not in ("trimmed", "ordinal")}
    assert declared(manifest(dataset=old)) == declared(manifest(dataset=dataset))
    recipe = pair_json()["recipe"]
    before_depth = {name: value for name, value in recipe.items() if name != "depth"}
    assert declared(manifest(pairs={"lenet": pair_json(recipe=before_depth)})) == declared(manifest())


def of(changes: dict[str, object]) -> StudyState:
    return StudyState(declared=manifest(**{"precision": None, **changes}))


def test_a_run_that_begins_takes_the_precision_that_is_asked_for_and_leaves_it_open_otherwise() -> None:
    assert precision(None, "float32") == "float32"
    assert precision(None, None) == ""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"precision": "bfloat16"}, "bfloat16"),
        # As logs of version 0.1.0 have it.
        ({}, "float32"),
        ({"slots": {"num": 4, "cpus": 1, "gpus": 0.25}}, "bfloat16"),
    ],
)
def test_a_run_goes_on_in_the_precision_that_it_began_in(changes: dict[str, object], expected: str) -> None:
    assert precision(of(changes), None) == expected
    assert precision(of(changes), expected) == expected
    other = "float32" if expected == "bfloat16" else "bfloat16"
    with pytest.raises(ResultsError, match=f"began in {expected} and --precision asks for {other}"):
        precision(of(changes), other)
