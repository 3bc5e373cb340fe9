"""Gaussian-process Bayesian optimization with logarithmic expected improvement, as in Optuna."""

import warnings

import optuna

from study.search.optuna_sampler import OptunaSampler
from study.search.policy import EarlyStopping, Problem, SearchPolicy, Standard

_NUM_STARTUP_TRIALS = 6


def _sampler(seed: int) -> optuna.samplers.BaseSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.GPSampler(seed=seed, n_startup_trials=_NUM_STARTUP_TRIALS)


def _policy(problem: Problem, early_stopping: EarlyStopping) -> SearchPolicy:
    """A Gaussian process with that early stopping."""
    sampler = OptunaSampler(problem, _sampler, title="Optuna's Gaussian-process sampler")
    return Standard(problem, sampler, early_stopping)


POLICY = _policy
