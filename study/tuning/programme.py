"""Several studies dealt as one experiment: the slots that one leaves free at its end are filled by the next."""

from collections.abc import Mapping
from typing import Any

from study.tuning.conductor import Conductor
from study.tuning.task import Task


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
        for conductor in self.conductors.values():
            if not conductor.done:
                task = conductor.next_task()
                if task is not None:
                    return task
        return None

    def on_report(self, task: Task, report: Mapping[str, Any]) -> bool:
        """Takes an actor's report and says whether the trial should stop now."""
        return self.conductors[task.run].on_report(task.id, report)

    def on_lost(self, task: Task, reason: str) -> None:
        """An actor died without a report."""
        self.conductors[task.run].on_lost(task.id, reason)
