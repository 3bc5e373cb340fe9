"""Results folders of commit 0faa141 are drawn and gone on with: the same recipes, the same scores, the same tables.

`files/run-of-0faa141` holds what that version left of one small study: `finished`, with the report that it drew;
`interrupted`, killed in the search while a trial was under way; and `gone-on`, its own tables after it had gone on
with the latter. Weights and checkpoints, which are no text, are not kept in the repository: the logs that are read here
name none, and the trial that was under way begins anew. Scores are compared to the last digit: a change of them is a
change of what is computed.
"""

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study import load_winner, records, run
from study.command import DONE
from study.records import RUNNING, SEARCH, RunFolder

FILES = Path(__file__).parent / "files" / "run-of-0faa141"
GoOn = Callable[[], int]


@pytest.fixture
def results(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of one of the folders of results, whose log names no weights."""
    copied: Path = shutil.copytree(FILES / request.param, tmp_path / "results")
    log = RunFolder(copied / "small").events
    events = [json.loads(line) for line in log.read_text().splitlines()]
    for event in events:
        if "files" in event:
            event["files"] = {name: each for name, each in event["files"].items() if not name.startswith("weights/")}
    log.write_text("".join(f"{json.dumps(event)}\n" for event in events))
    return copied


@pytest.fixture
def go_on(results: Path, tiny_images: Path, tmp_path: Path) -> GoOn:
    """Gives the command with which the run was begun once more."""
    arguments = [str(FILES / "small.py"), "--data", str(tiny_images), "--trials", "5", "--epochs", "4", "--seeds", "2"]
    arguments += ["--cpus-per-trial", "2", "--results", str(results), "--reports", str(tmp_path / "reports")]
    arguments += ["--cache", str(tmp_path / "cache"), "--ledger", str(tmp_path / "ledger.jsonl")]
    return lambda: run.main(arguments)


def scores(table: Path) -> pd.DataFrame:
    """Of a results.csv, without its intervals: how those are computed has changed on purpose since."""
    found = pd.read_csv(table).set_index(["architecture", "recipe", "split"])
    return found[[name for name in found if not name.endswith(("_low", "_high"))]]


def figures(page: Path) -> Counter[tuple[str, ...]]:
    """The figures of each row of a report's tables, without intervals and words."""
    rows = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.sub(r"\([^)]*\)|\*", "", row).split("|")] for row in rows]
    figure = re.compile(r"[\N{MINUS SIGN}+]?[\d.,:]+( %)?")
    kept = [tuple(cell for cell in row if figure.fullmatch(cell)) for row in cells]
    return Counter(row for row in kept if len(row) > 1)


@pytest.mark.parametrize("results", ["finished"], indirect=True)
def test_a_finished_run_is_finished_and_its_report_keeps_its_figures(
    results: Path, go_on: GoOn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder(results / "small")
    log, divided = folder.events.read_bytes(), folder.splits.read_bytes()
    assert go_on() == DONE
    said = capsys.readouterr().err
    assert "small is finished; its report is drawn again." in said
    # What only describes the study may be recorded anew.
    added = folder.events.read_bytes().removeprefix(log).decode().splitlines()
    assert all('"event": "declared"' in line for line in added)
    assert "splits.csv is not" not in said
    assert folder.splits.read_bytes() == divided
    then, now = FILES / "finished" / "reports", tmp_path / "reports"
    before, after = scores(then / "results.csv"), scores(now / "small" / "results.csv")
    pd.testing.assert_frame_equal(after.loc[before.index, before.columns], before, check_exact=True)
    told = figures(then / "small.md")
    assert told.total() > 50
    assert told - figures(now / "small.md") == Counter()


@pytest.mark.parametrize("results", ["interrupted"], indirect=True)
def test_an_interrupted_run_is_gone_on_with_as_its_own_version_did(
    ray_started: None, results: Path, go_on: GoOn, tiny_images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder(results / "small")
    before, ended = folder.events.read_bytes(), records.load_run(folder)
    (live,) = [trial.id for trial in ended.trials.values() if trial.state == RUNNING]
    assert go_on() == DONE
    said = capsys.readouterr().err
    assert "goes on: 6 trials have ended, 1 are under way" in said
    # It is as its own version wrote it.
    assert "splits.csv is not" not in said
    assert folder.events.read_bytes().startswith(before)
    state = records.load_run(folder)
    assert len(state.of_kind(SEARCH)) == 10
    epochs = [
        each["epoch"] for each in records.read_events(folder.events) if each.get("trial") == live and "epoch" in each
    ]
    assert epochs == [1, 2, 1, 2, 3, 4]
    for name in (folder.trials.name, folder.seed_runs.name):
        theirs, ours = (pd.read_csv(path) for path in (FILES / "gone-on" / name, folder.root / name))
        pd.testing.assert_frame_equal(ours[theirs.columns].drop(columns="seconds"), theirs.drop(columns="seconds"))
    written = scores(tmp_path / "reports" / "small" / "results.csv")
    wanted = scores(FILES / "finished" / "reports" / "results.csv")
    pd.testing.assert_frame_equal(written.loc[wanted.index, wanted.columns], wanted)
    winner = load_winner("small", results=results)
    assert winner.architecture == "blood_cell_cnn"
    for number, member in enumerate(winner.members):
        recorded = pd.read_csv(folder.predictions(member.trial, "test"))
        pixels = np.stack([winner.read(tiny_images / path) for path in recorded["path"]])
        told = recorded.filter(regex="^p_").to_numpy()
        np.testing.assert_allclose(winner.each(pixels)[number], told, atol=1e-5)
