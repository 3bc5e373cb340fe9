"""Which recipe is tried next and which trial goes on: pure functions of a search's history, without Ray and torch."""

from study.search import early_stopping, policies
from study.search.policy import (
    Continue,
    EarlyStopping,
    History,
    Problem,
    Report,
    Sampler,
    SearchPolicy,
    Standard,
    Start,
    Verdict,
)

__all__ = [
    "Continue",
    "EarlyStopping",
    "History",
    "Problem",
    "Report",
    "Sampler",
    "SearchPolicy",
    "Standard",
    "Start",
    "Verdict",
    "make_policy",
]


def make_policy(problem: Problem, *, search: str, stopping: str) -> SearchPolicy:
    """The policy of that name for one search.

    Args:
        problem: what the search is about.
        search: name of a policy, such as "tpe".
        stopping: name of an early stopping, such as "asha", for policies that leave that to another.

    Raises:
        UnknownNameError: there is none of these names.
    """
    return policies.find(search)(problem, early_stopping.find(stopping)(problem))
