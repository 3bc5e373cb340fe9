"""The comparison without a surrogate: our search really trains, random search is drawn from the trained table."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import search_table
import torch
from search_methods import Played, play
from search_ours import Ours
from search_problems import Values
from search_surrogate import curves, read_table
from search_table import Workbench

from study.spec import Recipe

NUM_TRIALS, NUM_SEEDS = 24, 3


class _Live:
    """The space of the table, for the searcher."""

    def __init__(self) -> None:
        self.distributions = search_table.distributions()
        self.document = search_table.document()
        self.epochs = search_table.EPOCHS


def compare(data: Path, num_trials: int) -> str:
    """Three searches, each against recipes of the table that no other is compared with, and the document's."""
    torch.set_num_threads(1)
    table = read_table().query("seed == 0").set_index("config")
    others = np.random.default_rng(0).permutation(table.index[table.index != 0])
    lines = [
        "| seed | random: score | epochs | ours: score | epochs | epochs until random's score | share | of any epoch |",
        "|---|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as scratch:
        bench = Workbench(data, Path(scratch))
        for seed in range(NUM_SEEDS):
            drawn = table.loc[[0, *others[seed * (num_trials - 1) :][: num_trials - 1]]]
            target = float(curves(drawn).max())
            played = _search(bench, seed, num_trials)
            lines.append(_line(seed, target, len(drawn) * search_table.EPOCHS, played))
            print(lines[-1], flush=True)
    return "\n".join(lines)


def _search(bench: Workbench, seed: int, num_trials: int) -> Played:
    started_s = time.perf_counter()

    def train(number: int, values: Values) -> tuple[Iterator[tuple[int, float, bool]], float]:
        recipe = search_table.document() if number == 0 else search_table.document().with_values(values)
        print(f"seed {seed}, {time.perf_counter() - started_s:.0f} s: trial {number}", flush=True)
        return _epochs(bench, recipe), 1.0

    epochs = num_trials * search_table.EPOCHS
    return play(Ours(_Live(), seed), train, num_epochs=epochs, num_trials=num_trials)


def _epochs(bench: Workbench, recipe: Recipe) -> Iterator[tuple[int, float, bool]]:
    """As a line of the table is trained: with the same images and the same seed. What diverges stays at 0.5."""
    epochs = bench.epochs_of(recipe, seed=0)
    for number in range(1, search_table.EPOCHS + 1):
        metrics = next(epochs, {"val_roc_auc": 0.5})
        yield number, float(metrics["val_roc_auc"]), number == search_table.EPOCHS


def _line(seed: int, target: float, random_epochs: int, played: Played) -> str:
    best: dict[int, float] = {}
    selected, reached, seen = 0.0, np.inf, np.inf
    for epoch, (number, score, complete) in enumerate(
        zip(played.trials, played.scores, played.complete, strict=True), start=1
    ):
        best[number] = max(score, best.get(number, score))
        selected = max(selected, best[number]) if complete else selected
        reached = min(reached, epoch if selected >= target else np.inf)
        seen = min(seen, epoch if score >= target else np.inf)
    return (
        f"| {seed} | {target:.4f} | {random_epochs} | {selected:.4f} | {len(played.trials)} | {reached:.0f} "
        f"| {reached / random_epochs:.2f} | {seen / random_epochs:.2f} |"
    )
