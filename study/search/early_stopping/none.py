"""No early stopping: every trial is trained to its end."""

from collections.abc import Mapping
from typing import Any

from study.records import Trial
from study.search.policy import History, Problem, Verdict


class _Nothing:
    def __init__(self, problem: Problem) -> None:
        """Whatever is searched."""

    def describe(self) -> Mapping[str, Any]:
        return {"title": "no early stopping", "rungs": []}

    def on_epoch(self, history: History, trial: Trial) -> Verdict:
        del history, trial
        return Verdict.GO


EARLY_STOPPING = _Nothing
