"""Do the intervals hold the truth as often as they say, and do the tests reject as often as they may?

    uv run python bench/intervals.py [--simulations 2000] [--resamples 200]

Draws predictions whose true accuracy, ROC-AUC, Brier score and log loss are known. An image's score is the sum of what
it owes to its class, its group (a patient), itself, the network, the seed, and the seed on this image; seeds differ in
how well they separate the classes and in their threshold. Groups hold 1 to 6 images of either class. Two networks see
the same images, so their scores are correlated. One markdown table a question on stdout.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm

from study.evaluation.bootstrap import ResampledScores, resampled_scores
from study.evaluation.calibration import BRIER_SCORE, LOG_LOSS, brier_scores, log_losses, resampled_losses
from study.evaluation.delong import auc_interval, delong_test
from study.evaluation.metrics import decide
from study.evaluation.paired import mcnemar

METRICS = ("accuracy", "roc_auc")
LOSSES = {BRIER_SCORE: brier_scores, LOG_LOSS: log_losses}
Numbers = NDArray[np.float64]


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
        if metric == "roc_auc":
            return float(norm.cdf(separation / np.sqrt(2 * self.variance + self.seed**2)))
        # Of the scores of one class: half of the seeds' separation, and their threshold, add to the images' share.
        deviation = np.sqrt(self.variance + self.seed**2 / 4 + self.seed**2 / 4)
        if metric in LOSSES:
            nodes, weights = np.polynomial.hermite_e.hermegauss(100)
            positives = np.ones(len(nodes), dtype=np.int64)
            losses = LOSSES[metric](positives, _probabilities(separation / 2 + deviation * nodes))
            return float(losses @ weights / weights.sum())
        return float(norm.cdf(separation / 2 / deviation))


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
    # Patients of whom all images are alike and patients with both kinds, half of each.
    likely = rng.choice([0.0, 0.5, 0.5, 1.0], world.groups)
    targets = (rng.random(num_images) < likely[groups]).astype(np.int64)
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


def _probabilities(scores: Numbers) -> Numbers:
    """Of both classes, (..., 2), from scores (...)."""
    positive = expit(2 * scores)
    return np.stack([1 - positive, positive], axis=-1)


def simulated(world: World, simulations: int) -> Iterator[Drawn]:
    for number in range(simulations):
        yield draw(world, np.random.default_rng([number, world.groups, world.seeds]))


def covers_and_rejects(world: World, simulations: int, resamples: int) -> dict[str, list[float]]:
    """Metric -> shares of intervals with the truth in them and of differences found, with seeds paired and not."""
    counts = {metric: np.zeros(3) for metric in (*METRICS, *LOSSES)}
    for drawn in simulated(world, simulations):
        first, second = (_resampled(drawn, runs, resamples) for runs in drawn.networks)
        for metric, one in first.items():
            interval = one.interval(metric)
            counts[metric] += (
                interval.low <= world.truth(metric) <= interval.high,
                one.minus(second[metric], metric).excludes_zero,
                one.minus(second[metric], metric, seeds_paired=False).excludes_zero,
            )
    return {metric: (count / simulations).tolist() for metric, count in counts.items()}


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
    arguments = parser.parse_args()
    base = World()
    true = ", ".join(f"{metric} {base.truth(metric):.3f}" for metric in (*METRICS, *LOSSES))
    print(f"Correlation of two networks' scores {base.correlation:.2f}; true {true}.\n")
    _print_bootstrap(base, arguments.simulations, arguments.resamples)
    _print_single(base, arguments.simulations)
    _print_power(base, arguments.simulations, arguments.resamples)


def _print_bootstrap(base: World, simulations: int, resamples: int) -> None:
    names = ", ".join((*METRICS, *LOSSES))
    print(f"| groups | seeds | deviation between seeds | 95 % intervals that hold the truth: {names} ", end="")
    print(f"| true nulls rejected at 5 %: {names} | seeds not paired |\n|---|---|---|---|---|---|")
    worlds = [
        replace(base, groups=groups, seeds=seeds, seed=seed)
        for groups, seed in ((60, base.seed), (60, 0.0), (60, 0.3), (150, base.seed))
        for seeds in (3, 5)
    ]
    # Near the end of the range of the area.
    worlds.append(replace(base, groups=60, seeds=3, separation=2.86))
    for world in worlds:
        found = covers_and_rejects(world, simulations, resamples)
        shares = [", ".join(_percent(share[i]) for share in found.values()) for i in range(3)]
        of = f", true ROC-AUC {world.truth('roc_auc'):.2f}" if world.separation != base.separation else ""
        print(f"| {world.groups}{of} | {world.seeds} | {world.seed} | {' | '.join(shares)} |", flush=True)


def _print_single(base: World, simulations: int) -> None:
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
    names = ", ".join((*METRICS, *LOSSES))
    print(f"\n| images | seeds | true difference: {names} | found: {names} | seeds not paired |\n|---|---|---|---|---|")
    world = replace(base, advantage=0.395)
    found = covers_and_rejects(world, simulations, resamples)
    true = ", ".join(f"{world.truth(metric) - world.truth(metric, 1):.3f}" for metric in found)
    power = [", ".join(_percent(share[i]) for share in found.values()) for i in (1, 2)]
    print(f"| {world.groups} groups, about 525 | {world.seeds} | {true} | {' | '.join(power)} |", flush=True)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


if __name__ == "__main__":
    main()
