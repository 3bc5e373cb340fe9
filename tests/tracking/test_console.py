import contextlib
import io
import re
import sys
from pathlib import Path

import pytest
from manifests import manifest_json, pair_json

from study import records
from study.spec import Budget
from study.tracking.console import Progress, clock


def shown(events: list[dict[str, object]], tmp_path: Path) -> list[str]:
    stream, state = io.StringIO(), records.StudyState()
    progress = Progress(Budget(trials=2, epochs=4, seeds=1), 1, stream)
    with contextlib.closing(records.EventLog(tmp_path / "events.jsonl")) as log:
        for event in [{"event": "declared", "manifest": manifest_json()}, *events]:
            record = log.append(**event)  # type: ignore[arg-type]
            state.apply(record)
            progress.on_event(record, state)
    return stream.getvalue().splitlines()


def started(number: int) -> dict[str, object]:
    names = {"pair": "lenet", "kind": "search", "number": number, "recipe_name": "search", "recipe": {}, "seed": 0}
    return {"event": "started", "trial": f"lenet-search{number}", **names}


def epoch(number: int, epoch_number: int, score: float) -> dict[str, object]:
    trial = f"lenet-search{number}"
    return {"event": "epoch", "trial": trial, "epoch": epoch_number, "val_roc_auc": score, "seconds": 1.0}


def test_it_speaks_to_the_stderr_of_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    assert Progress(Budget(trials=2, epochs=4, seeds=1), 1).stream is stream


def test_a_log_file_gets_one_line_for_each_trial_that_ends(tmp_path: Path) -> None:
    events = [
        started(0),
        *[epoch(0, e, 0.5 + e / 10) for e in range(1, 5)],
        {"event": "completed", "trial": "lenet-search0", "best_loss": 0.1},
        started(1),
        epoch(1, 1, 0.4),
        {"event": "stopped", "trial": "lenet-search1", "reason": "rung"},
    ]
    first, second = shown(events, tmp_path)
    assert "lenet trial 0      COMPLETE epoch  4/4  val AUC 0.900 (best) |" in first
    assert "search 1/2, seeds 0/2, " in first
    assert "trial 1      STOPPED  epoch  1/4  val AUC 0.400        |" in second
    # The finalist is the document's recipe, so only one recipe gets seed runs.
    assert "search 2/2, seeds 0/1, " in second


def test_a_failure_says_why(tmp_path: Path) -> None:
    (line,) = shown([started(0), {"event": "failed", "trial": "lenet-search0", "reason": "no memory"}], tmp_path)
    assert "FAILED" in line
    assert "no memory" in line


def test_opening_the_test_split_is_announced(tmp_path: Path) -> None:
    (line,) = shown([{"event": "test_opened", "num_images": 20, "trials": ["a", "b"]}], tmp_path)
    assert "20 images" in line
    assert "2 seed runs" in line


def test_the_time_left_counts_no_start_and_is_not_told_from_a_few_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter([0.0, 100.0, *(100.0 + 2 * n for n in range(1, 60))])
    monkeypatch.setattr("study.tracking.console.time.monotonic", lambda: next(ticks))
    events = [
        started(0),
        *[epoch(0, e, 0.5) for e in range(1, 4)],
        {"event": "completed", "trial": "lenet-search0", "best_loss": 0.1},
        started(1),
        *[epoch(1, e, 0.5) for e in range(1, 5)],
        {"event": "completed", "trial": "lenet-search1", "best_loss": 0.1},
    ]
    first, second = shown(events, tmp_path)
    assert "time left unknown" in first
    # A few ticks an epoch, for the four of a seed run; with the start it would be more than a minute.
    assert int(re.search(r", 0:(\d+) left", second).group(1)) < 40


def test_hours_are_shown_from_the_first_one_on() -> None:
    assert clock(59) == "0:59"
    assert clock(3600) == "1:00:00"


def test_the_best_so_far_is_that_of_trials_that_are_shown(tmp_path: Path) -> None:
    events = [started(0), epoch(0, 1, 0.9), started(1), epoch(1, 1, 0.4)]
    (line,) = shown([*events, {"event": "stopped", "trial": "lenet-search1", "reason": "rung"}], tmp_path)
    assert "trial 1 " in line
    assert "val AUC 0.400 (best)" in line


def test_a_line_is_no_wider_than_most_terminals(tmp_path: Path) -> None:
    longest = [{**started(99), "pair": "efficientnet_b0"}, *[epoch(99, e, 0.5) for e in range(1, 61)]]
    events = [{"event": "declared", "manifest": manifest_json(pairs={"efficientnet_b0": pair_json()})}, *longest]
    *_, line = shown([*events, {"event": "completed", "trial": "lenet-search99", "best_loss": 0.1}], tmp_path)
    assert len(line) <= 120, line
