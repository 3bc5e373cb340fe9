"""The curves that `bench/search.py` replays: one small network on brain MRI, trained once at full budget per recipe."""

import csv
import functools
import math
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from holdout import make_holdout
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution
from scipy.stats import qmc

from search_spaces.brain_tumor import STUDY
from study import datasets
from study.datasets.images import pixel_cache, splits
from study.spec import Recipe, ray_domains
from study.training.data import Images, SplitRows, Standardization
from study.training.trainer import DivergedError, Training
from study.training.training_run import Run

PAIR, SIZE_PX, EPOCHS = "baseline_cnn", 32, 27
CURVES = Path(__file__).with_name("search_curves.csv")
# Of the images to train on, so that the table is done in an hour.
_TAKE_EVERY = 3
_NUM_RECIPES, _NUM_SEEDS = 100, 3
# The first ones that learn anything: the others are at 0.5 with any seed.
_REPEATED = (0, 1, 4, 5, 6, 7, 8, 9)
_REALS = ("lr", "weight_decay", "dropout", "class_weight_power")
Epoch = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """One line of the table that is to be trained."""

    config: int
    seed: int
    recipe: Recipe


class Workbench:
    """The images of the Training side of a holdout, ready to train on. Testing is not opened."""

    def __init__(self, data: Path, scratch: Path) -> None:
        root = make_holdout(data, scratch / "data")
        self.dataset = datasets.find(STUDY.dataset)
        samples = sorted(self.dataset.scan(root), key=lambda s: s.path)
        store = pixel_cache.prepare(
            root,
            [s.path for s in samples],
            size_px=SIZE_PX,
            cache=scratch / "cache",
            trimmed=self.dataset.trimmed,
            show_progress=False,
        )
        table = splits.split(
            samples, store.sha256, classes=self.dataset.classes, val_fraction=STUDY.val_fraction, seed=0
        )
        row_of = {path: row for row, path in enumerate(store.paths)}
        table["row"] = table["path"].map(row_of)
        # Sorted by path, so by class: every third keeps the shares of the classes.
        self.rows = {
            splits.TRAIN: _rows(table[table["split"] == splits.TRAIN][::_TAKE_EVERY]),
            splits.VAL: _rows(table[table["split"] == splits.VAL]),
        }
        self.images = Images(store.path, torch.device("cpu"))
        self.standardization: Standardization = self.images.statistics(self.rows[splits.TRAIN].rows)

    def epochs_of(self, recipe: Recipe, seed: int) -> Iterator[Epoch]:
        """The metrics of each epoch of a training at full budget; fewer than `EPOCHS` where it diverges."""
        run = Run(
            architecture=PAIR,
            recipe=recipe,
            num_classes=len(self.dataset.classes),
            modality=self.dataset.modality,
            train=self.rows[splits.TRAIN],
            val=self.rows[splits.VAL],
            epochs=EPOCHS,
            seed=seed,
            standardization=self.standardization,
        )
        # As `study.training.trainer.train` does, but a caller may leave off, and train two in turn.
        training = Training(run, self.images)
        try:
            while training.epoch < EPOCHS:
                yield training.run_epoch()
        except DivergedError as error:
            print(f"diverged: {error}", file=sys.stderr)


def _rows(table: pd.DataFrame) -> SplitRows:
    rows, targets = (table[name].to_numpy("int64", copy=True) for name in ("row", "target"))
    return SplitRows(rows=rows, targets=targets)


@functools.cache
def distributions() -> dict[str, BaseDistribution]:
    """The study's own space of the network."""
    return ray_domains.distributions(STUDY.space_of(PAIR))


def document() -> Recipe:
    """The document's recipe of the network."""
    return STUDY.pairs[PAIR]


def train_table(data: Path) -> None:
    """Trains what is missing in the table, line by line; what is there stays."""
    torch.set_num_threads(1)
    done = _done()
    missing = [task for task in _tasks() if (task.config, task.seed) not in done]
    started_s = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        bench = Workbench(data, Path(scratch))
        for number, task in enumerate(missing, start=1):
            epochs = list(bench.epochs_of(task.recipe, task.seed))
            _append(task, epochs)
            best = max((e["val_roc_auc"] for e in epochs), default=float("nan"))
            spent_s = time.perf_counter() - started_s
            print(
                f"{number}/{len(missing)}: recipe {task.config}, seed {task.seed}: best val ROC-AUC {best:.4f}; "
                f"{spent_s:.0f} s spent, about {spent_s / number * (len(missing) - number):.0f} s left",
                flush=True,
            )


def _tasks() -> Iterator[Task]:
    """All recipes, the document's first; some of them with several seeds, for the noise of a seed."""
    for config, recipe in enumerate([document(), *_drawn(_NUM_RECIPES - 1)]):
        for seed in range(_NUM_SEEDS if config in _REPEATED else 1):
            yield Task(config, seed, recipe)


def _drawn(num: int) -> list[Recipe]:
    """Recipes from a scrambled Sobol sequence: they cover the space more evenly than random ones."""
    # The sequence is balanced at powers of two only.
    points = qmc.Sobol(len(distributions()), rng=0).random_base2(math.ceil(math.log2(num)))[:num]
    return [document().with_values(values) for values in draw(points)]


def draw(points: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Points of the unit cube as values of the space."""
    return [
        {name: _value(d, u) for (name, d), u in zip(distributions().items(), point, strict=True)} for point in points
    ]


def _value(distribution: BaseDistribution, u: float) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(u * len(distribution.choices))]
    low, high = distribution.low, distribution.high  # type: ignore[attr-defined]
    if distribution.log:  # type: ignore[attr-defined]
        return float(low * (high / low) ** u)
    return float(low + (high - low) * u)


def _columns() -> list[str]:
    curves = [f"{name}_{epoch}" for name in ("val_roc_auc", "val_loss") for epoch in range(1, EPOCHS + 1)]
    return ["config", "seed", *distributions(), "seconds", *curves]


def _done() -> set[tuple[int, int]]:
    if not CURVES.exists():
        return set()
    with CURVES.open(newline="") as file:
        return {(int(line["config"]), int(line["seed"])) for line in csv.DictReader(file)}


def _append(task: Task, epochs: list[Epoch]) -> None:
    values = task.recipe.hyperparameters()
    line: dict[str, Any] = {"config": task.config, "seed": task.seed}
    line |= {name: f"{values[name]:.6g}" if name in _REALS else values[name] for name in distributions()}
    line["seconds"] = f"{sum(e['seconds'] for e in epochs):.1f}"
    for epoch in epochs:
        line |= {f"{name}_{epoch['epoch']}": f"{epoch[name]:.5g}" for name in ("val_roc_auc", "val_loss")}
    new = not CURVES.exists()
    with CURVES.open("a", newline="") as file:
        writer = csv.DictWriter(file, _columns(), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(line)
