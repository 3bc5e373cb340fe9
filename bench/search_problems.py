"""What `bench/search.py` searches: what a problem is, and a formula whose optimum is known."""

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from study.spec import Recipe

Values = dict[str, Any]
Curve = NDArray[np.float64]


class Space(Protocol):
    """What a searcher is told.

    Attributes:
        distributions: hyperparameter -> what is searched.
        document: the document's recipe, where every search starts.
        epochs: full budget of a trial.
    """

    distributions: dict[str, BaseDistribution]
    document: Recipe
    epochs: int


class Problem(Space, Protocol):
    """Something to search without training.

    Attributes:
        name: heading of its tables.
        optimum: the highest score of any recipe, without noise.
    """

    name: str
    optimum: float

    def curve(self, values: Values) -> Curve:
        """Score of each epoch, without noise."""

    def noise(self, rng: np.random.Generator) -> Curve:
        """What a seed adds to the logarithm (base 10) of the error of each epoch."""

    def speed(self, rng: np.random.Generator) -> float:
        """Clock time of one epoch of a trial."""


def noisy(problem: Problem, values: Values, rng: np.random.Generator) -> Curve:
    """What one training would show. A network that learns nothing has no noise."""
    error = 1 - problem.curve(values)
    share = np.clip((0.5 - error) / 0.1, 0, 1)
    return 1 - np.minimum(error * 10 ** (problem.noise(rng) * share), 1)


class Synthetic:
    """A formula: a bowl in four numbers and offsets of three choices; slow starters end best, so ranks cross.

    Where its optimum lies is drawn anew for each seed, so that no method is tuned to one place.
    """

    name = "synthetic (known optimum)"
    epochs = 27
    optimum = 0.99
    document = Recipe(lr=1e-3, dropout=0.0)

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.distributions: dict[str, BaseDistribution] = {
            "lr": FloatDistribution(1e-5, 1e-1, log=True),
            "weight_decay": FloatDistribution(1e-6, 1e-1, log=True),
            "dropout": FloatDistribution(0.0, 0.7),
            "class_weight_power": FloatDistribution(0.0, 1.0),
            "optimizer": CategoricalDistribution(["adam", "adamw", "sgd"]),
            "batchnorm": CategoricalDistribution([False, True]),
            "batch_size": CategoricalDistribution([16, 32, 64]),
        }
        self._log_lr, self._log_decay = rng.uniform(-4, -2.5), rng.uniform(-5, -2)
        self._dropout, self._power = rng.uniform(0.1, 0.6), rng.uniform(0, 1)
        self._optimizer = dict(zip(rng.permutation(["adam", "adamw", "sgd"]).tolist(), (0.0, 0.08, 0.2), strict=True))
        self._batch_size = dict(zip(rng.permutation([16, 32, 64]).tolist(), (0.0, 0.03, 0.08), strict=True))

    def curve(self, values: Values) -> Curve:
        # SGD wants larger steps.
        log_lr = math.log10(values["lr"]) - (1.0 if values["optimizer"] == "sgd" else 0.0)
        off = (
            0.5 * (log_lr - self._log_lr) ** 2
            + 0.05 * (math.log10(max(values["weight_decay"], 1e-6)) - self._log_decay) ** 2
            + 2.5 * (values["dropout"] - self._dropout) ** 2
            + 0.3 * (values["class_weight_power"] - self._power) ** 2
            + self._optimizer[values["optimizer"]]
            + self._batch_size[values["batch_size"]]
            + (0.0 if values["batchnorm"] else 0.25)
        )
        last = min((1 - self.optimum) * 10**off, 0.5)
        # The error falls from 0.5 to `last` as a power of the epoch; high rates learn at once, dropout holds it up.
        high = float(np.clip(log_lr - self._log_lr, -2, 2))
        rate = 10 ** (0.25 * high - 0.6 * values["dropout"] + (0.15 if values["batchnorm"] else 0.0))
        epoch = np.arange(1, self.epochs + 1)
        share = (epoch**-rate - self.epochs**-rate) / (1 - self.epochs**-rate)
        return np.asarray(1 - (last + (0.5 - last) * share), dtype=np.float64)

    def noise(self, rng: np.random.Generator) -> Curve:
        return rng.normal(0, 0.06) + rng.normal(0, 0.05, self.epochs)

    def speed(self, rng: np.random.Generator) -> float:
        return float(rng.uniform(0.7, 1.3))
