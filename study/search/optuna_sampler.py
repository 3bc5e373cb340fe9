"""Optuna's samplers as pure functions of a history, and trials as Optuna knows them."""

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from study import records
from study.records import Objective
from study.search.policy import History, Problem

_STATES = {
    records.RUNNING: TrialState.RUNNING,
    records.PAUSED: TrialState.RUNNING,
    records.COMPLETE: TrialState.COMPLETE,
    records.STOPPED: TrialState.PRUNED,
    records.FAILED: TrialState.FAIL,
}

optuna.logging.set_verbosity(optuna.logging.ERROR)


class OptunaSampler:
    """A sampler of Optuna whose suggestions are a function of the history alone.

    It is seeded anew for each suggestion, with the trial's number: a search that was interrupted and replayed suggests
    what it would have suggested.

    Args:
        problem: what the search is about.
        make: a sampler of Optuna, from a seed.
        title: in a few words, for manifest and report.
    """

    def __init__(self, problem: Problem, make: Callable[[int], optuna.samplers.BaseSampler], *, title: str) -> None:
        self._problem, self._make, self._title = problem, make, title
        self._distributions = dict(problem.distributions)
        # Ended trials stay in it; those that are running are told of when they have ended.
        self._study = optuna.create_study(direction=direction(problem.objective))
        self._running: dict[int, optuna.Trial] = {}

    def describe(self) -> Mapping[str, Any]:
        return {"title": self._title}

    def suggest(self, history: History) -> Mapping[str, Any]:
        """Hyperparameter -> value of the next trial, which is then taken for begun."""
        number = len(history.trials)
        if number not in self._running:
            self._catch_up(history.trials)
            # Not hash(): Python salts it anew in each process.
            seed = zlib.crc32(f"{self._problem.seed} {self._problem.architecture} {number}".encode())
            self._study.sampler = self._make(seed)
            self._running[number] = self._study.ask(self._distributions)
        return self._running[number].params

    def _catch_up(self, history: Sequence[records.Trial]) -> None:
        """Tells the Optuna study what has happened since the last suggestion, which costs nothing for older trials."""
        for number, running in list(self._running.items()):
            ended = history[number]
            if _state(ended) != TrialState.RUNNING:
                for epoch, score in ended.best_by_epoch().items():
                    running.report(score, epoch)
                self._study.tell(running, _value(ended), state=_state(ended))
                del self._running[number]
        for trial in history[len(self._study.get_trials(deepcopy=False)) :]:
            self._study.add_trial(frozen_trial(trial, self._distributions))
            if _state(trial) == TrialState.RUNNING:
                added = self._study.get_trials(deepcopy=False)[trial.number]
                self._running[trial.number] = optuna.Trial(self._study, added._trial_id)


def direction(objective: Objective) -> Literal["maximize", "minimize"]:
    """As Optuna calls it."""
    return "maximize" if objective.greater_is_better else "minimize"


def frozen_trial(trial: records.Trial, distributions: dict[str, BaseDistribution]) -> FrozenTrial:
    """A trial as Optuna knows it: stopped ones are PRUNED, with the best score so far at each epoch.

    The document's recipe may lie outside the space (a learning rate beyond the bounds); what lies outside is left out
    of its parameters and kept as an attribute.
    """
    inside = {
        name: distribution
        for name, distribution in distributions.items()
        if contains(distribution, getattr(trial.recipe, name))
    }
    attributes = {"number": trial.number, "origin": trial.origin, "outside": sorted(set(distributions) - set(inside))}
    if trial.state == records.FAILED:
        attributes["reason"] = trial.result["reason"]
    return create_trial(
        state=_state(trial),
        value=_value(trial),
        params={name: getattr(trial.recipe, name) for name in inside},
        distributions=inside,
        # Of a running trial they are told when it ends: Optuna takes each epoch's once.
        intermediate_values={} if _state(trial) == TrialState.RUNNING else trial.best_by_epoch(),
        user_attrs=attributes,
    )


def contains(distribution: BaseDistribution, value: Any) -> bool:
    """Whether a value lies in what is searched."""
    try:
        return bool(distribution._contains(distribution.to_internal_repr(value)))
    except ValueError:
        return False


def _state(trial: records.Trial) -> TrialState:
    # Optuna knows no trial that ran to its end without a score.
    undefined = trial.state == records.COMPLETE and math.isnan(trial.best_score)
    return TrialState.FAIL if undefined else _STATES[trial.state]


def _value(trial: records.Trial) -> float | None:
    return trial.best_score if _state(trial) == TrialState.COMPLETE else None
