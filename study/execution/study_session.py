"""One study's session: its log opened and replayed, its controller, and the files that are derived at the end."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from optuna.distributions import BaseDistribution

from study import records
from study.errors import ResultsError
from study.execution.study_controller import StudyController
from study.execution.task_queue import TEST_TRIAL, Initial
from study.planning.evaluation_set import EvaluationSet
from study.planning.manifest import problem_of
from study.planning.plan import Plan
from study.records import COMPLETE, EXPLAIN, EXPLANATIONS, SCORE, SEARCH, SEED, tables
from study.records.opening import Opening, now
from study.records.run_files import LogMirror
from study.search import SearchPolicy, make_policy
from study.search.initial_trials import first_values
from study.spec import ray_domains
from study.tracking.console import Progress
from study.tracking.mlflow import MLflow
from study.tracking.optuna_journal import Journal
from study.tracking.tensorboard import TensorBoard

_ENDS = ("stopped", "completed", "failed")


@contextmanager
def open_controller(plan: Plan, *, prefix: str, mlflow: str = "") -> Iterator[StudyController]:
    """A study's controller on its open log. However it ends, the derived files are then rebuilt.

    Args:
        plan: with its records opened.
        prefix: of each line on the screen.
        mlflow: URI of a tracking server that gets the trials too; "" for none.

    Raises:
        ResultsError: a file that can't be made again is damaged.
        StudyError: there is no such server.
    """
    with LogMirror(plan.files) as mirror:
        yield from _open_controller(plan, mirror, prefix, mlflow)


def _open_controller(plan: Plan, mirror: LogMirror, prefix: str, mlflow: str) -> Iterator[StudyController]:
    folder = plan.folder
    log = records.EventLog(folder.events)
    state = records.replay(records.read_events(folder.events))
    if state.declared != plan.manifest:
        state.apply(log.append("declared", manifest=plan.manifest.to_json()))
    forget_damaged(folder, state)
    spaces = {pair: ray_domains.distributions(plan.study.space_of(pair)) for pair in plan.study.pairs}
    journal = Journal(folder.optuna_journal, spaces, state)
    listener = _Listener(plan, journal, mirror, Progress(plan.budget, len(spaces), prefix=prefix))
    controller = StudyController(
        log=log,
        state=state,
        recipes=plan.study.pairs,
        searches=_searches(plan, spaces),
        first=_first(plan, spaces),
        budget=plan.budget,
        listener=listener,
    )
    try:
        # After the controller has dropped what is trained again.
        listener.trackers = _trackers(folder, state, mlflow)
        yield controller
    finally:
        log.close()
        # On a full disk there is no room for them; they are derived, and the next session writes them.
        if not controller.halted:
            journal.close()
            for tracker in listener.trackers:
                tracker.close()
            tables.write_derived(folder, state)
            plan.files.keep_all(
                [folder.manifest, folder.trials, folder.seed_runs, folder.epochs, folder.optuna_journal]
            )
            # Ray Train's own notes, where there were worker groups.
            plan.files.drop_folder("ray_train")
            shutil.rmtree(folder.root / "ray_train", ignore_errors=True)
        if state.finished:
            # What a trial wrote while its checkpoints were being deleted, and the folders of Ray Train's worker groups.
            for name in ("checkpoints", "ray_train"):
                shutil.rmtree(folder.root / name, ignore_errors=True)
            plan.files.drop_folder("checkpoints")


def _trackers(folder: records.RunFolder, state: records.StudyState, mlflow: str) -> list["Tracker"]:
    # MLflow first: it may not be there.
    sent: list[Tracker] = [MLflow(mlflow, state)] if mlflow else []
    return [*sent, TensorBoard(folder.tensorboard, state)]


def redraw(plan: Plan, *, mlflow: str = "") -> None:
    """Brings the files of a finished study up to date: mended descriptions go into its records, tables are rebuilt.

    Args:
        plan: of the study.
        mlflow: URI of a tracking server that gets what it lacks; "" for none.

    Raises:
        ResultsError: a file that can't be made again is damaged.
        StudyError: there is no such server.
    """
    state = plan.previous
    assert state is not None
    require_whole(plan.folder, state)
    if state.declared != plan.manifest:
        log = records.EventLog(plan.folder.events)
        state.apply(log.append("declared", manifest=plan.manifest.to_json()))
        log.close()
    plan.write_splits()
    tables.write_derived(plan.folder, state)
    spaces = {pair: ray_domains.distributions(plan.study.space_of(pair)) for pair in plan.study.pairs}
    Journal(plan.folder.optuna_journal, spaces, state).close()
    for tracker in _trackers(plan.folder, state, mlflow):
        tracker.close()


def require_whole(folder: records.RunFolder, state: records.StudyState) -> None:
    """Raises ResultsError if weights or predictions are missing or not what they were when they were written."""
    damaged = [name for t in state.trials.values() for name in folder.damaged(t.result.get("files", {}))]
    if damaged:
        raise ResultsError(
            f"What a study keeps must be as it was written, but in {folder.root} these files are missing or changed: "
            f"{', '.join(damaged[:5])}{' and others' if len(damaged) > 5 else ''}. The test split has been opened, so "
            "they are not made again. Restore them from a backup, or start again with --fresh."
        )


def forget_damaged(folder: records.RunFolder, state: records.StudyState) -> None:
    """Seed runs whose files are damaged are trained again, unless the test split was opened for them.

    What explains the networks is made again in any case.
    """
    if _are_explanations_damaged(folder, state):
        state.drop(EXPLANATIONS)
    if state.test_opened and state.trials[TEST_TRIAL].state == COMPLETE:
        require_whole(folder, state)
        return
    for trial in list(state.trials.values()):
        if folder.damaged(trial.result.get("files", {})):
            state.drop(trial.id)


def is_complete(folder: records.RunFolder, state: records.StudyState) -> bool:
    """Whether nothing is left to do for a study but to draw its report."""
    explained = state.explained
    recorded = explained is not None and explained.state == COMPLETE
    return state.finished and recorded and not _are_explanations_damaged(folder, state)


def _are_explanations_damaged(folder: records.RunFolder, state: records.StudyState) -> bool:
    return state.explained is not None and bool(folder.damaged(state.explained.result.get("files", {})))


def _searches(plan: Plan, spaces: Mapping[str, dict[str, BaseDistribution]]) -> dict[str, SearchPolicy]:
    search = plan.manifest.search
    return {
        pair: make_policy(
            problem_of(plan.manifest, pair, distributions), search=search.policy, stopping=search.early_stopping
        )
        for pair, distributions in spaces.items()
    }


def _first(plan: Plan, spaces: Mapping[str, dict[str, BaseDistribution]]) -> dict[str, list[Initial]]:
    tried = plan.study.tried
    return {
        pair: first_values(plan.study.pairs[pair], distributions, tried.get(pair, ()))
        for pair, distributions in spaces.items()
    }


class Tracker(Protocol):
    """Shows trials elsewhere, as they train."""

    def started(self, trial: records.Trial) -> None:
        """A searched trial or a seed run begins, or goes on."""

    def epoch(self, trial: records.Trial, event: records.Event) -> None:
        """A trial has trained one more."""

    def ended(self, trial: records.Trial) -> None:
        """A searched trial or a seed run has ended."""

    def close(self) -> None:
        """Nothing follows."""


class _Listener:
    """Progress, the Optuna journal, TensorBoard and the like, the ledger of test openings, and checkpoints removed.

    Where machines share no folder, it also brings here what trials keep, and takes care that the storage has the log
    before a trial needs it.
    """

    def __init__(self, plan: Plan, journal: Journal, mirror: LogMirror, progress: Progress) -> None:
        self.plan, self.journal, self.mirror, self.progress = plan, journal, mirror, progress
        self.trackers: Sequence[Tracker] = ()

    def __call__(self, event: records.Event, state: records.StudyState) -> None:
        if event["event"] == "started" and event["kind"] in (SCORE, EXPLAIN):
            self.mirror.flush()
        if event["event"] == "started" and event["kind"] == SCORE and not self.plan.manifest.stand_in:
            # Before any actor has it: an opening that was not written down would be worse than one that never came.
            opened = self.plan.evaluation_set(event["evaluation_set"])
            self._write_opening(opened, sum(t.state == COMPLETE for t in state.of_kind(SEED)))
        if event["event"] in _ENDS:
            self._clean_up(state.trials[event["trial"]])
        if event.get("trial") in state.trials:
            self._track(event, state.trials[event["trial"]])
        self.progress(event, state)

    def _clean_up(self, trial: records.Trial) -> None:
        """Of a trial that has ended, what it keeps is fetched and its checkpoints are removed."""
        for name in trial.result.get("files", {}):
            self.plan.files.fetch(self.plan.folder.root / name, anew=True)
        # Else a session that dies now would leave neither its checkpoints nor the word that it has ended.
        self.mirror.flush()
        shutil.rmtree(self.plan.folder.checkpoints(trial.id), ignore_errors=True)
        self.plan.files.drop_folder(f"checkpoints/{trial.id}")

    def _track(self, event: records.Event, trial: records.Trial) -> None:
        if trial.kind not in (SEARCH, SEED):
            return
        if event["event"] in _ENDS and trial.kind == SEARCH:
            self.journal.add(trial)
        for tracker in self.trackers:
            if event["event"] == "started":
                tracker.started(trial)
            elif event["event"] == "epoch":
                tracker.epoch(trial, event)
            elif event["event"] in _ENDS:
                tracker.ended(trial)

    def _write_opening(self, opened: EvaluationSet, num_networks: int) -> None:
        manifest = self.plan.manifest
        opening = Opening(
            test_hash=opened.hash,
            run=manifest.run,
            created=manifest.created,
            opened=now(),
            num_images=len(opened),
            num_networks=num_networks,
        )
        self.plan.ledger.add(opening)
