"""The search of one pair: an Optuna study that is a pure function of the pair's history."""

import warnings
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages.journal import JournalFileBackend
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
    """

    def __init__(
        self,
        pair: str,
        distributions: dict[str, BaseDistribution],
        seed: int,
        tried: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.pair, self.distributions, self.seed, self.tried = pair, distributions, seed, tried

    def suggest(self, number: int, history: list[records.Trial]) -> dict[str, Any]:
        """Hyperparameter -> value for the trial of that number, given all trials before it.

        Trial 0 is the declared recipe; the first ones after it are what the study declares as tried.
        """
        if number <= len(self.tried):
            return dict(self.tried[number - 1])
        study = optuna.create_study(direction="maximize", sampler=self._sampler(number))
        study.add_trials([frozen_trial(t, self.distributions) for t in history])
        return study.ask(self.distributions).params

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        # Not hash(): Python salts it anew in each process.
        seed = zlib.crc32(f"{self.seed} {self.pair} {number}".encode())
        with warnings.catch_warnings():
            # Optuna calls `group` experimental; its version is pinned.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.samplers.TPESampler(
                n_startup_trials=_NUM_STARTUP_TRIALS, multivariate=True, group=True, constant_liar=True, seed=seed
            )


def frozen_trial(trial: records.Trial, distributions: dict[str, BaseDistribution]) -> FrozenTrial:
    """A trial as Optuna knows it: stopped ones are PRUNED, with the best score so far at each epoch.

    The document's recipe may lie outside the space (a learning rate beyond the bounds); what lies outside is left out
    of its parameters and kept as an attribute.
    """
    state = _STATES[trial.state]
    inside = {
        name: distribution
        for name, distribution in distributions.items()
        if _contains(distribution, trial.recipe[name])
    }
    best, intermediate = float("-inf"), {}
    for epoch in trial.epochs:
        best = max(best, epoch["val_roc_auc"])
        intermediate[int(epoch["epoch"])] = best
    return create_trial(
        state=state,
        value=trial.best_score if state == TrialState.COMPLETE else None,
        params={name: trial.recipe[name] for name in inside},
        distributions=inside,
        intermediate_values=intermediate,
        user_attrs={"number": trial.number, "outside": sorted(set(distributions) - set(inside))},
    )


def write_journal(path: str, pairs: dict[str, dict[str, BaseDistribution]], state: records.StudyState) -> None:
    """Writes all searched trials as an Optuna journal, one Optuna study a pair."""
    storage = optuna.storages.JournalStorage(JournalFileBackend(path))
    for pair, distributions in pairs.items():
        study = optuna.create_study(study_name=pair, direction="maximize", storage=storage)
        trials = state.of_kind(records.SEARCH, pair)
        study.add_trials([frozen_trial(t, distributions) for t in trials])


def _contains(distribution: BaseDistribution, value: Any) -> bool:
    try:
        return bool(distribution._contains(distribution.to_internal_repr(value)))
    except ValueError:
        return False
