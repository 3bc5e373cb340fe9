"""What is tried before the search is left to itself: the values that a study declares, then a known-good default."""

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution

from study.search.optuna_sampler import contains
from study.spec import Recipe

# A middling learning rate, a little of each regularization, batch normalization: rarely the best, rarely bad.
_FROM_SCRATCH: Mapping[str, Any] = {
    "optimizer": "adamw",
    "lr": 1e-3,
    "weight_decay": 1e-4,
    "batch_size": 32,
    "schedule": "cosine",
    "augmentation": "light",
    "dropout": 0.2,
    "batchnorm": True,
}
# What was learnt before is kept by smaller steps.
_PRETRAINED: Mapping[str, Any] = {**_FROM_SCRATCH, "lr": 3e-4, "fine_tune_lr": 1e-4, "freeze_epochs": 1}


def first_values(
    recipe: Recipe, distributions: Mapping[str, BaseDistribution], tried: Sequence[Mapping[str, Any]]
) -> list[tuple[str, Mapping[str, Any]]]:
    """Origin and values of the trials after trial 0, before the sampler's own.

    Of the known-good default only what the study searches is taken, and only where it lies in the space; it is left out
    where that makes no new recipe.

    Args:
        recipe: of trial 0.
        distributions: hyperparameter -> what is searched.
        tried: what the study declares.
    """
    first: list[tuple[str, Mapping[str, Any]]] = [("tried", dict(values)) for values in tried]
    good = _PRETRAINED if recipe.pretrained else _FROM_SCRATCH
    default = {
        name: value for name, value in good.items() if name in distributions and contains(distributions[name], value)
    }
    known = [recipe, *(recipe.with_values(values) for _, values in first)]
    if recipe.with_values(default).hyperparameters() not in [each.hyperparameters() for each in known]:
        first.append(("default", default))
    return first
