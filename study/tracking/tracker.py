"""What shows a study elsewhere as it runs. None of it has a duty: the study is the same with none of them."""

from typing import Protocol

from study.records import SEARCH, SEED, Event, StudyState, Trial

ENDS = ("stopped", "completed", "failed")


class Tracker(Protocol):
    """Sees each event, once it is recorded."""

    def on_event(self, event: Event, state: StudyState) -> None:
        """An event has been recorded, and the state is that after it."""

    def close(self) -> None:
        """Nothing follows; returns when all is written."""


class TrialTracker:
    """Of those that show searched trials and seed runs: tells what becomes of them."""

    def on_event(self, event: Event, state: StudyState) -> None:
        """An event has been recorded, and the state is that after it."""
        trial = state.trials.get(event.get("trial", ""))
        if trial is None or trial.kind not in (SEARCH, SEED):
            return
        if event["event"] == "started":
            self.started(trial)
        elif event["event"] == "epoch":
            self.epoch(trial, event)
        elif event["event"] in ENDS:
            self.ended(trial)

    def started(self, trial: Trial) -> None:
        """A trial begins, or goes on."""

    def epoch(self, trial: Trial, event: Event) -> None:
        """A trial has trained one more."""

    def ended(self, trial: Trial) -> None:
        """A trial has ended."""
