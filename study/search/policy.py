"""What a search policy is: from what the trials of one architecture have shown so far to what is done next.

A policy is a pure function of a history: whatever it keeps in between only saves time, so that a study which was
interrupted, and whose history is replayed, goes on as if nothing had happened.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, Protocol

from optuna.distributions import BaseDistribution

from study.records import Objective, Trial


class Verdict(Enum):
    """What becomes of a trial that has trained another epoch."""

    GO = "go"
    # Its slot is for others now; it can be gone on with.
    PAUSE = "pause"
    STOP = "stop"


class Start(NamedTuple):
    """A new trial.

    Attributes:
        values: hyperparameter -> value, of those that are searched; the others are the starting recipe's.
        origin: where the values come from, in one word, for the records.
    """

    values: Mapping[str, Any]
    origin: str = "search"


class Continue(NamedTuple):
    """A paused trial goes on.

    Attributes:
        trial: its id.
    """

    trial: str


class Report(NamedTuple):
    """A trained epoch.

    Attributes:
        trial: id.
        epoch: from 1.
        score: the objective on val; NaN where it is undefined.
        seconds: that the epoch took.
    """

    trial: str
    epoch: int
    score: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What one search is about; it doesn't change while the search runs.

    Attributes:
        architecture: that is searched for.
        distributions: hyperparameter -> what is searched.
        objective: what "best" means.
        trials: how many there may be, the starting recipe's and the declared ones included.
        epochs: full budget of one trial.
        seed: of all random choices.
        grace: epochs before which no trial should be judged: everything is trained and the learning rate rises no more.
        reduction_factor: of successive halving: the best 1 / factor go on.
    """

    architecture: str
    distributions: Mapping[str, BaseDistribution]
    objective: Objective = Objective()  # noqa: RUF009  (frozen)
    trials: int
    epochs: int
    seed: int = 0
    grace: int = 1
    reduction_factor: int = 2


@dataclass
class History:
    """All that a search has seen.

    Attributes:
        trials: searched trials by number, the starting recipe's first; running and paused ones too.
        reports: epochs in the order in which they were reported. It only grows. A trial that lost an epoch in a crash
            reports it again; the first report counts.
    """

    trials: Sequence[Trial] = ()
    reports: list[Report] = field(default_factory=list)


class SearchPolicy(Protocol):
    """Decides about the trials of one architecture. To be had from a `study.search.policies` file's `POLICY`."""

    def describe(self) -> Mapping[str, Any]:
        """What it is, for manifest and report.

        "title" in a few words; "rungs", where trials are compared at epochs that are known in advance; and what else is
        worth knowing.
        """

    def next(self, history: History) -> Start | Continue | None:
        """What is done with a slot that is free; None for nothing before another report.

        Where nothing of this search is running either, None ends it: trials that are still paused are stopped.
        """

    def on_epoch(self, history: History, trial: Trial) -> Verdict:
        """What becomes of a trial that has just reported the last one of the history's reports."""


class EarlyStopping(Protocol):
    """Decides which trials go on. To be had from a `study.search.early_stopping` file's `EARLY_STOPPING`."""

    def describe(self) -> Mapping[str, Any]:
        """As of a policy."""

    def on_epoch(self, history: History, trial: Trial) -> Verdict:
        """As of a policy."""


class Sampler(Protocol):
    """Suggests recipes."""

    def describe(self) -> Mapping[str, Any]:
        """As of a policy."""

    def suggest(self, history: History) -> Mapping[str, Any]:
        """Hyperparameter -> value of the next trial; asked again with the same history, the same."""


@dataclass(frozen=True)
class Standard:
    """The usual composition: a sampler says which trial is started, early stopping which of them goes on."""

    problem: Problem
    sampler: Sampler
    early_stopping: EarlyStopping

    def describe(self) -> Mapping[str, Any]:
        sampler, stopping = self.sampler.describe(), self.early_stopping.describe()
        return {**sampler, **stopping, "title": f"{sampler['title']}; {stopping['title']}"}

    def next(self, history: History) -> Start | None:
        if len(history.trials) >= self.problem.trials:
            return None
        return Start(self.sampler.suggest(history))

    def on_epoch(self, history: History, trial: Trial) -> Verdict:
        return self.early_stopping.on_epoch(history, trial)
