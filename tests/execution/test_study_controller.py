"""The controller, driven without Ray: each task is answered by a formula instead of a training."""

import io
import math
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from manifests import manifest_json, pair_json
from ray import tune

from study import records
from study.errors import DeclarationError
from study.execution.study_controller import StudyController
from study.execution.task import Task
from study.records import COMPLETE, FAILED, PAUSED, SEARCH, SEED, STOPPED, Trial
from study.search import Continue, History, Problem, SearchPolicy, Start, Verdict, make_policy
from study.spec import Budget, Recipe, ray_domains
from study.tracking.console import Progress
from study.training.failures import DISK, DIVERGED, ERROR, MAX_ATTEMPTS, OUT_OF_MEMORY, Failure

SPACE = {"lr": tune.loguniform(1e-5, 1e-1), "dropout": tune.uniform(0.0, 0.7)}
RECIPES = {"lenet": Recipe(lr=5e-2, dropout=0.6), "alexnet": Recipe(lr=8e-2, dropout=0.5)}
BUDGET = Budget(trials=9, epochs=9, seeds=2)
MANIFEST = manifest_json(
    run="tiny", reduction_factor=3, pairs={name: pair_json(rungs=[1, 3], weights=None) for name in RECIPES}
)


class InterruptedStudyError(Exception):
    pass


def policy(pair: str, budget: Budget) -> SearchPolicy:
    problem = Problem(
        architecture=pair,
        distributions=ray_domains.distributions(SPACE),
        trials=budget.trials,
        epochs=budget.epochs,
        grace=1,
        reduction_factor=3,
    )
    return make_policy(problem, search="tpe", stopping="asha")


class InHeats:
    """Pauses every trial after its first three epochs; of each three that are paused the best goes on."""

    def __init__(self, inner: SearchPolicy) -> None:
        self.inner = inner

    def describe(self) -> dict[str, Any]:
        return {"title": "heats of three", "rungs": [3]}

    def next(self, history: History) -> Start | Continue | None:
        ended = [trial for trial in history.trials if len(trial.epochs) > 3]
        paused = [trial for trial in history.trials if trial.state == PAUSED]
        if len(paused) >= 3 + 2 * len([trial for trial in ended if trial.number > 0]):
            return Continue(max(paused, key=lambda trial: trial.best_score).id)
        return self.inner.next(history)

    def on_epoch(self, history: History, trial: Trial) -> Verdict:
        del trial
        return Verdict.PAUSE if history.reports[-1].epoch == 3 else Verdict.GO


def make(path: Path, budget: Budget = BUDGET, *, in_heats: bool = False) -> StudyController:
    log = records.EventLog(path)
    state = records.replay(records.read_events(path))
    if state.declared is None:
        state.apply(log.append("declared", manifest=MANIFEST))
    controller = StudyController(
        log=log,
        state=state,
        recipes=RECIPES,
        searches={pair: InHeats(policy(pair, budget)) if in_heats else policy(pair, budget) for pair in RECIPES},
        first=dict.fromkeys(RECIPES, ()),
        budget=budget,
    )
    controller.begin()
    return controller


def score(recipe: Recipe, epoch: int) -> float:
    """Best at lr 1e-3 and no dropout; better with each epoch."""
    return float(1 - 0.1 * abs(math.log10(recipe.lr) + 3) - 0.2 * recipe.dropout - 1 / (epoch + 2))


def reports(task: Task, epochs: int) -> Iterator[dict[str, Any]]:
    # Of the last epoch that was recorded there is no checkpoint.
    for epoch in range(max(1, task.epochs_recorded), epochs + 1):
        value = score(task.recipe, epoch)
        yield {"event": "epoch", "epoch": epoch, "val_roc_auc": value, "val_loss": 1 - value, "seconds": 0.0}
    yield {"event": "completed", "epochs": epochs, "best_score": score(task.recipe, epochs), "best_loss": 0.1}


def failed(reason: str, kind: str = ERROR) -> dict[str, str]:
    return {"event": "failed", "kind": kind, "reason": reason, "traceback": ""}


Live = list[tuple[Task, Iterator[dict[str, Any]]]]


def drive(
    controller: StudyController,
    *,
    num_slots: int = 1,
    interrupt_after: int = 10**9,
    fail_test: bool = False,
    live: Live | None = None,
) -> None:
    """Runs the study with some slots, taking turns; raises InterruptedStudyError after a number of reports."""
    try:
        _drive(controller, num_slots, interrupt_after, fail_test, live or [])
    finally:
        controller.log.close()


def carry_out(controller: StudyController, task: Task) -> None:
    """A task that trains nothing."""
    if task.kind == "test":
        controller.on_report(task.id, {"event": "test_opened", "evaluation_set": "test", "num_images": 1, "trials": []})
    controller.on_report(task.id, {"event": "completed", "epochs": 0})


def _drive(controller: StudyController, num_slots: int, interrupt_after: int, fail_test: bool, live: Live) -> None:
    num_reports = 0
    while not controller.done:
        while len(live) < num_slots and (task := controller.next_task()):
            if task.kind == "test" and fail_test:
                controller.on_report(task.id, failed("weights are gone"))
                if controller.state.trials[task.id].state == FAILED:
                    assert controller.next_task() is None
                    raise InterruptedStudyError
                continue
            if task.kind in ("test", "explain"):
                carry_out(controller, task)
                continue
            live.append((task, reports(task, controller.budget.epochs)))
        for entry in list(live):
            report = next(entry[1])
            if controller.on_report(entry[0].id, report) or report["event"] == "completed":
                live.remove(entry)
            num_reports += 1
            if num_reports >= interrupt_after:
                raise InterruptedStudyError


def outcome(controller: StudyController) -> list[Any]:
    return [
        (t.id, t.recipe, t.seed, t.state, [e["val_roc_auc"] for e in t.epochs])
        for kind in (SEARCH, SEED)
        for t in controller.state.of_kind(kind)
    ]


def test_each_pair_gets_its_trials_and_trial_0_is_the_documents_recipe_run_to_its_end(tmp_path: Path) -> None:
    controller = make(tmp_path / "events.jsonl")
    drive(controller, num_slots=2)
    for pair, recipe in RECIPES.items():
        searched = controller.state.of_kind(SEARCH, pair)
        assert [t.number for t in searched] == list(range(BUDGET.trials))
        assert searched[0].recipe == recipe
        assert searched[0].state == COMPLETE
        assert {t.state for t in searched} == {COMPLETE, STOPPED}
        assert all(len(t.epochs) in (1, 3) for t in searched if t.state == STOPPED)


def test_seed_runs_train_the_finalist_and_the_documents_recipe_with_the_same_new_seeds(tmp_path: Path) -> None:
    controller = make(tmp_path / "events.jsonl")
    drive(controller)
    for pair, recipe in RECIPES.items():
        finalist = controller.state.finalist(pair)
        assert finalist is not None
        assert finalist.number > 0
        tuned = controller.state.seed_runs(pair, "tuned")
        document = controller.state.seed_runs(pair, "document")
        assert [t.recipe for t in tuned] == [finalist.recipe] * BUDGET.seeds
        assert [t.recipe for t in document] == [recipe] * BUDGET.seeds
        assert [t.seed for t in tuned] == [t.seed for t in document]
        assert finalist.seed not in {t.seed for t in tuned}


def test_a_finalist_that_is_the_documents_recipe_is_trained_once(tmp_path: Path) -> None:
    controller = make(tmp_path / "events.jsonl", Budget(trials=1, epochs=3, seeds=2))
    drive(controller)
    assert len(controller.state.of_kind(SEED)) == 2 * len(RECIPES)
    for pair in RECIPES:
        assert controller.state.seed_runs(pair, "tuned") == controller.state.seed_runs(pair, "document")


def test_the_test_split_is_opened_once_after_everything_else(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    drive(make(path), num_slots=3)
    events = [e["event"] for e in records.read_events(path)]
    assert events.count("test_opened") == 1
    assert events[-5:] == ["test_opened", "completed", "finished", "started", "completed"]


@pytest.mark.parametrize("interrupt_after", [1, 7, 30, 60, 90])
def test_an_interrupted_study_ends_as_if_nothing_had_happened(tmp_path: Path, interrupt_after: int) -> None:
    whole = make(tmp_path / "whole.jsonl")
    drive(whole)
    path = tmp_path / "interrupted.jsonl"
    with pytest.raises(InterruptedStudyError):
        drive(make(path), interrupt_after=interrupt_after)
    with path.open("ab") as file:
        file.write(b'{"event": "epoch", "tr')  # What a power cut leaves.
    again = make(path)
    drive(again)
    assert outcome(again) == outcome(whole)
    assert {pair: history.reports for pair, history in again.histories.items()} == {
        pair: history.reports for pair, history in whole.histories.items()
    }


def test_a_policy_may_pause_trials_and_go_on_with_some_and_the_others_end_with_the_search(tmp_path: Path) -> None:
    whole = make(tmp_path / "whole.jsonl", in_heats=True)
    drive(whole)
    for pair in RECIPES:
        searched = whole.state.of_kind(SEARCH, pair)
        # The starting recipe is never held up.
        assert len(searched[0].epochs) == BUDGET.epochs
        went_on = [trial for trial in searched[1:] if trial.state == COMPLETE]
        assert len(went_on) == 2
        assert {trial.state for trial in searched} == {COMPLETE, STOPPED}
        assert all(len(trial.epochs) == 3 for trial in searched if trial.state == STOPPED)
        assert "paused" in searched[-1].result.get("reason", "paused")
    for interrupt_after in (5, 20, 40, 62):
        path = tmp_path / f"{interrupt_after}.jsonl"
        with pytest.raises(InterruptedStudyError):
            drive(make(path, in_heats=True), interrupt_after=interrupt_after)
        again = make(path, in_heats=True)
        drive(again)
        assert outcome(again) == outcome(whole)


def test_more_trials_than_before_continue_the_search_and_train_a_new_finalist(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with pytest.raises(InterruptedStudyError):
        drive(make(path, Budget(trials=2, epochs=9, seeds=1)), interrupt_after=50)
    before = {t.id for t in records.replay(records.read_events(path)).of_kind(SEARCH)}
    again = make(path, Budget(trials=6, epochs=9, seeds=1))
    drive(again)
    assert before < {t.id for t in again.state.of_kind(SEARCH)}
    for pair in RECIPES:
        finalist = again.state.finalist(pair)
        assert finalist is not None
        assert len(again.state.of_kind(SEARCH, pair)) == 6
        assert [t.recipe for t in again.state.seed_runs(pair, "tuned")] == [finalist.recipe]


def test_a_trial_whose_worker_dies_is_tried_again_and_the_study_goes_on(tmp_path: Path) -> None:
    controller = make(tmp_path / "events.jsonl")
    task = controller.next_task()
    assert task is not None
    controller.on_lost(task.id, Failure("lost", "its worker process died"))
    again = controller.next_task()
    assert again == task
    drive(controller, live=[(task, reports(task, BUDGET.epochs))])
    trial = controller.state.trials[task.id]
    assert trial.state == COMPLETE
    assert [a["reason"] for a in trial.attempts] == ["its worker process died"]
    assert controller.state.finished


def test_a_pair_without_a_completed_trial_gets_no_finalist_and_does_not_block_the_others(tmp_path: Path) -> None:
    controller = make(tmp_path / "events.jsonl", Budget(trials=1, epochs=3, seeds=1))
    for _attempt in range(MAX_ATTEMPTS):
        lost = controller.next_task()
        assert lost is not None
        controller.on_report(lost.id, failed("no such kernel"))
    drive(controller)
    assert controller.state.finalist(lost.pair) is None
    assert controller.state.seed_runs(lost.pair, "tuned") == []
    assert len(controller.state.seed_runs("alexnet", "tuned")) == 1


def test_records_survive_json_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    controller = make(path)
    drive(controller)
    read = records.replay(records.read_events(path))
    assert read == controller.state


def test_a_failed_test_task_is_tried_again_by_the_next_session_only(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    controller = make(path)
    with pytest.raises(InterruptedStudyError):
        drive(controller, fail_test=True)
    assert controller.exhausted
    assert not controller.done
    again = make(path)
    task = again.next_task()
    assert task is not None
    assert task.kind == "test"
    assert len(task.seed_runs) == len(again.state.of_kind(SEED))
    again.log.close()


def test_a_study_whose_seed_runs_all_fail_is_never_finished_and_tries_them_again(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for _session in range(2):
        controller, dealt = make(path, Budget(trials=2, epochs=3, seeds=2)), []
        while task := controller.next_task():
            dealt.append(task.kind)
            controller.on_report(task.id, failed("no such kernel", DIVERGED))
        controller.log.close()
        assert dealt.count(SEED) == 2 * len(RECIPES)
        assert controller.exhausted
        assert not controller.done
        assert not controller.state.test_opened


def test_a_stop_that_a_kill_kept_out_of_the_log_is_made_up_for(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    drive(make(path))
    lines = path.read_bytes().splitlines(keepends=True)
    cut = next(i for i, line in enumerate(lines) if b'"event": "stopped"' in line)
    path.write_bytes(b"".join(lines[:cut]))
    again = make(path)
    assert [t.state for t in again.state.trials.values()].count(STOPPED) == 1
    drive(again)
    whole = make(tmp_path / "whole.jsonl")
    drive(whole)
    assert outcome(again) == outcome(whole)


def test_the_documents_recipe_goes_on_where_another_trial_would_be_stopped(tmp_path: Path) -> None:
    controller = make(tmp_path / "events.jsonl")
    tasks = [controller.next_task() for _ in range(6)]
    document, best, other = (t for t in tasks if t is not None and t.pair == "lenet")
    assert document.number == 0

    def reaches_rung(task: Task, value: float) -> bool:
        report = {"event": "epoch", "epoch": 1, "val_roc_auc": value, "val_loss": 0.5, "seconds": 0.0}
        return controller.on_report(task.id, report)

    assert not reaches_rung(best, 0.9)
    assert not reaches_rung(document, 0.5)
    assert reaches_rung(other, 0.6)
    controller.log.close()


def test_a_kill_between_the_scored_test_and_the_end_of_the_log_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    drive(make(path))
    lines = path.read_bytes().splitlines(keepends=True)
    finished = next(i for i, line in enumerate(lines) if b'"finished"' in line)
    path.write_bytes(b"".join(lines[:finished]))
    controller = make(path)
    assert controller.state.finished
    controller.log.close()
    assert sum(event["event"] == "finished" for event in records.read_events(path)) == 1


def test_a_tuned_seed_run_in_flight_is_dropped_where_more_trials_may_bring_another_finalist(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    drive(make(path))
    lines = path.read_bytes().splitlines(keepends=True)
    first = next(i for i, line in enumerate(lines) if b'"started"' in line and b"-tuned-seed0" in line)
    path.write_bytes(b"".join(lines[: first + 1]))
    more = make(path, replace(BUDGET, trials=BUDGET.trials + 3))
    drive(more)
    seeds = [t for t in more.state.of_kind(SEED) if t.recipe_name == "tuned"]
    finalists = {pair: more.state.finalist(pair) for pair in RECIPES}
    assert seeds
    for trial in seeds:
        finalist = finalists[trial.pair]
        assert finalist is not None
        assert trial.recipe == finalist.recipe
    started = [e["trial"] for e in records.read_events(path) if e["event"] == "started"]
    search_ended = max(i for i, trial in enumerate(started) if "-search" in trial and trial.startswith(seeds[0].pair))
    assert any(trial == seeds[0].id for trial in started[search_ended:])


def test_audited_trials_are_spread_over_the_search_and_never_stopped(tmp_path: Path) -> None:
    budget = replace(BUDGET, audit=3)
    controller = make(tmp_path / "events.jsonl", budget)
    drive(controller, num_slots=2)
    for pair in RECIPES:
        searched = controller.state.of_kind(SEARCH, pair)
        assert [t.number for t in searched if t.audited] == [3, 6, 8]
        assert {t.state for t in searched if t.audited} == {COMPLETE}
        assert STOPPED in {t.state for t in searched}
        # What a rung would have done is on record; it is done to nobody but the audited and trial 0.
        assert any(t.spared for t in searched)
        assert all(t.number == 0 or t.audited for t in searched if t.spared)
    again = make(tmp_path / "events.jsonl", budget)
    assert [t.spared for t in again.state.of_kind(SEARCH)] == [t.spared for t in controller.state.of_kind(SEARCH)]
    again.log.close()


def test_an_audit_of_all_trials_is_refused() -> None:
    with pytest.raises(DeclarationError, match="audit = 9"):
        replace(BUDGET, audit=9)


@pytest.mark.parametrize("seed", range(5))
def test_trials_that_fail_at_random_still_end_with_equal_budgets_or_say_what_is_missing(
    tmp_path: Path, seed: int
) -> None:
    controller = make(tmp_path / "events.jsonl", replace(BUDGET, trials=20))
    generator, progress = random.Random(seed), io.StringIO()
    controller.trackers = [Progress(controller.budget, len(RECIPES), progress)]
    while not controller.done:
        task = controller.next_task()
        assert task is not None
        if task.kind in ("test", "explain"):
            carry_out(controller, task)
            continue
        fails_at = generator.randrange(9) if generator.random() < 0.3 else 99
        for report in reports(task, BUDGET.epochs):
            if report["event"] == "epoch" and report["epoch"] > fails_at:
                controller.on_report(task.id, failed("the network file system is gone"))
                break
            if controller.on_report(task.id, report):
                break
    controller.log.close()
    for pair in RECIPES:
        states = [t.state for t in controller.state.of_kind(SEARCH, pair)]
        assert len(states) == 20
        assert set(states) <= {COMPLETE, STOPPED, FAILED}
        for trial in controller.state.of_kind(SEARCH, pair):
            if trial.state == FAILED:
                assert len(trial.attempts) >= MAX_ATTEMPTS - 1
                assert trial.result["reason"] in progress.getvalue()
    assert sum(t.state == FAILED for t in controller.state.of_kind(SEARCH)) <= 3


def test_out_of_memory_is_tried_again_with_half_the_images_at_a_time_also_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    controller = make(path)
    task = controller.next_task()
    assert task is not None
    controller.on_report(task.id, failed("CUDA out of memory", OUT_OF_MEMORY))
    again = controller.next_task()
    assert again == replace(task, micro_batch=task.recipe.batch_size // 2)
    controller.on_report(task.id, failed("CUDA out of memory", OUT_OF_MEMORY))
    # A kill before the next attempt is dealt.
    controller.log.close()
    resumed = make(path)
    assert resumed.next_task() == replace(task, micro_batch=task.recipe.batch_size // 4)
    resumed.log.close()


def cut_after(path: Path, event: str) -> None:
    """Takes the log back to where this event was the last."""
    lines = path.read_bytes().splitlines(keepends=True)
    last = next(i for i, line in enumerate(lines) if f'"event": "{event}"'.encode() in line)
    path.write_bytes(b"".join(lines[: last + 1]))


def test_what_explains_the_networks_is_dealt_once_after_all_scores_are_known_also_in_a_run_of_an_earlier_version(
    tmp_path: Path,
) -> None:
    path = tmp_path / "events.jsonl"
    drive(make(path), num_slots=3)
    # An earlier version ended here.
    cut_after(path, "finished")
    again = make(path)
    assert not again.done
    task = again.next_task()
    assert task is not None
    assert task.kind == "explain"
    assert again.next_task() is None
    again.on_report(task.id, {"event": "explained", "pair": "lenet", "seconds": 1.0})
    carry_out(again, task)
    assert again.done
    again.log.close()
    events = [e["event"] for e in records.read_events(path)]
    assert events.count("test_opened") == 1


def test_an_explanation_that_fails_leaves_a_study_done_and_is_tried_again_by_the_next_session(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    drive(make(path))
    cut_after(path, "finished")
    for _session in range(2):
        controller, progress = make(path), io.StringIO()
        controller.trackers = [Progress(controller.budget, len(RECIPES), progress)]
        assert not controller.done
        for _attempt in range(MAX_ATTEMPTS):
            task = controller.next_task()
            assert task is not None
            assert task.kind == "explain"
            controller.on_report(task.id, failed("no such layer"))
        assert controller.done
        assert controller.state.finished
        assert "images, maps and times for the report: no such layer" in progress.getvalue()
        controller.log.close()


def test_a_finished_study_with_a_failed_seed_run_trains_nothing_more(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    controller = make(path, Budget(trials=1, epochs=3, seeds=2))
    while not controller.done:
        task = controller.next_task()
        assert task is not None
        if task.id == "lenet-document-seed1":
            controller.on_report(task.id, failed("loss is nan", DIVERGED))
        elif task.kind in ("test", "explain"):
            carry_out(controller, task)
        else:
            for report in reports(task, 3):
                controller.on_report(task.id, report)
    controller.log.close()
    cut_after(path, "finished")
    again = make(path, Budget(trials=1, epochs=3, seeds=2))
    assert again.state.trials["lenet-document-seed1"].state == FAILED
    task = again.next_task()
    assert task is not None
    assert task.kind == "explain"
    again.log.close()


def test_a_full_disk_halts_the_study_and_blames_no_trial(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    controller = make(path)
    tasks = [controller.next_task() for _ in range(2)]
    assert tasks[0] is not None
    assert tasks[1] is not None
    controller.on_report(tasks[0].id, failed("No space left on device", DISK))
    size = path.stat().st_size
    assert "No space left" in controller.halted
    assert controller.next_task() is None
    # The other one is told to stop, without a record: it goes on in the next session.
    assert controller.on_report(tasks[1].id, next(reports(tasks[1], 9)))
    assert path.stat().st_size == size
    controller.log.close()
    resumed = make(path)
    assert [resumed.next_task() for _ in range(2)] == tasks
    resumed.log.close()
