"""One study's session: its log opened and replayed, its controller, and the files that are derived at the end."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from optuna.distributions import BaseDistribution

from study import records
from study.errors import ResultsError
from study.execution.run_keeper import RunKeeper
from study.execution.study_controller import StudyController
from study.execution.task_queue import TEST_TRIAL, Initial
from study.planning.manifest import problem_of
from study.planning.plan import Plan
from study.records import COMPLETE, EXPLANATIONS, tables
from study.records.run_files import LogMirror
from study.search import SearchPolicy, make_policy
from study.search.initial_trials import first_values
from study.spec import ray_domains
from study.tracking.console import Progress
from study.tracking.mlflow import MLflow
from study.tracking.optuna_journal import Journal
from study.tracking.tensorboard import TensorBoard
from study.tracking.tracker import Tracker


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
    spaces = _spaces(plan)
    controller = StudyController(
        log=log,
        state=state,
        recipes=plan.study.pairs,
        searches=_searches(plan, spaces),
        first=_first(plan, spaces),
        budget=plan.budget,
        keeper=RunKeeper(plan, mirror),
    )
    trackers: list[Tracker] = []
    try:
        # They begin with what there is once the controller has dropped what is trained again.
        trackers += _trackers(plan, state, mlflow)
        trackers.append(Progress(plan.budget, len(spaces), prefix=prefix))
        controller.begin(trackers)
        yield controller
    finally:
        log.close()
        # On a full disk there is no room for them; they are derived, and the next session writes them.
        if not controller.halted:
            for tracker in trackers:
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


def _spaces(plan: Plan) -> dict[str, dict[str, BaseDistribution]]:
    return {pair: ray_domains.distributions(plan.study.space_of(pair)) for pair in plan.study.pairs}


def _trackers(plan: Plan, state: records.StudyState, mlflow: str) -> list[Tracker]:
    """What is written while a study runs; each begins by writing anew what there is so far."""
    # MLflow first: it may not be there.
    sent: list[Tracker] = [MLflow(mlflow, state)] if mlflow else []
    folder = plan.folder
    return [*sent, Journal(folder.optuna_journal, _spaces(plan), state), TensorBoard(folder.tensorboard, state)]


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
    for tracker in _trackers(plan, state, mlflow):
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
