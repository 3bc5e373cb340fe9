"""Several studies dealt as one experiment: the slots that one leaves free at its end are filled by the next."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from study.errors import StorageError
from study.execution.study_controller import Conductor
from study.execution.task import Task
from study.training.failures import Failure

_Answer = TypeVar("_Answer")


class Programme:
    """Passes tasks and reports between Ray Tune and the conductors of the studies.

    Args:
        conductors: run -> its conductor, in the order in which the studies are to be finished.
    """

    def __init__(self, conductors: Mapping[str, Conductor]) -> None:
        self.conductors = conductors

    @property
    def done(self) -> bool:
        """Whether every study is finished."""
        return all(conductor.done for conductor in self.conductors.values())

    def next_task(self) -> Task | None:
        """The next task of the first study that has one, or None if there is none before another report arrives."""
        if self.halted:
            return None
        for conductor in self.conductors.values():
            if not conductor.done:
                task = self._recorded(conductor.next_task, None)
                if task is not None:
                    return task
        return None

    def on_report(self, task: Task, report: Mapping[str, Any]) -> bool:
        """Takes an actor's report and says whether the trial should stop now."""
        conductor = self.conductors[task.run]
        stop = self._recorded(lambda: conductor.on_report(task.id, report), True)
        return stop or bool(self.halted)

    def on_lost(self, task: Task, failure: Failure) -> None:
        """An actor ended without a report."""
        conductor = self.conductors[task.run]
        self._recorded(lambda: conductor.on_lost(task.id, failure), None)

    @property
    def halted(self) -> str:
        """Why nothing goes on, e.g. a disk that is full; "" while all is well."""
        return next((conductor.halted for conductor in self.conductors.values() if conductor.halted), "")

    def _recorded(self, decide: Callable[[], _Answer], otherwise: _Answer) -> _Answer:
        """A decision that goes with an event; where that can't be written, nothing may go on."""
        try:
            return decide()
        except (OSError, StorageError) as error:
            self.halt(str(error))
            return otherwise

    def halt(self, reason: str) -> None:
        """Deals and records nothing more, in any of the studies."""
        for conductor in self.conductors.values():
            conductor.halt(reason)
