"""The trained table of `bench/search.py` as a problem to search: a surrogate, how good it is, and the table itself."""

import functools
import math
from typing import Any

import numpy as np
import pandas as pd
import search_table
from numpy.typing import NDArray
from scipy.stats import spearmanr
from search_methods import grace_of
from search_problems import Curve, Values
from sklearn.base import RegressorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from study.planning import manifest
from study.search.early_stopping.asha import Rungs, rung_epochs
from study.spec import AUGMENTATIONS

# A score of 1 has no logarithm of its error.
_LEAST_ERROR, _MOST_ERROR = 1e-3, 0.5
_NUM_COMPONENTS, _NUM_INPUTS = 4, 12
_NUM_FOLDS, _NUM_ORDERS, _NUM_TRIALS = 10, 200, 48


class Surrogate:
    """The table's curves, and what the model makes of the recipes between them."""

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
        self._known: dict[tuple[Any, ...], Curve] = {}

    def curve(self, values: Values) -> Curve:
        key = tuple(values[name] for name in self.distributions)
        if key not in self._known:
            self._known[key] = np.asarray(1 - 10 ** predict(self.model, pd.DataFrame([values]))[0])
        return self._known[key]

    def noise(self, rng: np.random.Generator) -> Curve:
        return self.residuals[rng.integers(len(self.residuals))]

    def speed(self, rng: np.random.Generator) -> float:
        return float(rng.choice(self.seconds))

    def _highest(self) -> float:
        """The best of many random recipes."""
        rng = np.random.default_rng(0)
        pool = pd.DataFrame(search_table.draw(rng.random((30_000, len(self.distributions)))))
        return float(1 - 10 ** predict(self.model, pool).min())


@functools.cache
def read_table() -> pd.DataFrame:
    """The trained lines. A diverged training has learnt nothing from then on: 0.5."""
    table = pd.read_csv(search_table.CURVES)
    names = [f"val_roc_auc_{epoch}" for epoch in range(1, search_table.EPOCHS + 1)]
    table[names] = table[names].fillna(0.5)
    return table


def make_model() -> RegressorMixin:
    """A Gaussian process for each of the few shapes that the curves are made of."""
    kernel = ConstantKernel() * RBF(np.full(_NUM_INPUTS, 3.0), (0.5, 100)) + WhiteKernel()
    process = GaussianProcessRegressor(kernel, n_restarts_optimizer=1, random_state=0)
    shapes = PCA(_NUM_COMPONENTS, whiten=True)
    return make_pipeline(StandardScaler(), TransformedTargetRegressor(process, transformer=shapes, check_inverse=False))


def encode(table: pd.DataFrame) -> NDArray[np.float64]:
    """Recipes as numbers."""
    sgd = table["optimizer"] == "sgd"
    log_lr = np.log10(table["lr"].astype(float))
    columns = [
        log_lr,
        # SGD takes larger steps: without this the model would have to learn it from a third of the recipes.
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


def predict(model: RegressorMixin, table: pd.DataFrame) -> NDArray[np.float64]:
    """(N, epochs) logarithms of the errors."""
    return np.clip(model.predict(encode(table)), math.log10(_LEAST_ERROR), math.log10(_MOST_ERROR))


def seed_residuals(table: pd.DataFrame) -> NDArray[np.float64]:
    """(K, epochs) what a seed adds to the logarithm of the error: whole curves, so neighbouring epochs go together."""
    found = []
    for _, lines in table.groupby("config"):
        errors = log_errors(lines)
        if len(lines) > 1 and errors.mean() < math.log10(0.4):
            # The mean of few has taken a part of the noise with it.
            found.append((errors - errors.mean(axis=0)) * math.sqrt(len(lines) / (len(lines) - 1)))
    return np.concatenate(found) if found else np.zeros((1, search_table.EPOCHS))


def quality() -> str:
    """How well the model predicts recipes that it has not seen: 10-fold cross-validation over recipes."""
    table = read_table()
    truth, predicted = log_errors(table), np.empty((len(table), search_table.EPOCHS))
    for train, test in GroupKFold(_NUM_FOLDS).split(table, groups=table["config"]):
        model = make_model().fit(encode(table.iloc[train]), truth[train])
        predicted[test] = predict(model, table.iloc[test])
    residuals = seed_residuals(table)
    lines = [
        f"### The surrogate: {table['config'].nunique()} recipes, {len(table)} trainings\n",
        "| val ROC-AUC of | R2 of the logarithm of the error | rank correlation | rank correlation, better half |",
        "|---|---|---|---|",
    ]
    columns = {f"epoch {e}": (truth[:, e - 1], predicted[:, e - 1]) for e in (1, 3, 9, search_table.EPOCHS)}
    columns["best epoch"] = (truth.min(axis=1), predicted.min(axis=1))
    for name, (true, guess) in columns.items():
        good = true < np.median(true)
        r2 = 1 - ((true - guess) ** 2).sum() / ((true - true.mean()) ** 2).sum()
        ranks = spearmanr(true, guess).statistic, spearmanr(true[good], guess[good]).statistic
        lines.append(f"| {name} | {r2:.2f} | {ranks[0]:.2f} | {ranks[1]:.2f} |")
    best = curves(table).max(axis=1)
    lines.append(
        f"\nBest val ROC-AUC of the recipes: median {np.median(best):.4f}, highest {best.max():.4f}, the document's "
        f"{best[0]:.4f}. A seed changes the logarithm of the error by {residuals.std():.3f} (standard deviation), "
        f"at 0.96 that is {0.04 * (10 ** residuals.std() - 1):.4f}.\n"
    )
    return "\n".join(lines)


def stopping() -> str:
    """What early stopping does to the table's own curves, dealt in random order: no surrogate, no sampler."""
    table = read_table().query("seed == 0")
    scores = np.maximum.accumulate(curves(table), axis=1)
    ranks = [spearmanr(scores[:, e - 1], scores[:, -1]).statistic for e in (1, 3, 9)]
    lines = [
        f"### Early stopping on the table's own curves, {_NUM_TRIALS} in random order, {_NUM_ORDERS} orders\n",
        "Rank correlation of the best score until epoch 1, 3 and 9 with that at the end: "
        + ", ".join(f"{r:.2f}" for r in ranks)
        + ".\n",
        "| first rung | reduction factor | epochs, share of all | best is stopped | loss x 1000: median, mean |",
        "|---|---|---|---|---|",
    ]
    for grace, factor in ((1, 3), (3, 2), (3, 3), (3, 4), (5, 2), (5, 3), (9, 2), (9, 3)):
        rng = np.random.default_rng(0)
        found = np.array(
            [_stopped(scores[rng.permutation(len(scores))[:_NUM_TRIALS]], grace, factor) for _ in range(_NUM_ORDERS)]
        )
        share, lost = found.T
        ours = grace == grace_of(search_table.EPOCHS) and factor == manifest._REDUCTION_FACTOR
        lines.append(
            f"| {grace}{' (ours)' if ours else ''} | {factor} | {share.mean():.2f} | {(lost > 0).mean():.0%} "
            f"| {np.median(lost) * 1000:.1f}, {lost.mean() * 1000:.1f} |"
        )
    return "\n".join(lines) + "\n"


def _stopped(scores: NDArray[np.float64], grace: int, factor: int) -> tuple[float, float]:
    """Share of the epochs that is trained, and what the best of the finished falls short of the best of all."""
    rungs = Rungs(rung_epochs(search_table.EPOCHS, grace=grace, reduction_factor=factor), factor)
    epochs, best = 0, 0.0
    for number, curve in enumerate(scores):
        for epoch, score in enumerate(curve, start=1):
            epochs += 1
            # The first is never stopped, as the document's recipe is not.
            if rungs.record(str(number), epoch, float(score)) and number:
                break
        else:
            best = max(best, curve[-1])
    return epochs / scores.size, float(scores.max() - best)
