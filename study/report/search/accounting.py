"""What each search cost and what its records say of it: the numbers behind the search section."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from study.evaluation.intervals import Interval
from study.evaluation.search_statistics import Importance, expected_best, importance, rank_correlation
from study.records import COMPLETE, FAILED, RUNNING, STOPPED, Trial
from study.report.core.study_run import Run

# Origins of recipes that were there before the search; a policy may call its own by any other word.
_GIVEN = ("start", "document", "tried", "default")


@dataclass(frozen=True)
class Spending:
    """What the search of one pair cost.

    Attributes:
        states: state -> number of trials.
        epochs: trained by trials that ended without an error.
        full_epochs: what the same trials would have trained if no rung had stopped them.
        seconds: device time of these epochs, training and evaluation.
        full_seconds: of the full epochs, each missing one taken for as long as the mean of the trial's own.
        failed_seconds: device time of FAILED trials.
    """

    states: dict[str, int]
    epochs: int
    full_epochs: int
    seconds: float
    full_seconds: float
    failed_seconds: float

    @property
    def ended(self) -> int:
        """How many trials ended without an error."""
        return self.states[COMPLETE] + self.states[STOPPED]

    @property
    def saved(self) -> float:
        """Share of the device time that early stopping saved, in [0, 1]; NaN before a trial has ended."""
        return 1 - self.seconds / self.full_seconds if self.full_seconds else float("nan")

    def __add__(self, other: "Spending") -> "Spending":
        return Spending(
            states={state: number + other.states[state] for state, number in self.states.items()},
            epochs=self.epochs + other.epochs,
            full_epochs=self.full_epochs + other.full_epochs,
            seconds=self.seconds + other.seconds,
            full_seconds=self.full_seconds + other.full_seconds,
            failed_seconds=self.failed_seconds + other.failed_seconds,
        )


def spending(run: Run, pair: str) -> Spending:
    """What the search of one pair cost. Running and failed trials would distort the share that was saved."""
    trials, ended = run.search(pair), ended_trials(run, pair)
    # A recipe may end training by itself; what that saves is not early stopping's.
    budget = run.manifest.budget.epochs
    full = [budget if trial.state == STOPPED else len(trial.epochs) for trial in ended]
    states = (COMPLETE, STOPPED, FAILED, RUNNING)
    return Spending(
        states={state: sum(trial.state == state for trial in trials) for state in states},
        epochs=sum(len(trial.epochs) for trial in ended),
        full_epochs=sum(full),
        seconds=sum(trial.seconds for trial in ended),
        full_seconds=sum(
            trial.seconds * epochs / len(trial.epochs)
            for trial, epochs in zip(ended, full, strict=True)
            if trial.epochs
        ),
        failed_seconds=sum(trial.seconds for trial in trials if trial.state == FAILED),
    )


def ended_trials(run: Run, pair: str) -> list[Trial]:
    """The searched trials that were trained to their end or to a rung."""
    return [trial for trial in run.search(pair) if trial.state in (COMPLETE, STOPPED)]


def score_at(trial: Trial, epoch: int) -> float:
    """The best value of the objective on val up to an epoch; NaN where the trial has none, or hasn't come that far.

    A trial that its own recipe ended before has its score for good.
    """
    if len(trial.epochs) < epoch and trial.state != COMPLETE:
        return float("nan")
    scores = zip(trial.epochs, trial.scores, strict=True)
    return trial.objective.best(score for event, score in scores if event["epoch"] <= epoch)


def final_score(trial: Trial) -> float:
    """The best value of the objective on val of all epochs; NaN where there is none."""
    return score_at(trial, len(trial.epochs))


def merit_of(trial: Trial) -> float:
    """The final score as something of which more is better."""
    return trial.objective.merit(final_score(trial))


def first_rung(run: Run, pair: str) -> int:
    """The epoch that all trials of a pair reach, if nothing breaks; the last one where the budget has no rungs."""
    rungs = run.manifest.pairs[pair].rungs
    return rungs[0] if rungs else run.manifest.budget.epochs


def survivors(run: Run, pair: str) -> list[int]:
    """How many searched trials of a pair were trained at all, and how many on past each of its rungs."""
    starts = (0, *run.manifest.pairs[pair].rungs)
    return [sum(len(trial.epochs) > start for trial in run.search(pair)) for start in starts]


@dataclass(frozen=True)
class Growth:
    """The expected best score against the number of trials.

    Attributes:
        trials: int (M,), ascending by 1: ended trials, the first is that of the recipes which were given.
        best: float (M,), expected best value of the objective on val of so many, never worse than of fewer.
    """

    trials: npt.NDArray[np.int64]
    best: npt.NDArray[np.float64]

    @property
    def second_half(self) -> float:
        """What the second half of the trials is expected to have gained, not below 0 whichever way is better."""
        half = max(0, -(-int(self.trials[-1]) // 2) - int(self.trials[0]))
        return float(abs(self.best[-1] - self.best[half]))


def growth(run: Run, pair: str) -> Growth | None:
    """How the best score is expected to grow with the trials; None before one has a score.

    The recipes that were given (the document's, tried values, a default) always come first, so they aren't drawn:
    only the search's own trials are put in any order, and each counts from the best of the given ones on.
    """
    given: list[float] = []
    drawn: list[float] = []
    for trial in ended_trials(run, pair):
        if math.isfinite(merit := run.objective.merit(final_score(trial))):
            (drawn if is_searched(run, trial) else given).append(merit)
    if not given and not drawn:
        return None
    known = max(given, default=-math.inf)
    start = [known] if given else []
    best = np.array([*start, *expected_best(np.maximum(drawn, known))])
    return Growth(max(1, len(given)) + np.arange(len(best)), best if run.objective.greater_is_better else -best)


def is_searched(run: Run, trial: Trial) -> bool:
    """Whether the sampler suggested the recipe. A log of version 0.1.0 doesn't say so, but its manifest does."""
    if trial.origin:
        return trial.origin not in _GIVEN
    return trial.number > len(run.manifest.tried.get(trial.pair, ()))


@dataclass(frozen=True)
class Audit:
    """What trials that early stopping may not end say of early stopping.

    Attributes:
        trials: trial 0 and the audited ones, as far as they ran to their end and have a score.
        tau: Kendall's tau-b between their best scores at the first rung and at the end.
        spared: those trials that a rung would have ended.
    """

    trials: Sequence[Trial]
    tau: Interval
    spared: Sequence[Trial]


def audit(run: Run, pair: str) -> Audit:
    """Trials that were chosen before they began. Those that passed the rungs on their own merit would flatter them."""
    rung = first_rung(run, pair)
    protected = [trial for trial in run.search(pair) if trial.number == 0 or trial.audited]
    trials = [t for t in protected if t.state == COMPLETE and math.isfinite(score_at(t, rung))]
    return Audit(
        trials=trials,
        tau=rank_correlation([score_at(t, rung) for t in trials], [final_score(t) for t in trials]),
        spared=[trial for trial in trials if trial.spared],
    )


def num_audited(run: Run) -> int:
    """How many trials of each pair are audited."""
    return run.manifest.budget.audit


def importance_of(run: Run, pair: str) -> Importance:
    """How important each searched hyperparameter is for the best score at the first rung.

    The final scores would mix trials of few epochs with trials of many: early stopping, not the hyperparameter, would
    be what tells them apart.
    """
    rung, trials = first_rung(run, pair), run.search(pair)
    space = run.manifest.space.get(pair, {})
    scores = [score_at(trial, rung) for trial in trials]
    # The best third counts, whichever way is better; those without a score don't.
    merits = [run.objective.merit(score) if math.isfinite(score) else score for score in scores]
    return importance(space, [trial.recipe.hyperparameters() for trial in trials], merits)
