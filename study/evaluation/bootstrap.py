"""Intervals that count both sources of luck: the seeds that were trained and the images that were tested.

Seeds and images are crossed, not nested: every seed is tested on the same images. The images' share comes from
resampling: groups of images are drawn with replacement, one draw for all seeds, and each seed's predictions are scored
on it. Images that stand together in a group (copies of each other, one patient) are drawn together, because counting
them as independent would make the intervals too narrow. A resample is held as one weight an image, which turns 2,000
resamples into a few matrix operations.

The seeds' share is the variance between their scores on all images. Three or five seeds are too few to be resampled:
their resamples understate the spread by (K - 1) / K, have shorter tails than Student's t, and count what a seed and an
image have to do with each other three times (Owen, The pigeonhole bootstrap, Annals of Applied Statistics 2007). So the
variances are added instead, as in an analysis of variance of random readers and random cases, with the degrees of
freedom that belong to the sum (Satterthwaite 1946; Hillis, Statistics in Medicine 2007): what differs between seeds on
the same images by chance of the images, which the resamples show, is taken off the seeds' share, not below 0.

How bounds follow from a variance, `study.evaluation.intervals` says. Cases are those that a score is about
(`study.evaluation.class_scores`), by groups: two positives among a hundred images say of a sensitivity what two images
say. The bounds of a macro average are put together from those of its classes (Zou and Donner, Statistics in Medicine
2008), so that a class of two images stays one of two images among classes of hundreds.

`bench/intervals.py` measures how often all of these hold the truth.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from study.evaluation.confusion import Floats, Ints
from study.evaluation.intervals import LEAST_DEGREES, Interval, SeedShare, Spread, unseen
from study.evaluation.metrics import METRICS, find, weighted_scores

Values = npt.NDArray[np.float64]

# Weights of this many images x resamples fit into a core's cache; fewer resamples at once than this many don't pay.
_WEIGHTS_AT_ONCE = 50_000
_LEAST_AT_ONCE = 128

_FEWEST_DEGREES = 2.0
_NAN = float("nan")


@dataclass(frozen=True)
class ResampledScores:
    """The scores of one recipe's seed runs, as they are and under resampling of the images.

    Attributes:
        by_seed: metric -> float (K,), the seeds' scores on all images.
        samples: metric -> float (R, K), the seeds' scores in each resample. Two objects made with the same groups and
            random seed hold the same resamples in the same order, so their differences are paired.
        num_groups: that were resampled.
        ranges: metric -> the lowest and the highest value that it can take; 0 and 1 for those that are absent.
        parts: metric -> the scores of classes that it is the mean of, with their weights (`Metric.parts_among`); absent
            for losses.
        cases: part -> the number of groups that it is about (`Metric.num_cases`).
    """

    by_seed: dict[str, Values]
    samples: dict[str, Values]
    num_groups: int
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    cases: Mapping[str, int] = field(default_factory=dict)

    def interval(self, metric: str, *, level: float = 0.95) -> Interval:
        """The mean over the seeds with its interval; NaN bounds, and why, where there can be none."""
        spread, within = self._spread(metric), self._range(metric)
        parts = self.parts.get(metric)
        if parts is None:
            return spread.interval(self.num_groups - 1, level, within).with_exact_end(self.num_groups, level, within)
        of_images = self._degrees(parts, self._spread)
        note = self._why_none(parts, self, spread, of_images)
        if note or self.num_groups < 2 or not np.isfinite(spread.point):
            return Interval(spread.point, _NAN, _NAN, note)
        # Seeds that differ in one class and make up for it in another leave their mean more degrees than its parts.
        degrees = spread.degrees(of_images)
        each = [self._spread(part).of_proportion(self.cases[part], degrees, level, self._range(part)) for part in parts]
        if len(each) == 1:
            return each[0]
        low, high = self._reach(parts, each)
        return Interval(spread.point, max(within[0], spread.point - low), min(within[1], spread.point + high))

    def minus(
        self, other: "ResampledScores", metric: str, *, level: float = 0.95, seeds_paired: bool = True
    ) -> Interval:
        """The interval of this one's metric minus the other's, paired by the images.

        Scores of other images, resampled with another random seed, are independent; then nothing is paired but seeds.
        With equally many seeds each is compared with its own, unless `seeds_paired` is False: between networks that
        have nothing in common but the number of the seed, twice as many seeds tell of the spread.
        """

        def difference(name: str) -> Spread:
            return self._spread_minus(other, name, seeds_paired=seeds_paired)

        lowest, highest = self._range(metric)
        within = (lowest - highest, highest - lowest)
        spread, parts = difference(metric), self.parts.get(metric)
        if parts is None:
            return spread.interval(min(self.num_groups, other.num_groups) - 1, level, within)
        images = self._degrees(parts, difference, other)
        if note := self._why_none(parts, other, spread, images):
            return Interval(spread.point, _NAN, _NAN, note)
        found = spread.interval(images, level, within)
        if found.low == found.high:
            # No resample tells the two apart; on an image that wasn't drawn they may differ all the same.
            reach = (highest - lowest) * unseen(min(self._cases(part, other) for part in parts), level)
            return Interval(found.mean, max(within[0], found.mean - reach), min(within[1], found.mean + reach))
        return found

    def only(self, columns: Sequence[int]) -> "ResampledScores":
        """The scores of some of the seed runs, by their position among the K."""
        return replace(
            self,
            by_seed={name: values[list(columns)] for name, values in self.by_seed.items()},
            samples={name: values[:, list(columns)] for name, values in self.samples.items()},
        )

    def _range(self, metric: str) -> tuple[float, float]:
        return self.ranges.get(metric, (0.0, 1.0))

    def _spread(self, metric: str) -> Spread:
        return _spread(self.by_seed[metric], self.samples[metric])

    def _spread_minus(self, other: "ResampledScores", metric: str, *, seeds_paired: bool) -> Spread:
        if seeds_paired and len(self.by_seed[metric]) == len(other.by_seed[metric]):
            by_seed = self.by_seed[metric] - other.by_seed[metric]
            return _spread(by_seed, self.samples[metric] - other.samples[metric])
        one, two = self._spread(metric), other._spread(metric)
        return Spread(one.point - two.point, one.resampled - two.resampled, (*one.seeds, *two.seeds))

    def _cases(self, part: str, other: "ResampledScores") -> int:
        return min(self.cases[part], other.cases[part])

    def _why_none(self, parts: Mapping[str, float], other: "ResampledScores", spread: Spread, of_images: float) -> str:
        """Why there can be no bounds, in words; "" where there can be."""
        if len(parts) == 1 and (num := self._cases(next(iter(parts)), other)) < 2:
            return "one case" if num else "no case in a run"
        # Bounds from two seeds that differ more than the images do go from one end of the range to the other.
        two_seeds = any(share.degrees == 1 and share.added for share in spread.seeds)
        return "too few seeds" if two_seeds and spread.degrees(of_images) < _FEWEST_DEGREES else ""

    def _degrees(
        self, parts: Mapping[str, float], spread_of: Callable[[str], Spread], other: "ResampledScores | None" = None
    ) -> float:
        """Degrees of freedom of what the images add to a mean of parts (Welch 1947)."""
        degrees = {part: max(LEAST_DEGREES, self._cases(part, other or self) - 1) for part in parts}
        if len(parts) == 1:
            return min(degrees.values())
        shares = {part: weight**2 * spread_of(part).by_images(degrees[part]) for part, weight in parts.items()}
        doubt = sum(share**2 / degrees[part] for part, share in shares.items())
        return sum(shares.values()) ** 2 / doubt if doubt else min(degrees.values())

    def _reach(self, parts: Mapping[str, float], each: Sequence[Interval]) -> Values:
        """How far a mean of parts reaches down and up, float (2,), from how far they do, which may be correlated."""
        weights = np.array(list(parts.values()))
        correlation = _correlation([self.by_seed[part] for part in parts], [self.samples[part] for part in parts])
        reach = weights * np.array([[one.mean - one.low, one.high - one.mean] for one in each]).T
        return np.asarray(np.sqrt(np.maximum(0.0, np.einsum("si,ij,sj->s", reach, correlation, reach))))


def resampled_scores(
    targets: Ints,
    probabilities: Floats,
    groups: npt.NDArray[Any],
    *,
    metrics: Sequence[str] = METRICS,
    num_resamples: int = 2_000,
    seed: int = 0,
) -> ResampledScores:
    """Scores of K seed runs on the same images under resampling of groups of images.

    Args:
        targets: int (N,) in [0, C).
        probabilities: float (K, N, C), one set of predictions a seed.
        groups: (N,) labels of any kind; images with the same label are drawn together.
        metrics: names that `metrics.find` knows.
        num_resamples: R.
        seed: of the resampling; the images drawn depend on it and on the groups alone.
    """
    chosen = [find(name) for name in metrics]
    parts = {metric: metric.parts_among(targets, probabilities.shape[-1]) for metric in chosen}
    each_once = list(dict.fromkeys([*chosen, *(part for of_metric in parts.values() for part in of_metric)]))
    once = np.ones((len(targets), 1))
    each = [weighted_scores(targets, run, once, each_once) for run in probabilities]
    by_seed = {metric.name: np.array([run[metric.name][0] for run in each]) for metric in each_once}
    samples = {metric.name: np.empty((num_resamples, len(probabilities))) for metric in each_once}
    for rows, weights in image_weights(groups, num_resamples, seed):
        for column, run in enumerate(probabilities):
            for name, values in weighted_scores(targets, run, weights, each_once).items():
                samples[name][rows, column] = values
    return ResampledScores(
        by_seed,
        samples,
        num_groups=len(np.unique(groups)),
        ranges={metric.name: (metric.lowest, metric.highest) for metric in each_once},
        parts={
            metric.name: {part.name: weight for part, weight in of_metric.items()}
            for metric, of_metric in parts.items()
            if metric.is_proportion
        },
        cases={
            part.name: part.num_cases(targets, probabilities, groups)
            for of_metric in parts.values()
            for part in of_metric
        },
    )


def resampled_means(
    values: Mapping[str, Floats],
    groups: npt.NDArray[Any],
    *,
    ranges: Mapping[str, tuple[float, float]],
    num_resamples: int = 2_000,
    seed: int = 0,
) -> ResampledScores:
    """Means over the images, such as losses, of K seed runs; on the same resamples as `resampled_scores`.

    Args:
        values: metric -> float (K, N), of each image.
        groups: (N,) labels of any kind; images with the same label are drawn together.
        ranges: metric -> the lowest and the highest value that an image can have.
        num_resamples: R.
        seed: of the resampling.
    """
    by_seed = {name: np.asarray(each, dtype=np.float64).mean(axis=1) for name, each in values.items()}
    samples = {name: np.empty((num_resamples, len(each))) for name, each in values.items()}
    for part, weights in image_weights(groups, num_resamples, seed):
        for name, each in values.items():
            samples[name][part] = weights.T @ each.T / weights.sum(axis=0)[:, None]
    return ResampledScores(by_seed, samples, len(np.unique(groups)), ranges)


def image_weights(groups: npt.NDArray[Any], num_resamples: int, seed: int) -> Iterator[tuple[slice, Values]]:
    """Some resamples at a time: which, and how often each image was drawn in them, float (N, resamples of this part).

    All that is resampled goes through this: the first resamples of more are those of fewer.
    """
    labels, group_of = np.unique(groups, return_inverse=True)
    random = np.random.default_rng([seed, 1])
    even = np.full(len(labels), 1 / len(labels))
    step = max(_LEAST_AT_ONCE, _WEIGHTS_AT_ONCE // len(groups))
    for start in range(0, num_resamples, step):
        part = slice(start, min(start + step, num_resamples))
        counts = random.multinomial(len(labels), even, size=part.stop - part.start)
        # One resample after the other in memory: that is how they are summed up.
        yield part, counts[:, group_of].astype(np.float64).T


def hierarchical_interval(
    targets: Ints,
    probabilities: Floats,
    groups: npt.NDArray[Any],
    metrics: Sequence[str] = METRICS,
    *,
    num_resamples: int = 2_000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Interval]:
    """The mean over the seeds of each metric and its interval; arguments as above."""
    resampled = resampled_scores(
        targets, probabilities, groups, metrics=metrics, num_resamples=num_resamples, seed=seed
    )
    return {name: resampled.interval(name, level=level) for name in metrics}


def paired_difference(
    targets: Ints,
    first: Floats,
    second: Floats,
    groups: npt.NDArray[Any],
    metric: str,
    *,
    num_resamples: int = 2_000,
    seed: int = 0,
    level: float = 0.95,
    seeds_paired: bool = True,
) -> Interval:
    """The metric of `first` minus that of `second`, both float (K, N, C), on the same resamples of images.

    With equally many seeds each is compared with its own (unless they are not `seeds_paired`), so give both in the
    same order of seeds.
    """
    one, other = (
        resampled_scores(targets, runs, groups, metrics=[metric], num_resamples=num_resamples, seed=seed)
        for runs in (first, second)
    )
    return one.minus(other, metric, level=level, seeds_paired=seeds_paired)


def bonferroni_level(num_comparisons: int, *, level: float = 0.95) -> float:
    """The level each of several intervals needs for all of them together to hold at `level`."""
    return 1 - (1 - level) / max(1, num_comparisons)


def _spread(by_seed: Values, samples: Values) -> Spread:
    """From the scores of K seeds (K,) and their scores in each resample (R, K)."""
    num_seeds = len(by_seed)
    seeds: tuple[SeedShare, ...] = ()
    known = samples[np.isfinite(samples).all(axis=1)]
    if num_seeds > 1 and len(known):
        between = float(by_seed.var(ddof=1)) / num_seeds
        deviations = known - known.mean(axis=1, keepdims=True)
        by_images = float(deviations.var(axis=0).sum()) / (num_seeds - 1) / num_seeds
        seeds = (SeedShare(max(0.0, between - by_images), between, num_seeds - 1),)
    return Spread(float(by_seed.mean()), samples.mean(axis=1), seeds)


def _correlation(by_seed: Sequence[Values], samples: Sequence[Values]) -> Values:
    """Of the parts of a mean (P, P), over images and seeds together; 0 with parts that don't vary."""
    resampled = np.stack([each.mean(axis=1) for each in samples])
    known = resampled[:, np.isfinite(resampled).all(axis=0)]
    covariance = np.cov(known) if known.shape[1] > 1 else np.zeros((len(resampled),) * 2)
    runs = np.nan_to_num(np.stack(by_seed))
    if runs.shape[1] > 1:
        covariance = covariance + np.cov(runs) / runs.shape[1]
    deviations = np.sqrt(np.diag(covariance))
    scale = np.outer(deviations, deviations)
    correlation = np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 0)
    np.fill_diagonal(correlation, 1.0)
    return np.asarray(correlation)
