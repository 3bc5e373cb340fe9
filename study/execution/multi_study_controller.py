"""Several studies run as one experiment: the slots that one leaves free at its end are filled by the next."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from study.errors import StorageError
from study.execution.study_controller import StudyController
from study.execution.task import Task
from study.training.failures import Failure

_Answer = TypeVar("_Answer")


class MultiStudyController:
    """Passes tasks and reports between Ray Tune and the controllers of the studies.

    Args:
        controllers: run -> its controller, in the order in which the studies are to be finished.
    """

    def __init__(self, controllers: Mapping[str, StudyController]) -> None:
        self.controllers = controllers

    @property
    def done(self) -> bool:
        """Whether every study is finished."""
        return all(controller.done for controller in self.controllers.values())

    def next_task(self) -> Task | None:
        """The next task of the first study that has one, or None if there is none before another report arrives."""
        if self.halted:
            return None
        for controller in self.controllers.values():
            if not controller.done:
                task = self._recorded(controller.next_task, None)
                if task is not None:
                    return task
        return None

    def on_report(self, task: Task, report: Mapping[str, Any]) -> bool:
        """Takes an actor's report and says whether the trial should stop now."""
        controller = self.controllers[task.run]
        stop = self._recorded(lambda: controller.on_report(task.id, report), True)
        return stop or bool(self.halted)

    def on_lost(self, task: Task, failure: Failure) -> None:
        """An actor ended without a report."""
        controller = self.controllers[task.run]
        self._recorded(lambda: controller.on_lost(task.id, failure), None)

    @property
    def halted(self) -> str:
        """Why nothing goes on, e.g. a disk that is full; "" while all is well."""
        return next((controller.halted for controller in self.controllers.values() if controller.halted), "")

    def _recorded(self, decide: Callable[[], _Answer], otherwise: _Answer) -> _Answer:
        """A decision that goes with an event; where that can't be written, nothing may go on."""
        try:
            return decide()
        except (OSError, StorageError) as error:
            self.halt(str(error))
            return otherwise

    def halt(self, reason: str) -> None:
        """Gives out and records nothing more, in any of the studies."""
        for controller in self.controllers.values():
            controller.halt(reason)
