"""Do the intervals hold the truth as often as they say, and do the tests reject as often as they may?

    uv run python bench/intervals.py [--simulations 2000] [--resamples 200] [--only few|many|classes|single|power]

Draws predictions whose true scores are known. An image's score is the sum of what it owes to its class, its group (a
patient), itself, the network, the seed, and the seed on this image; seeds differ in how well they separate the classes
and in their threshold. Groups hold 1 to 6 images of either class, or one. Two networks see the same images, so their
scores are correlated. Few positives among many images, fixed in number or drawn; and four classes in an order, of which
one is rare. One markdown table a question on stdout.
"""

import argparse
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, expit, softmax
from scipy.stats import norm

from study.evaluation.bootstrap import ResampledScores, resampled_scores
from study.evaluation.calibration import BRIER_SCORE, LOG_LOSS, brier_scores, log_losses, resampled_losses
from study.evaluation.confusion import decide
from study.evaluation.delong import auc_interval, delong_test
from study.evaluation.metrics import find, weighted_scores
from study.evaluation.paired import mcnemar
from study.evaluation.per_class import KAPPA

PROPORTIONS = ("accuracy", "sensitivity[1]", "specificity[1]", "ppv[1]", "npv[1]")
METRICS = (*PROPORTIONS, "f1", "balanced_accuracy", "roc_auc", "average_precision", KAPPA)
LOSSES = {BRIER_SCORE: brier_scores, LOG_LOSS: log_losses}
RARE = 0
CLASS_METRICS = (
    *(
        "accuracy",
        "precision",
        "recall",
        "specificity",
        "f1",
        "roc_auc",
        "roc_auc_weighted",
        "average_precision",
        KAPPA,
    ),
    *(f"{name}[{index}]" for name in ("sensitivity", "specificity", "ppv", "npv") for index in (RARE, 1)),
)
Numbers = NDArray[np.float64]
# Points of Gauss and Hermite, for the expected value over seeds.
_NODES, _WEIGHTS = (
    each / (1 if i == 0 else each.sum()) for i, each in enumerate(np.polynomial.hermite_e.hermegauss(31))
)


@dataclass(frozen=True)
class World:
    """Where predictions are drawn from. Standard deviations are in units of the scores'; they add up to about 1.

    Attributes:
        groups: patients of a test split, 1 to `largest` images each.
        seeds: of each network.
        separation: distance between the classes' mean scores.
        advantage: of the first network's separation over the second's.
        seed: of the separation, and half as much of the threshold, between seeds.
        patient, image, network, seed_image: of the random parts of a score, the first two common to both networks.
        prevalence: of the positive class.
        fixed: whether so many images are positive each time; else their number is drawn.
    """

    groups: int = 150
    largest: int = 6
    seeds: int = 5
    separation: float = 1.7
    advantage: float = 0.0
    seed: float = 0.12
    patient: float = 0.5
    image: float = 0.5
    network: float = 0.4
    seed_image: float = 0.55
    prevalence: float = 0.5
    fixed: bool = False

    @property
    def correlation(self) -> float:
        """Of two networks' scores on images of one class."""
        return (self.patient**2 + self.image**2) / self.variance

    @property
    def variance(self) -> float:
        return self.patient**2 + self.image**2 + self.network**2 + self.seed_image**2

    def truth(self, metric: str, network: int = 0) -> float:
        """Expected score of a seed of the network on images of new patients: integrals of normal distributions."""
        separation = self.separation + (self.advantage if network == 0 else 0.0)
        return self._losses(metric, separation) if metric in LOSSES else self._scores(separation)[metric]

    def _losses(self, metric: str, separation: float) -> float:
        # Of the scores of one class: half of the seeds' separation, and their threshold, add to the images' share.
        deviation = np.sqrt(self.variance + self.seed**2 / 4 + self.seed**2 / 4)
        positives = np.ones(len(_NODES), dtype=np.int64)
        each = [
            LOSSES[metric](
                1 - positives if side < 0 else positives, _probabilities(side * separation / 2 + deviation * _NODES)
            )
            for side in (-1, 1)
        ]
        return float((1 - self.prevalence) * (each[0] @ _WEIGHTS) + self.prevalence * (each[1] @ _WEIGHTS))

    def _scores(self, separation: float) -> dict[str, float]:
        """Of each seed, then the mean over the seeds."""
        spread, share = np.sqrt(self.variance), self.prevalence
        of_seed, threshold = np.meshgrid(separation + self.seed * _NODES, self.seed / 2 * _NODES, indexing="ij")
        found, spared = norm.cdf((of_seed / 2 + threshold) / spread), norm.cdf((of_seed / 2 - threshold) / spread)
        hits, misses, alarms, rest = (
            share * found,
            share * (1 - found),
            (1 - share) * (1 - spared),
            (1 - share) * spared,
        )
        by_chance = share * (hits + alarms) + (1 - share) * (misses + rest)
        each = {
            "accuracy": hits + rest,
            "sensitivity[1]": found,
            "specificity[1]": spared,
            "ppv[1]": hits / (hits + alarms),
            "npv[1]": rest / (rest + misses),
            "f1": 2 * hits / (2 * hits + alarms + misses),
            "balanced_accuracy": (found + spared) / 2,
            "roc_auc": norm.cdf(of_seed / np.sqrt(2) / spread),
            "average_precision": _average_precision(of_seed / spread, share),
            KAPPA: (hits + rest - by_chance) / (1 - by_chance),
        }
        return {name: float(_WEIGHTS @ values @ _WEIGHTS) for name, values in each.items()}


def _average_precision(distance: Numbers, share: float) -> Numbers:
    """The area under the precision-recall curve of two normal distributions so many deviations apart."""
    thresholds = np.linspace(-8, 12, 2001)
    recall = norm.sf(thresholds - distance[:, :1])
    called = share * recall + (1 - share) * norm.sf(thresholds)
    precision = np.divide(share * recall, called, out=np.ones_like(called), where=called > 0)
    return np.asarray(-np.trapezoid(precision, recall, axis=1)[:, None] * np.ones_like(distance))


@dataclass(frozen=True)
class Drawn:
    """Targets (N,), two networks' probabilities (2, K, N, 2) and groups (N,)."""

    targets: NDArray[np.int64]
    networks: Numbers
    groups: NDArray[np.int64]


def draw(world: World, rng: np.random.Generator) -> Drawn:
    sizes = rng.integers(1, world.largest + 1, world.groups)
    groups = np.repeat(np.arange(world.groups), sizes)
    num_images = len(groups)
    targets = _classes(world, groups, rng)
    common = world.patient * rng.normal(size=world.groups)[groups] + world.image * rng.normal(size=num_images)
    separation = np.array([world.separation + world.advantage, world.separation])[:, None]
    separation = separation + world.seed * rng.normal(size=(2, world.seeds))
    threshold = world.seed / 2 * rng.normal(size=(2, world.seeds))
    scores = (
        (targets - 0.5) * separation[..., None]
        + threshold[..., None]
        + common
        + world.network * rng.normal(size=(2, 1, num_images))
        + world.seed_image * rng.normal(size=(2, world.seeds, num_images))
    )
    return Drawn(targets, _probabilities(scores), groups)


def _classes(world: World, groups: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    if world.fixed:
        return (rng.permutation(len(groups)) < round(world.prevalence * len(groups))).astype(np.int64)
    # Patients of whom all images are alike and patients with both kinds, half of each.
    alike = rng.random(world.groups) < 0.5
    likely = np.where(alike, rng.random(world.groups) < world.prevalence, world.prevalence)
    return (rng.random(len(groups)) < likely[groups]).astype(np.int64)


def _probabilities(scores: Numbers) -> Numbers:
    """Of both classes, (..., 2), from scores (...)."""
    positive = expit(2 * scores)
    return np.stack([1 - positive, positive], axis=-1)


def simulated(world: World, simulations: int) -> Iterator[Drawn]:
    for number in range(simulations):
        yield draw(world, np.random.default_rng([number, world.groups, world.seeds]))


def covers_and_rejects(world: World, simulations: int, resamples: int) -> dict[str, list[float]]:
    """Metric -> shares of intervals with the truth and of differences found, with seeds paired and not, and a width.

    The last number is the mean width as a multiple of that of the exact interval of as many cases; NaN for what is no
    proportion. What has no interval isn't counted.
    """
    counts: dict[str, list[tuple[float, ...]]] = {metric: [] for metric in (*METRICS, *LOSSES)}
    truths = {metric: world.truth(metric) for metric in counts}
    for drawn in simulated(world, simulations):
        first, second = (_resampled(drawn, runs, resamples) for runs in drawn.networks)
        for metric, one in first.items():
            interval = one.interval(metric)
            if np.isnan(interval.low):
                continue
            counts[metric].append(
                (
                    interval.low <= truths[metric] <= interval.high,
                    one.minus(second[metric], metric).excludes_zero,
                    one.minus(second[metric], metric, seeds_paired=False).excludes_zero,
                    _exact_widths(one, metric, interval.mean, interval.high - interval.low),
                )
            )
    return {metric: np.mean(each, axis=0).tolist() for metric, each in counts.items()}


def _exact_widths(scores: ResampledScores, metric: str, mean: float, width: float) -> float:
    if metric not in PROPORTIONS:
        return float("nan")
    num = scores.cases[metric]
    low = betaincinv(mean * num, num - mean * num + 1, 0.025) if mean > 0 else 0.0
    high = betaincinv(mean * num + 1, num - mean * num, 0.975) if mean < 1 else 1.0
    return float(width / (high - low))


@dataclass(frozen=True)
class OrderedWorld:
    """Four classes in an order, each a step further on one scale; other attributes as of `World`, images alone."""

    sizes: tuple[int, ...] = (5, 20, 40, 60)
    seeds: int = 3
    step: float = 1.2
    seed: float = 0.12

    def draw(self, rng: np.random.Generator, sizes: tuple[int, ...], seeds: int) -> tuple[NDArray[np.int64], Numbers]:
        """Targets (N,) and probabilities (K, N, C)."""
        targets = np.repeat(np.arange(len(sizes)), sizes)
        steps = self.step + self.seed * rng.normal(size=(seeds, 1))
        scores = steps * targets + self.seed * rng.normal(size=(seeds, 1))
        scores = scores + 0.8 * rng.normal(size=len(targets)) + 0.6 * rng.normal(size=(seeds, len(targets)))
        distances = scores[..., None] - self.step * np.arange(len(sizes))
        return targets, np.asarray(softmax(-(distances**2), axis=-1))


@cache
def _truths(world: OrderedWorld) -> dict[str, float]:
    """The mean over 200 seeds on 50 times as many images."""
    sizes = tuple(50 * size for size in world.sizes)
    found: dict[str, list[float]] = {metric: [] for metric in CLASS_METRICS}
    for number in range(200):
        targets, (run,) = world.draw(np.random.default_rng([number, 7]), sizes, 1)
        for metric, value in weighted_scores(
            targets, run, np.ones((len(targets), 1)), map(find, CLASS_METRICS)
        ).items():
            found[metric].append(float(value[0]))
    return {metric: float(np.mean(values)) for metric, values in found.items()}


def covers_of_classes(world: OrderedWorld, simulations: int, resamples: int) -> dict[str, float]:
    """Metric -> share of intervals that hold the truth."""
    counts: dict[str, list[bool]] = {metric: [] for metric in CLASS_METRICS}
    for number in range(simulations):
        targets, runs = world.draw(np.random.default_rng([number, sum(world.sizes)]), world.sizes, world.seeds)
        groups = np.arange(len(targets))
        scores = resampled_scores(targets, runs, groups, metrics=CLASS_METRICS, num_resamples=resamples)
        for metric in CLASS_METRICS:
            interval = scores.interval(metric)
            if not np.isnan(interval.low):
                counts[metric].append(interval.low <= _truths(world)[metric] <= interval.high)
    return {metric: float(np.mean(each)) for metric, each in counts.items()}


def _resampled(drawn: Drawn, runs: Numbers, resamples: int) -> dict[str, ResampledScores]:
    """Metric -> what holds it."""
    scores = resampled_scores(drawn.targets, runs, drawn.groups, metrics=METRICS, num_resamples=resamples)
    losses = resampled_losses(drawn.targets, runs, drawn.groups, num_resamples=resamples)
    return dict.fromkeys(METRICS, scores) | dict.fromkeys(LOSSES, losses)


def tests_of_single_networks(world: World, simulations: int) -> dict[str, float]:
    """Test -> share of true nulls that it rejects at 5 %, and the share of DeLong's intervals that hold the truth."""
    counts = dict.fromkeys(("DeLong", "DeLong with groups", "McNemar, mid-p", "interval", "interval with groups"), 0)
    truth = world.truth("roc_auc")
    for drawn in simulated(world, simulations):
        first, second = drawn.networks[:, 0]
        for suffix, groups in (("", None), (" with groups", drawn.groups)):
            counts["DeLong" + suffix] += delong_test(drawn.targets, first, second, groups).p < 0.05
            interval = auc_interval(drawn.targets, first, groups)
            counts["interval" + suffix] += interval.low <= truth <= interval.high
        counts["McNemar, mid-p"] += mcnemar(drawn.targets, decide(first), decide(second)).p < 0.05
    return {name: count / simulations for name, count in counts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--resamples", type=int, default=200)
    tables: dict[str, Callable[[World, int, int], None]] = {
        "many": _print_many,
        "few": _print_few,
        "classes": _print_classes,
        "single": _print_single,
        "power": _print_power,
    }
    parser.add_argument("--only", choices=tables, action="append")
    options = parser.parse_args()
    base = World()
    true = ", ".join(f"{metric} {base.truth(metric):.3f}" for metric in (*METRICS, *LOSSES))
    print(f"Correlation of two networks' scores {base.correlation:.2f}; true {true}.\n")
    for name in options.only or tables:
        tables[name](base, options.simulations, options.resamples)


def _print_many(base: World, simulations: int, resamples: int) -> None:
    """Patients of either class, half of the images positive."""
    worlds = [
        replace(base, groups=groups, seeds=seeds, seed=seed)
        for groups, seed in ((60, base.seed), (60, 0.0), (60, 0.3), (150, base.seed))
        for seeds in (3, 5)
    ]
    # Near the end of the range of the area.
    worlds.append(replace(base, groups=60, seeds=3, separation=2.86))
    _print_worlds(worlds, simulations, resamples)


def _print_few(base: World, simulations: int, resamples: int) -> None:
    """Few positives, with independent images and with patients."""
    few = replace(base, largest=1, seeds=3)
    worlds = [
        replace(few, groups=groups, prevalence=prevalence, fixed=fixed)
        for groups, prevalence in ((10, 0.5), (55, 1 / 11), (110, 1 / 11), (60, 1 / 3))
        for fixed in (True, False)
    ]
    worlds += [replace(few, groups=groups, prevalence=0.1, fixed=True, separation=2.86) for groups in (50, 100)]
    worlds += [replace(few, groups=100, prevalence=0.1, fixed=True, seeds=seeds, seed=0.0) for seeds in (1, 5)]
    worlds += [replace(few, groups=30, largest=6, prevalence=0.1, fixed=fixed) for fixed in (True, False)]
    _print_worlds(worlds, simulations, resamples)


def _print_worlds(worlds: list[World], simulations: int, resamples: int) -> None:
    names = (*METRICS, *LOSSES)
    head = f"| patients | images of one | positive | seeds | deviation | ROC-AUC | what | {' | '.join(names)} |"
    print(f"{head}\n|{'---|' * (head.count('|') - 1)}")
    with ProcessPoolExecutor() as pool:
        for world, found in zip(
            worlds,
            pool.map(partial(covers_and_rejects, simulations=simulations, resamples=resamples), worlds),
            strict=True,
        ):
            positive = f"{world.prevalence:.0%}{', fixed' if world.fixed else ''}"
            images = "1" if world.largest == 1 else f"1 to {world.largest}"
            area = world.truth("roc_auc")
            of = f"| {world.groups} | {images} | {positive} | {world.seeds} | {world.seed} | {area:.2f} "
            for place, what in enumerate(("truth held", "nothing, but found", "the same, seeds not paired")):
                print(f"{of}| {what} | {' | '.join(_percent(found[name][place]) for name in names)} |", flush=True)
            widths = [f"{found[name][3]:.2f}" if name in PROPORTIONS else "" for name in names]
            print(f"{of}| width / exact | {' | '.join(widths)} |", flush=True)
    print()


def _print_classes(base: World, simulations: int, resamples: int) -> None:
    """Four classes in an order."""
    print(
        f"| images of the classes | seeds | deviation | {' | '.join(CLASS_METRICS)} |",
        f"|---|---|---|{'---|' * len(CLASS_METRICS)}",
        sep="\n",
    )
    worlds = [
        OrderedWorld(),
        OrderedWorld(seeds=5, seed=0.0),
        OrderedWorld(step=2.2),
        OrderedWorld(sizes=(40, 40, 40, 40)),
        OrderedWorld(sizes=(5, 5, 5, 5), seed=base.seed),
    ]
    with ProcessPoolExecutor() as pool:
        each = pool.map(partial(covers_of_classes, simulations=simulations, resamples=resamples), worlds)
        for world, found in zip(worlds, each, strict=True):
            sizes = ", ".join(map(str, world.sizes)) + (
                f", {world.step} apart" if world.step != OrderedWorld.step else ""
            )
            shares = " | ".join(_percent(share) for share in found.values())
            print(f"| {sizes} | {world.seeds} | {world.seed} | {shares} |", flush=True)
    print()


def _print_single(base: World, simulations: int, resamples: int) -> None:
    del resamples
    single = replace(base, seeds=1, seed=0.0)
    print("\n| images | DeLong | DeLong with groups | McNemar, mid-p | interval | interval with groups |")
    print("|---|---|---|---|---|---|")
    for name, world in (
        ("100 independent", replace(single, groups=100, largest=1)),
        ("500 independent", replace(single, groups=500, largest=1)),
        ("60 groups", replace(single, groups=60)),
        ("150 groups", replace(single, groups=150)),
    ):
        found = tests_of_single_networks(world, simulations)
        print(f"| {name} | {' | '.join(_percent(share) for share in found.values())} |", flush=True)


def _print_power(base: World, simulations: int, resamples: int) -> None:
    world = replace(base, advantage=0.395)
    found = covers_and_rejects(world, simulations, resamples)
    print(
        f"\n| {world.groups} groups, about 525 images, {world.seeds} seeds | {' | '.join(found)} |",
        f"|---|{'---|' * len(found)}",
        sep="\n",
    )
    true = " | ".join(f"{world.truth(metric) - world.truth(metric, 1):.3f}" for metric in found)
    print(f"| true difference | {true} |")
    for place, what in ((1, "found"), (2, "seeds not paired")):
        print(f"| {what} | {' | '.join(_percent(share[place]) for share in found.values())} |", flush=True)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


if __name__ == "__main__":
    main()
