"""The median rule (Golovin et al. 2017): a trial stops if its best score is worse than the median of others by then."""

import math
from collections import defaultdict
from collections.abc import Mapping
from statistics import median
from typing import Any

from study.records import Trial
from study.search.policy import History, Problem, Verdict

# Before so many others have come that far there is nothing to compare with.
_FEWEST_OTHERS = 4


class _Median:
    def __init__(self, problem: Problem) -> None:
        self._objective = problem.objective
        self._grace, self._epochs = problem.grace, problem.epochs
        self._num_read = 0
        # Epoch -> trial -> merit of its best score by then.
        self._best: dict[int, dict[str, float]] = defaultdict(dict)

    def describe(self) -> Mapping[str, Any]:
        rungs = [self._grace] if self._grace < self._epochs else []
        return {"title": f"the median rule from epoch {self._grace} on", "rungs": rungs}

    def on_epoch(self, history: History, trial: Trial) -> Verdict:
        self._read(history)
        epoch = history.reports[-1].epoch
        own = self._best[epoch][trial.id]
        others = [merit for name, merit in self._best[epoch].items() if name != trial.id]
        if epoch < self._grace or len(others) < _FEWEST_OTHERS:
            return Verdict.GO
        return Verdict.STOP if own < median(others) or own == -math.inf else Verdict.GO

    def _read(self, history: History) -> None:
        for report in history.reports[self._num_read :]:
            before = self._best[report.epoch - 1].get(report.trial, -math.inf)
            self._best[report.epoch].setdefault(report.trial, max(before, self._objective.merit(report.score)))
        self._num_read = len(history.reports)


EARLY_STOPPING = _Median
