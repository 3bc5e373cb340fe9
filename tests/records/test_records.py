from pathlib import Path
from typing import Any

import pytest
from manifests import manifest_json

from study import records
from study.errors import ResultsError
from study.records import COMPLETE, EventLog, RunFolder, read_events, replay
from study.spec import Recipe

STARTED: dict[str, Any] = {
    "trial": "lenet-search0",
    "pair": "lenet",
    "kind": "search",
    "number": 0,
    "recipe_name": "search",
    "recipe": {"lr": 0.1},
    "seed": 0,
}


def epoch(number: int, score: float) -> dict[str, Any]:
    return {"trial": "lenet-search0", "epoch": number, "val_roc_auc": score, "seconds": 1.0}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    log = EventLog(tmp_path / "run" / "events.jsonl")
    log.append("declared", manifest=manifest_json())
    log.append("started", **STARTED)
    log.append("epoch", **epoch(1, 0.6))
    log.append("epoch", **epoch(2, 0.8))
    log.close()
    return log.path


def test_events_are_read_back_as_they_were_appended(path: Path) -> None:
    assert [e["event"] for e in read_events(path)] == ["declared", "started", "epoch", "epoch"]
    trial = replay(read_events(path)).trials["lenet-search0"]
    assert trial.best_score == 0.8
    assert trial.seconds == 2.0
    assert trial.recipe == Recipe(lr=0.1)


def test_a_torn_last_line_is_left_out_and_overwritten(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b'{"event": "compl')
    assert len(list(read_events(path))) == 4
    log = EventLog(path)
    log.append("completed", trial="lenet-search0", epochs=2)
    log.close()
    assert [e["event"] for e in read_events(path)][-2:] == ["epoch", "completed"]
    assert replay(read_events(path)).trials["lenet-search0"].state == COMPLETE


def test_a_damaged_line_in_the_middle_is_an_error_that_names_it(path: Path) -> None:
    lines = path.read_bytes().split(b"\n")
    lines[1] = lines[1][:20]
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(ResultsError, match="line 2"):
        list(read_events(path))


def test_an_epoch_that_was_trained_again_replaces_it_and_what_came_after(path: Path) -> None:
    log = EventLog(path)
    log.append("started", **STARTED)
    log.append("epoch", **epoch(1, 0.7))
    log.close()
    trial = replay(read_events(path)).trials["lenet-search0"]
    assert [(e["epoch"], e["val_roc_auc"]) for e in trial.epochs] == [(1, 0.7)]


def test_another_recipe_under_the_same_name_is_a_new_trial(path: Path) -> None:
    log = EventLog(path)
    log.append("started", **{**STARTED, "recipe": {"lr": 0.2}})
    log.close()
    trial = replay(read_events(path)).trials["lenet-search0"]
    assert trial.epochs == []
    assert trial.recipe == Recipe(lr=0.2)


def test_an_event_of_a_trial_that_was_never_started_is_an_error(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    log.append("epoch", **epoch(1, 0.5))
    log.close()
    with pytest.raises(ResultsError, match="'lenet-search0'"):
        replay(read_events(log.path))


def test_a_folder_without_a_log_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"python -m study\.run"):
        records.load_run(RunFolder(tmp_path))


def test_changes_are_named_field_by_field() -> None:
    old = {"pairs": {"lenet": {"lr": 0.1, "dropout": 0}}, "seed": 0}
    new = {"pairs": {"lenet": {"lr": 0.2, "dropout": 0}}, "seed": 0, "rungs": [1]}
    assert records.describe_changes(old, new) == ["pairs.lenet.lr: 0.1 -> 0.2", "rungs: None -> [1]"]


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "table.csv"
    records.write_atomically(path, "old")
    records.write_atomically(path, "new")
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]
