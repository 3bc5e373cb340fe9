"""ASHA (Li et al. 2020): a trial goes on past a rung only if it is among the best that have reached it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from study.records import Trial
from study.search.policy import History, Problem, Verdict


def rung_epochs(epochs: int, *, grace: int, reduction_factor: int) -> list[int]:
    """The epochs at which trials are compared: grace, grace * factor, ... below the full budget."""
    rungs = []
    epoch = grace
    while epoch < epochs:
        rungs.append(epoch)
        epoch *= reduction_factor
    return rungs


@dataclass
class Rungs:
    """The rungs of one pair. Scores are best-so-far values, higher is better.

    Attributes:
        epochs: ascending.
        reduction_factor: a trial goes on if it is in the best 1 / reduction_factor.
        recorded: epoch -> trial -> score.
    """

    epochs: Sequence[int]
    reduction_factor: int
    recorded: dict[int, dict[str, float]] = field(default_factory=dict)

    def record(self, trial: str, epoch: int, score: float) -> bool:
        """Takes an epoch's score into account and says whether the trial should stop.

        A trial is compared with those that reached the rung before it, so nobody waits; the first goes on. Of equal
        ones the earlier counts as better: networks that learn nothing all score 0.5, and must not all go on.
        Reporting the same epoch again, as a resumed trial does, changes nothing.
        """
        if epoch not in self.epochs:
            return False
        others = self.recorded.setdefault(epoch, {})
        if trial in others:
            return False
        if not math.isfinite(score):
            return True
        num_as_good = sum(other >= score for other in others.values())
        others[trial] = score
        return num_as_good >= max(1, len(others) // self.reduction_factor)


class _Asha:
    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        rungs = rung_epochs(problem.epochs, grace=problem.grace, reduction_factor=problem.reduction_factor)
        self._rungs = Rungs(rungs, problem.reduction_factor)
        self._num_read = 0
        # Trial -> merit of its best score so far.
        self._best: dict[str, float] = {}

    def describe(self) -> Mapping[str, Any]:
        factor = self._problem.reduction_factor
        title = f"ASHA, of which the best 1 in {factor} go on past each rung"
        return {"title": title, "rungs": list(self._rungs.epochs)}

    def on_epoch(self, history: History, trial: Trial) -> Verdict:
        del trial
        stop = False
        for report in history.reports[self._num_read :]:
            merit = self._problem.objective.merit(report.score)
            self._best[report.trial] = max(merit, self._best.get(report.trial, -math.inf))
            stop = self._rungs.record(report.trial, report.epoch, self._best[report.trial])
        self._num_read = len(history.reports)
        return Verdict.STOP if stop else Verdict.GO


EARLY_STOPPING = _Asha
