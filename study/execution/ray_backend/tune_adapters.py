"""What Ray Tune talks to: a searcher and a scheduler that pass everything on to the controllers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from study.execution.multi_study_controller import MultiStudyController
from study.execution.ray_backend.cluster import require_alive
from study.execution.ray_backend.hang_monitor import HangMonitor, NotSnapshotted
from study.execution.task import TASK, Task, decoded
from study.records import RunFolder
from study.training import failures
from study.training.failures import Failure

# What Ray says of a worker that it ended itself because the machine's memory ran out. Of any worker that dies it says
# that memory may have been the cause, in other words.
_OUT_OF_MEMORY = ("OutOfMemoryError", "running low on memory")
# When Ray's own processes end one after another, the workers are the first that are missed.
_LAST_WORDS_S = 2.0


class TaskSearcher(NotSnapshotted, Searcher):
    """Gives out tasks, no more at a time than there are slots.

    Ray Tune asks for one trial more than it can start; answering only when a slot is free lets each suggestion know
    all results so far.
    """

    def __init__(self, controller: MultiStudyController, num_slots: int) -> None:
        super().__init__()
        self.controller, self.num_slots = controller, num_slots
        self._running: set[str] = set()

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]
        """The next task as a trial's config, FINISHED at the end of the study, None to be asked again."""
        if not self._running and self.controller.done:
            return str(Searcher.FINISHED)
        if len(self._running) >= self.num_slots:
            return None
        task = self.controller.next_task()
        if task is None:
            return None if self._running else str(Searcher.FINISHED)
        self._running.add(trial_id)
        return {TASK: task}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Frees the slot; what came of the trial the controller knows from the scheduler."""
        del result, error
        self._running.discard(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the event log is the truth, Ray Tune's own snapshot is never restored."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing, see `save`."""


class TaskScheduler(NotSnapshotted, FIFOScheduler):
    """Hands each report to the controller and stops the trials that it wants stopped.

    Args:
        controller: takes the reports.
        folders: run -> its folder, where a worker that hung has left a note.
        watch: knows which workers were ended because they were frozen.
    """

    def __init__(self, controller: MultiStudyController, folders: Mapping[str, RunFolder], watch: HangMonitor) -> None:
        super().__init__()
        self.controller, self.folders, self.watch = controller, folders, watch
        self._pending: list[Trial] = []

    def on_trial_add(self, tune_controller: TuneController, trial: Trial) -> None:
        """Called when a task has been given out."""
        del tune_controller
        self._pending.append(trial)

    def choose_trial_to_run(self, tune_controller: TuneController) -> Trial | None:
        """The newest pending trial, for the actor that has just become free.

        An older one waits for its own actor to start. Given the free actor instead, Ray Tune would throw the starting
        one away and start another for the newer trial.
        """
        del tune_controller
        self._pending = [t for t in self._pending if t.status == Trial.PENDING]
        return self._pending[-1] if self._pending else None

    def on_trial_result(self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]) -> str:
        """Called for each report; a trial that returned repeats its last one, marked as done."""
        del tune_controller
        if result.get("done"):
            return str(TrialScheduler.CONTINUE)
        stop = self.controller.on_report(trial.config[TASK], decoded(result))
        return str(TrialScheduler.STOP if stop else TrialScheduler.CONTINUE)

    def on_trial_error(self, tune_controller: TuneController, trial: Trial) -> None:
        """Called when a trial's actor is gone."""
        del tune_controller
        # If Ray itself is about to end, no trial is to blame.
        require_alive(for_s=_LAST_WORDS_S)
        self.controller.on_lost(trial.config[TASK], self._why(trial))

    def _why(self, trial: Trial) -> Failure:
        task: Task = trial.config[TASK]
        if trial.trial_id in self.watch.frozen:
            return Failure(failures.HUNG, self.watch.frozen[trial.trial_id])
        if noted := failures.hung(self.folders[task.run].checkpoints(task.id)):
            return noted
        file = Path(trial.error_file) if trial.error_file else None
        said = file.read_text() if file is not None and file.exists() else ""
        if any(words in said for words in _OUT_OF_MEMORY):
            return Failure(failures.OUT_OF_MEMORY, "its worker process was ended because the machine ran out of memory")
        return Failure(failures.LOST, "its worker process died", said)
