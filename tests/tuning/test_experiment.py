"""Real trials in real actors of one Ray session."""

import json
import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ray import tune

from study import records, run
from study.records import RunFolder
from study.tuning.experiment import run_programme
from study.tuning.failures import Failure
from study.tuning.plan import Options, make_plan
from study.tuning.resources import Slots
from study.tuning.task import Running, Task, encoded
from study.tuning.trial import run_trial

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
    assert command(finished_run) == run.DONE
    assert log.read_bytes() == before


def test_one_slot_and_one_seed_give_the_same_trials_twice(
    finished_run: Path, ray_started: None, command: Command, tmp_path: Path
) -> None:
    assert command(tmp_path, "--cpus-per-trial", "2") == run.DONE
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
    assert command(tmp_path, "--cpus-per-trial", "2") == run.DONE
    pd.testing.assert_frame_equal(trials_of(tmp_path), trials_of(finished_run))
    assert len(events_of(tmp_path, "test_opened")) == 1


def test_two_studies_run_as_one_experiment_and_come_to_what_each_comes_to_alone(
    finished_run: Path, ray_started: None, command: Command, tiny_study: Path, tmp_path: Path
) -> None:
    second = tmp_path / "second.py"
    second.write_text(tiny_study.read_text().replace('"four_block_cnn": Recipe(batch_size=8, dropout=0.1)', ""))
    assert command(tmp_path, str(second), "--cpus-per-trial", "2") == run.DONE
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
    assert command(finished_run, "--epochs", "3") == run.USER_ERROR
    message = capsys.readouterr().err
    assert "epochs: 4 -> 3" in message
    assert "--fresh" in message
    assert log.read_bytes() == before


def test_a_study_goes_on_with_the_rungs_that_it_began_with(
    finished_run: Path, command: Command, tmp_path: Path
) -> None:
    shutil.copytree(finished_run / RUN, tmp_path / RUN)
    folder = RunFolder(tmp_path / RUN)
    # As an earlier version had them.
    content, num_changed = re.subn(r'"rungs": \[[\d, ]+\]', '"rungs": [3]', folder.events.read_text())
    assert num_changed == 2
    folder.events.write_text(content.replace('"reduction_factor": 2', '"reduction_factor": 7'))
    assert command(tmp_path) == run.DONE
    manifest = json.loads(folder.manifest.read_text())
    assert (manifest["reduction_factor"], manifest["pairs"]["lenet"]["rungs"]) == (7, [3])


def test_more_trials_after_the_test_split_was_opened_are_refused(
    finished_run: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(finished_run, "--trials", "6") == run.USER_ERROR
    assert "test split has been opened" in capsys.readouterr().err


def test_a_test_split_is_opened_a_second_time_on_request_only(
    finished_run: Path, ray_started: None, command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = tmp_path / "ledger.jsonl"
    shutil.copy(finished_run / "test-openings.jsonl", ledger)
    again = [tmp_path, "--ledger", str(ledger), "--trials", "1", "--epochs", "1", "--seeds", "1"]
    assert command(*again) == run.USER_ERROR
    message = capsys.readouterr().err
    assert "was opened before" in message
    assert "--open-test-again" in message
    assert not (tmp_path / RUN).exists()
    assert command(*again, "--open-test-again") == run.DONE
    assert "opened for time 2" in capsys.readouterr().err
    assert len(list(records.read_events(ledger))) == 2
    state = records.load_run(RunFolder(tmp_path / RUN))
    (earlier,) = state.manifest["opened_before"]
    assert (earlier["run"], earlier["num_images"]) == (RUN, 20)
    # The run knows its own opening when its report is drawn again.
    assert command(*again) == run.DONE
    assert len(list(records.read_events(ledger))) == 2


class _FixedTasks:
    """Deals given tasks, one after another, and keeps what is reported; in the programme's place."""

    halted = ""

    def __init__(self, tasks: list[Task]) -> None:
        self.waiting = list(tasks)
        self.reports: dict[str, list[dict[str, Any]]] = {task.id: [] for task in tasks}

    @property
    def done(self) -> bool:
        return not self.waiting

    def next_task(self) -> Task | None:
        return self.waiting.pop(0) if self.waiting else None

    def on_report(self, task: Task, report: dict[str, Any]) -> bool:
        self.reports[task.id].append(dict(report))
        return False

    def on_lost(self, task: Task, failure: Failure) -> None:
        raise AssertionError(f"{task.id}: {failure}")


def test_short_trials_fill_every_slot(ray_started: None, tmp_path: Path) -> None:
    # Shorter than the start of an actor. Defined in here, since the actors can't import this module.
    def sleep(config: dict[str, Any]) -> None:
        time.sleep(0.5)
        tune.report(encoded({"event": "completed", "worker": os.getpid()}))

    recipe: dict[str, Any] = {}
    tasks = [
        Task(run="r", id=f"t{i}", pair="p", kind="search", number=i, recipe_name="search", recipe=recipe, seed=0)
        for i in range(60)
    ]
    fixed: Any = _FixedTasks(tasks)
    run_programme(
        fixed,
        sleep,
        folders={"r": RunFolder(tmp_path)},
        slots=Slots(num=4, cpus=0.5, gpus=0),
        running=Running(num_workers=0),
    )
    counts = Counter(report["worker"] for (report,) in fixed.reports.values())
    # Where each new trial is given to the first actor, the others are thrown away before they have started.
    assert len(counts) == 4
    assert sum(sorted(counts.values())[:-1]) >= len(tasks) / 4


def run_tasks(
    recipes: list[dict[str, Any]], images: Path, study: Path, folder: Path, *, num_workers: int = 0
) -> list[list[dict[str, Any]]]:
    """What an actor reports for each recipe, times left out."""
    options = Options(
        data=images, results=folder, cache=folder / "cache", budget="demo", trials=1, epochs=2, seeds=1, audit=None,
        image_size=16, architectures=(), weights=(), seed=0, groups="duplicates", holdout=False, skip_unreadable=False,
        fresh=False, storage="", ledger=folder / "test-openings.jsonl", open_test_again=False, command="",
    )  # fmt: skip
    plan = make_plan("tiny", run.find_study(str(study)), options)
    # By its log a trial knows that it sees the run's folder.
    records.EventLog(plan.folder.events).close()
    slots = Slots(num=1, cpus=1, gpus=0)
    running = Running(num_workers=num_workers)
    trainable = tune.with_parameters(run_trial, workloads={plan.run: plan.workload(slots, running)})
    tasks = [
        Task(
            run=plan.run, id=f"t{i}", pair="lenet", kind="search", number=i, recipe_name="search", recipe=recipe, seed=5
        )
        for i, recipe in enumerate(recipes)
    ]
    fixed: Any = _FixedTasks(tasks)
    run_programme(fixed, trainable, folders={plan.run: plan.folder}, slots=slots, running=running)
    return [
        [{k: v for k, v in report.items() if "seconds" not in k and k != "worker"} for report in reports]
        for reports in fixed.reports.values()
    ]


def test_a_recipe_gives_the_same_epochs_first_and_tenth_in_one_actor(
    ray_started: None, tiny_images: Path, tiny_study: Path, tmp_path: Path
) -> None:
    recipe = run.find_study(str(tiny_study)).pairs["lenet"]
    same = recipe.with_values({"augmentation": "strong", "dropout": 0.3}).hyperparameters()
    others = [
        recipe.with_values({"batchnorm": True, "lr": 10**-i, "optimizer": "sgd"}).hyperparameters() for i in range(1, 9)
    ]
    reports = run_tasks([same, *others, same], tiny_images, tiny_study, tmp_path)
    assert [r["event"] for r in reports[0]] == ["epoch", "epoch", "completed"]
    assert reports[9] == reports[0]
    assert reports[1] != reports[0]


def test_a_recipe_that_diverges_fails_with_its_reason_and_the_next_one_trains(
    ray_started: None, tiny_images: Path, tiny_study: Path, tmp_path: Path
) -> None:
    good = run.find_study(str(tiny_study)).pairs["lenet"]
    bad = good.with_values({"optimizer": "sgd", "lr": 1e30})
    recipes = [bad.hyperparameters(), good.hyperparameters()]
    failed, trained = run_tasks(recipes, tiny_images, tiny_study, tmp_path)
    assert failed[-1]["event"] == "failed"
    assert "DivergedError" in failed[-1]["reason"]
    assert [r["event"] for r in trained] == ["epoch", "epoch", "completed"]


def test_a_worker_group_gives_the_same_losses_as_local_mode(
    ray_started: None, tiny_images: Path, tiny_study: Path, tmp_path: Path
) -> None:
    plain = run.find_study(str(tiny_study)).pairs["lenet"].with_values({"optimizer": "sgd"})
    recipe = plain.with_values({"augmentation": "strong", "batchnorm": True}).hyperparameters()
    bad = plain.with_values({"lr": 1e30}).hyperparameters()
    (local,), (one,), (two, diverged) = (
        run_tasks(recipes, tiny_images, tiny_study, tmp_path / f"{num}", num_workers=num)
        for num, recipes in enumerate([[recipe], [recipe], [recipe, bad]])
    )
    assert [r["event"] for r in local] == ["epoch", "epoch", "completed"]
    assert one == local
    assert [r["event"] for r in two] == ["epoch", "epoch", "completed"]
    assert (local[-1]["num_processes"], two[-1]["num_processes"]) == (1, 2)
    for ours, theirs in zip(local, two, strict=True):
        assert numbers(theirs) == pytest.approx(numbers(ours), rel=1e-4)
    # A worker's error is known for what it is: this one is not worth another attempt.
    assert (diverged[-1]["event"], diverged[-1]["kind"]) == ("failed", "diverged")


def numbers(report: dict[str, Any]) -> dict[str, float]:
    return {k: v for k, v in report.items() if isinstance(v, float)}
