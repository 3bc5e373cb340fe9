"""The search of one pair: an Optuna study that is a pure function of the pair's history."""

import warnings
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from study import records

_NUM_STARTUP_TRIALS = 6
_STATES = {
    records.RUNNING: TrialState.RUNNING,
    records.COMPLETE: TrialState.COMPLETE,
    records.STOPPED: TrialState.PRUNED,
    records.FAILED: TrialState.FAIL,
}

optuna.logging.set_verbosity(optuna.logging.ERROR)


class PairSearch:
    """Suggests the next recipe of a pair from what its trials have shown so far.

    The sampler is seeded anew for each suggestion, with the trial's number: a search that was interrupted and
    replayed suggests what it would have suggested. Trials that are still running count as mediocre (constant liar),
    so that parallel trials spread.

    Args:
        pair: architecture.
        distributions: hyperparameter -> what is searched.
        seed: of the study.
        first: origin and values of the trials after trial 0, before the sampler's own.
    """

    def __init__(
        self,
        pair: str,
        distributions: dict[str, BaseDistribution],
        seed: int,
        first: Sequence[tuple[str, Mapping[str, Any]]] = (),
    ) -> None:
        self.pair, self.distributions, self.seed, self.first = pair, distributions, seed, first
        # Ended trials stay in it; those that are running are told of when they have ended.
        self._study = optuna.create_study(direction="maximize")
        self._running: dict[int, optuna.Trial] = {}

    def suggest(self, number: int, history: Sequence[records.Trial]) -> tuple[str, dict[str, Any]]:
        """Origin and values (hyperparameter -> value) of the trial of that number.

        The trial is then taken for begun.

        Args:
            number: of the trial; trial 0 is the declared recipe, and never asked for.
            history: all trials before it, by number.
        """
        self._catch_up(history[:number])
        if number <= len(self.first):
            origin, values = self.first[number - 1]
            return origin, dict(values)
        self._study.sampler = self._sampler(number)
        self._running[number] = self._study.ask(self.distributions)
        return "search", self._running[number].params

    def _catch_up(self, history: Sequence[records.Trial]) -> None:
        """Tells the Optuna study what has happened since the last suggestion, which costs nothing for older trials."""
        for number, running in list(self._running.items()):
            ended = history[number]
            if ended.state != records.RUNNING:
                for epoch, score in best_so_far(ended).items():
                    running.report(score, epoch)
                value = ended.best_score if ended.state == records.COMPLETE else None
                self._study.tell(running, value, state=_STATES[ended.state])
                del self._running[number]
        for trial in history[len(self._study.get_trials(deepcopy=False)) :]:
            self._study.add_trial(frozen_trial(trial, self.distributions))
            if trial.state == records.RUNNING:
                added = self._study.get_trials(deepcopy=False)[trial.number]
                self._running[trial.number] = optuna.Trial(self._study, added._trial_id)

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        # Not hash(): Python salts it anew in each process.
        seed = zlib.crc32(f"{self.seed} {self.pair} {number}".encode())
        with warnings.catch_warnings():
            # Optuna calls `group` experimental; its version is pinned.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.samplers.TPESampler(
                n_startup_trials=_NUM_STARTUP_TRIALS, multivariate=True, group=True, constant_liar=True, seed=seed
            )


def best_so_far(trial: records.Trial) -> dict[int, float]:
    """Epoch -> the best score until then."""
    best, values = float("-inf"), {}
    for epoch in trial.epochs:
        best = max(best, epoch["val_roc_auc"])
        values[int(epoch["epoch"])] = best
    return values


def frozen_trial(trial: records.Trial, distributions: dict[str, BaseDistribution]) -> FrozenTrial:
    """A trial as Optuna knows it: stopped ones are PRUNED, with the best score so far at each epoch.

    The document's recipe may lie outside the space (a learning rate beyond the bounds); what lies outside is left out
    of its parameters and kept as an attribute.
    """
    state = _STATES[trial.state]
    inside = {
        name: distribution
        for name, distribution in distributions.items()
        if contains(distribution, getattr(trial.recipe, name))
    }
    attributes = {"number": trial.number, "origin": trial.origin, "outside": sorted(set(distributions) - set(inside))}
    if trial.state == records.FAILED:
        attributes["reason"] = trial.result["reason"]
    return create_trial(
        state=state,
        value=trial.best_score if state == TrialState.COMPLETE else None,
        params={name: getattr(trial.recipe, name) for name in inside},
        distributions=inside,
        # Of a running trial they are told when it ends: Optuna takes each epoch's once.
        intermediate_values={} if state == TrialState.RUNNING else best_so_far(trial),
        user_attrs=attributes,
    )


def contains(distribution: BaseDistribution, value: Any) -> bool:
    """Whether a value lies in what is searched."""
    try:
        return bool(distribution._contains(distribution.to_internal_repr(value)))
    except ValueError:
        return False
