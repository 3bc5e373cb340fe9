"""Recipes drawn at random from the search space: what every other search must beat."""

import optuna

from study.search.optuna_sampler import OptunaSampler
from study.search.policy import EarlyStopping, Problem, SearchPolicy, Standard


def _sampler(seed: int) -> optuna.samplers.BaseSampler:
    return optuna.samplers.RandomSampler(seed=seed)


def POLICY(problem: Problem, early_stopping: EarlyStopping) -> SearchPolicy:  # noqa: N802
    """Random search with that early stopping."""
    return Standard(problem, OptunaSampler(problem, _sampler, title="random search"), early_stopping)
