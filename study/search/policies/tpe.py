"""Tree-structured Parzen estimators (Bergstra et al. 2011), multivariate, as in Optuna."""

import warnings

import optuna

from study.search.optuna_sampler import OptunaSampler
from study.search.policy import EarlyStopping, Problem, SearchPolicy, Standard

_NUM_STARTUP_TRIALS = 6


def _sampler(seed: int) -> optuna.samplers.BaseSampler:
    with warnings.catch_warnings():
        # Optuna calls `group` experimental; its version is pinned.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        # Trials that are still running count as mediocre (constant liar), so that parallel trials spread.
        return optuna.samplers.TPESampler(
            n_startup_trials=_NUM_STARTUP_TRIALS, multivariate=True, group=True, constant_liar=True, seed=seed
        )


def _policy(problem: Problem, early_stopping: EarlyStopping) -> SearchPolicy:
    """TPE with that early stopping."""
    return Standard(problem, OptunaSampler(problem, _sampler, title="Optuna's TPE sampler"), early_stopping)


POLICY = _policy
