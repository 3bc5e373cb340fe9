"""What `bench/search.py` searches: a surrogate of the trained table, and a formula whose optimum is known."""

import math
from typing import Any, Protocol

import numpy as np
import pandas as pd
import search_table
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from sklearn.base import RegressorMixin
from sklearn.ensemble import ExtraTreesRegressor

from study.spec import AUGMENTATIONS, Recipe

Values = dict[str, Any]
Curve = NDArray[np.float64]

# A score of 1 has no logarithm of its error; half an image's worth of ROC-AUC is less than this.
_LEAST_ERROR = 1e-3


class Problem(Protocol):
    """Something to search.

    Attributes:
        name: heading of its tables.
        distributions: the space.
        document: the document's recipe, where every search starts.
        epochs: full budget of a trial.
        optimum: the highest score of any recipe, without noise.
    """

    name: str
    distributions: dict[str, BaseDistribution]
    document: Recipe
    epochs: int
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


class Surrogate:
    """The table's curves, and what a forest makes of the recipes between them."""

    name = "brain MRI (surrogate of the trained table)"
    epochs = search_table.EPOCHS

    def __init__(self) -> None:
        self.distributions = search_table.distributions()
        self.document = search_table.document()
        self.table = read_table()
        self.model = make_model().fit(encode(self.table), log_errors(self.table))
        self.residuals = seed_residuals(self.table)
        self.seconds = self.table["seconds"].to_numpy() / self.table["seconds"].mean()
        self.optimum = self._highest()

    def curve(self, values: Values) -> Curve:
        return _scores(self.model.predict(encode(pd.DataFrame([values]))))[0]

    def noise(self, rng: np.random.Generator) -> Curve:
        return self.residuals[rng.integers(len(self.residuals))]

    def speed(self, rng: np.random.Generator) -> float:
        return float(rng.choice(self.seconds))

    def _highest(self) -> float:
        """Over many random recipes, then over more near the best of them: a forest has steps, so no gradient."""
        rng = np.random.default_rng(0)
        pool = pd.DataFrame(search_table.draw(rng.random((30_000, len(self.distributions)))))
        scores = _scores(self.model.predict(encode(pool))).max(axis=1)
        return float(scores.max())


def read_table() -> pd.DataFrame:
    """The trained lines. A diverged training has learnt nothing from then on: 0.5."""
    table = pd.read_csv(search_table.CURVES)
    curves = [f"val_roc_auc_{epoch}" for epoch in range(1, search_table.EPOCHS + 1)]
    table[curves] = table[curves].fillna(0.5)
    return table


def make_model() -> RegressorMixin:
    """The forest: it takes steps (a network that dies) as they are, and averages the noise of a seed."""
    return ExtraTreesRegressor(100, min_samples_leaf=2, max_features=0.7, random_state=0)


def encode(table: pd.DataFrame) -> NDArray[np.float64]:
    """Recipes as numbers."""
    sgd = table["optimizer"] == "sgd"
    log_lr = np.log10(table["lr"].astype(float))
    columns = [
        log_lr,
        # SGD takes larger steps: without this the forest would have to learn it from a third of the recipes.
        log_lr - np.where(sgd, 1.0, 0.0),
        sgd,
        table["optimizer"] == "adamw",
        np.log10(np.maximum(table["weight_decay"].astype(float), 1e-6)),
        np.log2(table["batch_size"].astype(float)),
        table["dropout"],
        table["batchnorm"],
        [AUGMENTATIONS.index(name) for name in table["augmentation"]],
        table["class_weight_power"],
        table["kernel_size"],
        np.log2(table["dense_units"].astype(float)),
    ]
    return np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])


def curves(table: pd.DataFrame) -> NDArray[np.float64]:
    """(N, epochs) val ROC-AUC."""
    names = [f"val_roc_auc_{epoch}" for epoch in range(1, search_table.EPOCHS + 1)]
    return table[names].to_numpy(dtype=np.float64)


def log_errors(table: pd.DataFrame) -> NDArray[np.float64]:
    """Base-10 logarithm of 1 - val ROC-AUC: 0.98 to 0.99 is as far as 0.90 to 0.95."""
    return np.log10(np.maximum(1 - curves(table), _LEAST_ERROR))


def _scores(log_error: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 - 10**log_error


def seed_residuals(table: pd.DataFrame) -> NDArray[np.float64]:
    """(K, epochs) what a seed adds to the logarithm of the error: whole curves, so neighbouring epochs go together."""
    found = []
    for _, lines in table.groupby("config"):
        errors = log_errors(lines)
        if len(lines) > 1 and errors.mean() < math.log10(0.4):
            # The mean of few has taken a part of the noise with it.
            found.append((errors - errors.mean(axis=0)) * math.sqrt(len(lines) / (len(lines) - 1)))
    return np.concatenate(found) if found else np.zeros((1, search_table.EPOCHS))


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
