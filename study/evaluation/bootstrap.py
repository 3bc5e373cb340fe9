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

Bounds are symmetric on the scale of the log odds, where a score of 0.98 has as much room above it as below, by
Student's t times the standard error. The percentiles of the resamples stay too near to 1 there: with ROC-AUCs of 0.98
they hold the truth 92 times of 100.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit
from scipy.stats import t

from study.evaluation.metrics import METRICS, Floats, Ints
from study.evaluation.per_class import KAPPA
from study.evaluation.weighted_scores import Weights, weighted_scores

Values = npt.NDArray[np.float64]

# Weights of this many images x resamples fit into a core's cache; fewer resamples at once than this many don't pay.
_WEIGHTS_AT_ONCE = 50_000
_LEAST_AT_ONCE = 128


class Interval(NamedTuple):
    """A value with the bounds between which it plausibly lies."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class ResampledScores:
    """The scores of one recipe's seed runs, as they are and under resampling of the images.

    Attributes:
        by_seed: metric -> float (K,), the seeds' scores on all images.
        samples: metric -> float (R, K), the seeds' scores in each resample. Two objects made with the same groups and
            random seed hold the same resamples in the same order, so their differences are paired.
        num_groups: that were resampled.
        ranges: metric -> the lowest and the highest value that it can take; 0 and 1 for those that are absent.
    """

    by_seed: dict[str, Values]
    samples: dict[str, Values]
    num_groups: int
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def interval(self, metric: str, *, level: float = 0.95) -> Interval:
        """The mean over the seeds with its interval; NaN bounds where it is undefined in the resamples."""
        within = self._range(metric)
        found = self._spread(metric).interval(self.num_groups, level, within)
        return _at_the_end(found, self.num_groups, level, within)

    def minus(
        self, other: "ResampledScores", metric: str, *, level: float = 0.95, seeds_paired: bool = True
    ) -> Interval:
        """The interval of this one's metric minus the other's, paired by the images.

        Scores of other images, resampled with another random seed, are independent; then nothing is paired but seeds.
        With equally many seeds each is compared with its own, unless `seeds_paired` is False: between networks that
        have nothing in common but the number of the seed, twice as many seeds tell of the spread.
        """
        if seeds_paired and len(self.by_seed[metric]) == len(other.by_seed[metric]):
            by_seed = self.by_seed[metric] - other.by_seed[metric]
            difference = _spread(by_seed, self.samples[metric] - other.samples[metric])
        else:
            one, two = self._spread(metric), other._spread(metric)
            difference = _Spread(one.point - two.point, one.resampled - two.resampled, (*one.seeds, *two.seeds))
        lowest, highest = self._range(metric)
        num_groups = min(self.num_groups, other.num_groups)
        return difference.interval(num_groups, level, (lowest - highest, highest - lowest))

    def only(self, columns: Sequence[int]) -> "ResampledScores":
        """The scores of some of the seed runs, by their position among the K."""
        return replace(
            self,
            by_seed={name: values[list(columns)] for name, values in self.by_seed.items()},
            samples={name: values[:, list(columns)] for name, values in self.samples.items()},
        )

    def _range(self, metric: str) -> tuple[float, float]:
        return self.ranges.get(metric, (0.0, 1.0))

    def _spread(self, metric: str) -> "_Spread":
        return _spread(self.by_seed[metric], self.samples[metric])


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
        metrics: names out of `METRICS`, and of `per_class`: "quadratic_weighted_kappa" and those that
            `per_class.class_metric` makes.
        num_resamples: R.
        seed: of the resampling; the images drawn depend on it and on the groups alone.
    """
    once = np.ones((len(targets), 1))
    each = [weighted_scores(targets, run, once, metrics) for run in probabilities]
    by_seed = {name: np.array([run[name][0] for run in each]) for name in metrics}
    samples = {name: np.empty((num_resamples, len(probabilities))) for name in metrics}
    for part, weights in image_weights(groups, num_resamples, seed):
        for column, run in enumerate(probabilities):
            for name, values in weighted_scores(targets, run, weights, metrics).items():
                samples[name][part, column] = values
    return ResampledScores(by_seed, samples, len(np.unique(groups)), {KAPPA: (-1.0, 1.0)})


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


def image_weights(groups: npt.NDArray[Any], num_resamples: int, seed: int) -> Iterator[tuple[slice, Weights]]:
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


class _SeedShare(NamedTuple):
    """What the choice of K seeds adds to the variance of their mean, and the estimate that it rests on."""

    added: float
    between: float
    degrees: int


@dataclass(frozen=True)
class _Spread:
    """A value, what it is in each resample of the images (R,), and what the seeds add; two shares if not paired."""

    point: float
    resampled: Values
    seeds: tuple[_SeedShare, ...]

    def interval(self, num_groups: int, level: float, within: tuple[float, float]) -> Interval:
        known = self.resampled[np.isfinite(self.resampled)]
        if len(known) < 2 or num_groups < 2 or not np.isfinite(self.point):
            return Interval(self.point, float("nan"), float("nan"))
        by_images = float(known.var()) * num_groups / (num_groups - 1)
        variance = by_images + sum(share.added for share in self.seeds)
        lowest, highest = within
        room = (self.point - lowest) * (highest - self.point) / (highest - lowest)
        if not variance or room <= 0:
            return Interval(self.point, self.point, self.point)
        doubts = [(by_images, num_groups - 1), *((s.between, s.degrees) for s in self.seeds if s.added)]
        degrees = variance**2 / sum(doubt**2 / degrees for doubt, degrees in doubts)
        reach = t.ppf((1 + level) / 2, degrees) * np.sqrt(variance) / room
        odds = logit((self.point - lowest) / (highest - lowest)) + np.array([-reach, reach])
        low, high = lowest + (highest - lowest) * expit(odds)
        return Interval(self.point, float(low), float(high))


def _at_the_end(found: Interval, num_groups: int, level: float, within: tuple[float, float]) -> Interval:
    """A score at the end of its range, which resamples can't leave: all right, or all wrong, says little of few images.

    The other bound is then the exact one of a proportion (Clopper and Pearson 1934), with a case for each group; a loss
    is at most that proportion of its highest value.
    """
    lowest, highest = within
    reach = (highest - lowest) * (1 - ((1 - level) / 2) ** (1 / num_groups))
    if found.low == found.high == highest:
        return Interval(found.mean, highest - reach, highest)
    if found.low == found.high == lowest:
        return Interval(found.mean, lowest, lowest + reach)
    return found


def _spread(by_seed: Values, samples: Values) -> _Spread:
    """From the scores of K seeds (K,) and their scores in each resample (R, K)."""
    num_seeds = len(by_seed)
    seeds: tuple[_SeedShare, ...] = ()
    known = samples[np.isfinite(samples).all(axis=1)]
    if num_seeds > 1 and len(known):
        between = float(by_seed.var(ddof=1)) / num_seeds
        deviations = known - known.mean(axis=1, keepdims=True)
        by_images = float(deviations.var(axis=0).sum()) / (num_seeds - 1) / num_seeds
        seeds = (_SeedShare(max(0.0, between - by_images), between, num_seeds - 1),)
    return _Spread(float(by_seed.mean()), samples.mean(axis=1), seeds)
