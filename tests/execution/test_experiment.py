"""Real trials in real actors of one Ray session."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from study import records
from study.command import DONE, USER_ERROR
from study.records import RunFolder
from study.spec import PRECISIONS

RUN = "tiny"

Command = Callable[..., int]


def trials_of(results: Path) -> pd.DataFrame:
    return pd.read_csv(RunFolder(results / RUN).trials).drop(columns="seconds")


def events_of(results: Path, kind: str) -> list[records.Event]:
    return [e for e in records.read_events(RunFolder(results / RUN).events) if e["event"] == kind]


def test_every_pair_has_equal_trials_and_trial_0_is_the_declared_recipe(finished_run: Path) -> None:
    table = trials_of(finished_run)
    assert table.groupby("pair").size().to_dict() == {"lenet": 5, "four_block_cnn": 5}
    first = table[table["number"] == 0].set_index("pair")
    manifest = json.loads(RunFolder(finished_run / RUN).manifest.read_text())
    for pair, declared in manifest["pairs"].items():
        for name, value in declared["recipe"].items():
            assert first.loc[pair, name] == value
    assert set(first["state"]) == {"COMPLETE"}


def test_the_test_split_is_opened_once_for_all_seed_runs(finished_run: Path) -> None:
    (opened,) = events_of(finished_run, "test_opened")
    folder = RunFolder(finished_run / RUN)
    seeds = records.load_run(folder).of_kind(records.SEED)
    assert opened["trials"] == sorted(t.id for t in seeds)
    assert opened["num_images"] == 20
    for trial in seeds:
        predictions = pd.read_csv(folder.predictions(trial.id, "test"))
        assert len(predictions) == 20
        columns = ["p_glioma", "p_meningioma", "p_no_tumor", "p_pituitary"]
        assert predictions[columns].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)


def test_a_finished_run_leaves_weights_but_no_checkpoints(finished_run: Path) -> None:
    folder = RunFolder(finished_run / RUN)
    assert not (folder.root / "checkpoints").exists()
    for trial in records.load_run(folder).of_kind(records.SEED):
        assert folder.weights(trial.id).exists()


def test_the_journal_opens_in_optuna_with_stopped_trials_pruned(finished_run: Path) -> None:
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalStorage

    path = RunFolder(finished_run / RUN).optuna_journal
    storage = JournalStorage(JournalFileBackend(str(path)))
    study = optuna.load_study(study_name="lenet", storage=storage)
    states = {"COMPLETE": "COMPLETE", "STOPPED": "PRUNED"}
    table = trials_of(finished_run)
    expected = [states[s] for s in table[table["pair"] == "lenet"]["state"]]
    trials = sorted(study.trials, key=lambda t: t.user_attrs["number"])
    assert [t.state.name for t in trials] == expected
    for trial, epochs in zip(trials, table[table["pair"] == "lenet"]["epochs"], strict=True):
        assert len(trial.intermediate_values) == epochs


def test_the_same_command_again_trains_nothing(finished_run: Path, command: Command) -> None:
    log = RunFolder(finished_run / RUN).events
    before = log.read_bytes()
    assert command(finished_run) == DONE
    assert log.read_bytes() == before


def test_one_slot_and_one_seed_give_the_same_trials_twice(
    finished_run: Path, ray_started: None, command: Command, tmp_path: Path
) -> None:
    assert command(tmp_path, "--cpus-per-trial", "2") == DONE
    pd.testing.assert_frame_equal(trials_of(tmp_path), trials_of(finished_run))


@pytest.mark.parametrize("share", [0.2, 0.7])
def test_a_killed_study_goes_on_to_the_same_trials(
    finished_run: Path, ray_started: None, command: Command, tmp_path: Path, share: float
) -> None:
    # What a kill leaves: a log that ends in the middle of a line, and none of the files derived from it.
    shutil.copytree(finished_run / RUN, tmp_path / RUN)
    log = RunFolder(tmp_path / RUN).events
    content = log.read_bytes()
    log.write_bytes(content[: int(len(content) * share)])
    RunFolder(tmp_path / RUN).trials.unlink()
    assert command(tmp_path, "--cpus-per-trial", "2") == DONE
    pd.testing.assert_frame_equal(trials_of(tmp_path), trials_of(finished_run))
    assert len(events_of(tmp_path, "test_opened")) == 1


def test_two_studies_run_as_one_experiment_and_come_to_what_each_comes_to_alone(
    finished_run: Path, ray_started: None, command: Command, tiny_study: Path, tmp_path: Path
) -> None:
    second = tmp_path / "second.py"
    second.write_text(tiny_study.read_text().replace('"four_block_cnn": Recipe(batch_size=8, dropout=0.1)', ""))
    assert command(tmp_path, str(second), "--cpus-per-trial", "2") == DONE
    pd.testing.assert_frame_equal(trials_of(tmp_path), trials_of(finished_run))
    other = pd.read_csv(RunFolder(tmp_path / "second").trials).drop(columns="seconds")
    assert other.groupby("pair").size().to_dict() == {"lenet": 5}
    for name in (RUN, "second"):
        state = records.load_run(RunFolder(tmp_path / name))
        assert state.finished
        assert (tmp_path / "reports" / f"{name}.md").exists()
    first, following = (
        [e["time"] for e in records.read_events(RunFolder(tmp_path / name).events)] for name in (RUN, "second")
    )
    # One slot: the second study's turn comes when the first has nothing left to do.
    assert max(first) <= min(time for time in following[1:])


def test_a_changed_declaration_is_refused_and_says_what_changed(
    finished_run: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    log = RunFolder(finished_run / RUN).events
    before = log.read_bytes()
    assert command(finished_run, "--epochs", "3") == USER_ERROR
    message = capsys.readouterr().err
    assert "epochs: 4 -> 3" in message
    assert "--fresh" in message
    assert log.read_bytes() == before


def test_a_study_is_not_gone_on_with_in_another_precision(
    finished_run: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    began = json.loads(RunFolder(finished_run / RUN).manifest.read_text())["precision"]
    (other,) = set(PRECISIONS) - {began}
    assert command(finished_run, "--precision", other) == USER_ERROR
    assert f"began in {began}" in capsys.readouterr().err


def test_a_study_goes_on_with_the_rungs_that_it_began_with(
    finished_run: Path, command: Command, tmp_path: Path
) -> None:
    shutil.copytree(finished_run / RUN, tmp_path / RUN)
    folder = RunFolder(tmp_path / RUN)
    # As an earlier version had them.
    content, num_changed = re.subn(r'"rungs": \[[\d, ]+\]', '"rungs": [3]', folder.events.read_text())
    assert num_changed == 2
    folder.events.write_text(content.replace('"reduction_factor": 2', '"reduction_factor": 7'))
    assert command(tmp_path) == DONE
    manifest = json.loads(folder.manifest.read_text())
    assert (manifest["reduction_factor"], manifest["pairs"]["lenet"]["rungs"]) == (7, [3])


def test_more_trials_after_the_test_split_was_opened_are_refused(
    finished_run: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(finished_run, "--trials", "6") == USER_ERROR
    assert "test split has been opened" in capsys.readouterr().err


def test_a_test_split_is_opened_a_second_time_on_request_only(
    finished_run: Path, ray_started: None, command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = tmp_path / "ledger.jsonl"
    shutil.copy(finished_run / "test-openings.jsonl", ledger)
    again = [tmp_path, "--ledger", str(ledger), "--trials", "1", "--epochs", "1", "--seeds", "1"]
    assert command(*again) == USER_ERROR
    message = capsys.readouterr().err
    assert "was opened before" in message
    assert "--open-test-again" in message
    assert not (tmp_path / RUN).exists()
    assert command(*again, "--open-test-again") == DONE
    assert "will be opened again" in capsys.readouterr().err
    assert len(list(records.read_events(ledger))) == 2
    state = records.load_run(RunFolder(tmp_path / RUN))
    (earlier,) = state.manifest.opened_before
    assert (earlier.run, earlier.num_images) == (RUN, 20)
    # The run knows its own opening when its report is drawn again.
    assert command(*again) == DONE
    assert len(list(records.read_events(ledger))) == 2
