"""Recipes drawn at random from the search space: what every other search must beat."""

import optuna

from study.search.optuna_sampler import OptunaSampler
from study.search.policy import EarlyStopping, Problem, SearchPolicy, Standard


def _sampler(seed: int) -> optuna.samplers.BaseSampler:
    return optuna.samplers.RandomSampler(seed=seed)


def _policy(problem: Problem, early_stopping: EarlyStopping) -> SearchPolicy:
    """Random search with that early stopping."""
    return Standard(problem, OptunaSampler(problem, _sampler, title="random search"), early_stopping)


POLICY = _policy
