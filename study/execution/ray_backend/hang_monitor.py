"""Looks after the trials from the driver: ends what has been silent for too long, and the session when asked to."""

import time
from collections.abc import Callable
from typing import Any

import ray
from ray.tune import Callback
from ray.tune.experiment import Trial

from study.execution.ray_backend.cluster import require_alive
from study.execution.task import TASK, Task, TrainingTask

_MANY = 10


class NotSnapshotted:
    """Ray Tune pickles searcher, scheduler and callbacks into its own snapshot, never restored: nothing goes in."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


class HangMonitor(NotSnapshotted, Callback):
    """A callback of Ray Tune.

    A worker ends itself if it hangs (`study.training.watchdog`); one that is frozen as a whole can't, and is ended from
    here. How long an epoch may take is known only once a trial of the same pair has reported one.

    Args:
        hang_after_s: silence beyond ten times the longest known epoch that means a worker is frozen.
        is_over: whether the session is to end: the user has asked to stop, or a disk is full.
        waits_for_room: whether trials are worker groups, that may have to wait for a machine before they begin: then
            the first report is where silence begins.

    Attributes:
        frozen: Ray Tune's trials whose workers were ended for that, with the reason.
    """

    def __init__(self, hang_after_s: float, is_over: Callable[[], bool], *, waits_for_room: bool = False) -> None:
        self.hang_after_s, self.is_over, self.waits_for_room = hang_after_s, is_over, waits_for_room
        self.frozen: dict[str, str] = {}
        self._heard_at_s: dict[Trial, float] = {}
        self._longest_s: dict[tuple[str, str], float] = {}

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._heard_at_s.pop(trial, None)
        if not self.waits_for_room:
            self._heard_at_s[trial] = time.monotonic()

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        now_s = time.monotonic()
        silence_s = now_s - self._heard_at_s.get(trial, now_s)
        self._longest_s[_of(trial)] = max(silence_s, self._longest_s.get(_of(trial), 0.0))
        self._heard_at_s[trial] = now_s

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._heard_at_s.pop(trial, None)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._heard_at_s.pop(trial, None)

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Called at each turn of Ray Tune's loop, several times a second.

        Raises:
            KeyboardInterrupt: the session is to end; here, between two turns, every record is whole.
            EngineLostError: Ray itself has ended.
        """
        if self.is_over():
            raise KeyboardInterrupt
        require_alive()
        now_s = time.monotonic()
        for trial, heard_at_s in list(self._heard_at_s.items()):
            longest_s = self._longest_s.get(_of(trial))
            if longest_s is not None and now_s - heard_at_s > self.hang_after_s + _MANY * longest_s:
                self.frozen[trial.trial_id] = f"no word from its worker for {now_s - heard_at_s:.0f} s"
                del self._heard_at_s[trial]
                ray.kill(trial.temporary_state.ray_actor)  # type: ignore[arg-type]


def _of(trial: Trial) -> tuple[str, str]:
    task: Task = trial.config[TASK]
    return task.run, task.pair if isinstance(task, TrainingTask) else ""
