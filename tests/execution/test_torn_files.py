"""Files of a results folder that were cut: made again, or missed with a message; never taken as they are."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from study import records
from study.command import DONE, USER_ERROR
from study.errors import ResultsError
from study.execution.study_session import forget_damaged, is_complete, require_whole
from study.records import RunFolder, read_explanations
from study.report import draw_report
from study.report.core.study_run import load

Command = Callable[..., int]
DERIVED = ("study.json", "trials.csv", "seed_runs.csv", "epochs.csv", "splits.csv")


@pytest.fixture
def copied(finished_run: Path, tmp_path: Path) -> RunFolder:
    """A copy of a finished run, to be damaged."""
    shutil.copytree(finished_run / "tiny", tmp_path / "tiny")
    return RunFolder(tmp_path / "tiny")


def cut(path: Path, generator: random.Random) -> None:
    os.truncate(path, generator.randrange(path.stat().st_size))


def before_the_test(folder: RunFolder) -> None:
    """Takes the log back to where all seed runs are complete, and the test split is closed."""
    lines = folder.events.read_bytes().splitlines(keepends=True)
    test = next(i for i, line in enumerate(lines) if b'"trial": "test"' in line)
    folder.events.write_bytes(b"".join(lines[:test]))


def test_derived_files_of_a_finished_study_are_made_again(
    finished_run: Path, copied: RunFolder, command: Command
) -> None:
    for name in (*DERIVED, "optuna.journal"):
        cut(copied.root / name, random.Random(name))
    assert command(copied.root.parent) == DONE
    for name in DERIVED:
        assert (copied.root / name).read_bytes() == (finished_run / "tiny" / name).read_bytes()


@pytest.mark.parametrize("number", range(20))
def test_weights_and_predictions_that_were_cut_are_missed(copied: RunFolder, number: int) -> None:
    generator = random.Random(number)
    kept = sorted([*copied.root.glob("weights/*.pt"), *copied.root.glob("predictions/*.csv")])
    damaged = generator.choice(kept)
    cut(damaged, generator)
    with pytest.raises(ResultsError, match=damaged.name):
        require_whole(copied, records.load_run(copied))
    if damaged.suffix == ".csv":
        with pytest.raises(ResultsError, match=damaged.name):
            load(copied)


@pytest.mark.parametrize("number", range(20))
def test_a_seed_run_whose_files_were_cut_before_the_test_is_forgotten(copied: RunFolder, number: int) -> None:
    before_the_test(copied)
    generator = random.Random(number)
    damaged = generator.choice(sorted([*copied.root.glob("weights/*.pt"), *copied.root.glob("predictions/*-val.csv")]))
    cut(damaged, generator)
    state = records.load_run(copied)
    known = set(state.trials)
    forget_damaged(copied, state)
    (forgotten,) = known - set(state.trials)
    assert damaged.name.startswith(forgotten)


@pytest.mark.parametrize("number", range(20))
def test_a_log_that_was_cut_is_a_beginning_of_the_study(
    copied: RunFolder, command: Command, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    whole = list(records.read_events(copied.events))
    cut(copied.events, random.Random(number))
    left = list(records.read_events(copied.events))
    assert left == whole[: len(left)]
    state = records.replay(left)
    for trial in state.trials.values():
        assert [e["epoch"] for e in trial.epochs] == list(range(1, len(trial.epochs) + 1))


def test_a_folder_without_a_whole_event_is_refused_with_the_ways_on(
    copied: RunFolder, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    os.truncate(copied.events, 40)
    assert command(copied.root.parent) == USER_ERROR
    message = capsys.readouterr().err
    assert "no whole line" in message
    assert "--fresh" in message


def test_a_seed_run_whose_weights_were_cut_before_the_test_is_trained_again(
    finished_run: Path, ray_started: None, copied: RunFolder, command: Command
) -> None:
    before_the_test(copied)
    damaged = min(copied.root.glob("weights/*.pt"))
    cut(damaged, random.Random(0))
    assert command(copied.root.parent, "--cpus-per-trial", "2") == DONE
    for path in sorted((finished_run / "tiny" / "predictions").glob("*.csv")):
        assert path.read_bytes() == (copied.root / "predictions" / path.name).read_bytes()


def test_explanations_that_were_cut_are_missed_and_the_results_are_drawn_without_them(copied: RunFolder) -> None:
    cut(copied.explanations, random.Random(0))
    run_of = load(copied)
    assert run_of.explanations is None
    assert run_of.is_tested
    page = draw_report(copied, copied.root.parent / "reports").read_text()
    missing = page[page.index("**What is missing:**") :]
    assert "explanations.json is missing or not what it was when it was written" in missing.splitlines()[2]
    assert not is_complete(copied, records.load_run(copied))
    state = records.load_run(copied)
    forget_damaged(copied, state)
    assert state.explained is None


def test_explanations_that_were_cut_are_made_again(ray_started: None, copied: RunFolder, command: Command) -> None:
    before = read_explanations(copied.explanations)
    cut(copied.explanations, random.Random(0))
    assert command(copied.root.parent, "--cpus-per-trial", "2") == DONE
    assert read_explanations(copied.explanations).thumbnails.keys() == before.thumbnails.keys()
    assert is_complete(copied, records.load_run(copied))
