"""Which results folders can be gone on with."""

from pathlib import Path

import pandas as pd
import pytest

from study.errors import ResultsError
from study.planning.resume import declared, precision, previous
from study.records import RunFolder, StudyState

MANIFEST = {"dataset": {"name": "example"}, "pairs": {"lenet": {"rungs": [3], "weights": None}}, "seed": 0}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    (tmp_path / "run").mkdir()
    return RunFolder(tmp_path / "run")


def test_a_run_that_was_killed_while_it_began_is_begun_anew(folder: RunFolder) -> None:
    (folder.root / "pretrained").mkdir()
    for path in (folder.splits, folder.left_out, folder.events):
        path.touch()
        assert previous(folder, {}, pd.DataFrame()) is None


def test_a_folder_of_other_files_is_refused(folder: RunFolder) -> None:
    folder.weights("lenet-tuned-seed0").parent.mkdir()
    with pytest.raises(ResultsError, match="holds other files"):
        previous(folder, {}, pd.DataFrame())


def test_a_log_that_says_nothing_of_groups_kept_copies_together() -> None:
    assert declared(MANIFEST) == declared({**MANIFEST, "groups": "duplicates", "holdout": False})
    assert declared(MANIFEST) != declared({**MANIFEST, "groups": "none"})


def test_rungs_are_no_part_of_a_declaration() -> None:
    other = {**MANIFEST, "pairs": {"lenet": {"rungs": [1, 2], "weights": None}}, "reduction_factor": 4}
    assert declared(MANIFEST) == declared(other)


def of(manifest: dict[str, object]) -> StudyState:
    return StudyState(manifest={"run": "example", "slots": {"gpus": 0}, **manifest})


def test_a_run_that_begins_takes_the_precision_that_is_asked_for_and_leaves_it_open_otherwise() -> None:
    assert precision(None, "float32") == "float32"
    assert precision(None, None) == ""


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ({"precision": "bfloat16"}, "bfloat16"),
        # As logs of version 0.1.0 have it.
        ({}, "float32"),
        ({"slots": {"gpus": 0.25}}, "bfloat16"),
    ],
)
def test_a_run_goes_on_in_the_precision_that_it_began_in(manifest: dict[str, object], expected: str) -> None:
    assert precision(of(manifest), None) == expected
    assert precision(of(manifest), expected) == expected
    other = "float32" if expected == "bfloat16" else "bfloat16"
    with pytest.raises(ResultsError, match=f"began in {expected} and --precision asks for {other}"):
        precision(of(manifest), other)
