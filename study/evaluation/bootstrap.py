"""Intervals that count both sources of luck: the seeds that were trained and the images that were tested.

Each resample draws seeds with replacement and groups of images with replacement, then scores the drawn
predictions. Seeds and images are crossed, not nested, since every seed is tested on the same images: one draw
of images serves all drawn seeds. Images that stand together in a group (copies of each other, one patient)
are drawn together, because counting them as independent would make the intervals too narrow. A resample is
held as one weight an image, which turns 2,000 resamples into a few matrix operations.

The percentile method follows Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13. With
few seeds it understates the spread between seeds (by (K - 1) / K in variance).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from study.evaluation.metrics import (
    DECISION_METRICS,
    METRICS,
    RANKING_METRICS,
    Floats,
    Ints,
    decide,
    decision_scores,
    scores,
    tie_ends,
)

Weights = npt.NDArray[np.float64]

# Weights of this many images x resamples are held at once (32 MiB), so that large test splits fit into
# memory.
_WEIGHTS_AT_ONCE = 4_000_000


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
    """The scores of one recipe's seed runs, as they are and under resampling.

    Attributes:
        point: metric -> mean over the seeds on all images.
        samples: metric -> float (R,), one value a resample. Two objects made with the same groups, number of
            seeds and random seed hold the same resamples in the same order, so their differences are paired.
    """

    point: dict[str, float]
    samples: dict[str, npt.NDArray[np.float64]]

    def interval(self, metric: str, *, level: float = 0.95) -> Interval:
        """The percentile interval of a metric; NaN bounds where it is undefined in every resample."""
        return _percentiles(self.point[metric], self.samples[metric], level)

    def minus(self, other: "ResampledScores", metric: str, *, level: float = 0.95) -> Interval:
        """The paired interval of this one's metric minus the other's."""
        difference = self.samples[metric] - other.samples[metric]
        return _percentiles(self.point[metric] - other.point[metric], difference, level)


def resampled_scores(
    targets: Ints,
    probabilities: Floats,
    groups: npt.NDArray[Any],
    *,
    metrics: Sequence[str] = METRICS,
    num_resamples: int = 2_000,
    seed: int = 0,
) -> ResampledScores:
    """Scores of K seed runs on the same images under resampling of seeds and groups.

    Args:
        targets: int (N,) in [0, C).
        probabilities: float (K, N, C), one set of predictions a seed.
        groups: (N,) labels of any kind; images with the same label are drawn together.
        metrics: names out of `METRICS`.
        num_resamples: R.
        seed: of the resampling; the images drawn depend on it and on the groups alone.
    """
    each = [scores(targets, run) for run in probabilities]
    point = {name: float(np.mean([run[name] for run in each])) for name in metrics}
    seed_shares = _seed_shares(len(probabilities), num_resamples, seed)
    samples = {name: np.full(num_resamples, np.nan) for name in metrics}
    for part, weights in _image_weights(groups, num_resamples, seed):
        total = {name: np.zeros(part.stop - part.start) for name in metrics}
        for run, shares in zip(probabilities, seed_shares[part].T, strict=True):
            for name, values in _weighted_scores(targets, run, weights, metrics).items():
                total[name] += shares * values
        for name in metrics:
            samples[name][part] = total[name]
    return ResampledScores(point=point, samples=samples)


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
    """The mean over the seeds of each metric and its percentile interval; arguments as above."""
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
) -> Interval:
    """The metric of `first` minus that of `second`, both float (K, N, C), on the same resamples of images.

    With equally many seeds the same seeds are drawn for both as well, so give both in the same order of
    seeds.
    """
    one, other = (
        resampled_scores(targets, runs, groups, metrics=[metric], num_resamples=num_resamples, seed=seed)
        for runs in (first, second)
    )
    return one.minus(other, metric, level=level)


def bonferroni_level(num_comparisons: int, *, level: float = 0.95) -> float:
    """The level each of several intervals needs for all of them together to hold at `level`."""
    return 1 - (1 - level) / max(1, num_comparisons)


def _percentiles(point: float, samples: npt.NDArray[np.float64], level: float) -> Interval:
    defined = samples[np.isfinite(samples)]
    if not len(defined) or not np.isfinite(point):
        return Interval(point, float("nan"), float("nan"))
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(point, float(low), float(high))


def _seed_shares(num_seeds: int, num_resamples: int, seed: int) -> Weights:
    """How much each seed counts in each resample: (R, K), rows sum to 1."""
    counts = np.random.default_rng([seed, 0]).multinomial(
        num_seeds, np.full(num_seeds, 1 / num_seeds), size=num_resamples
    )
    return counts / num_seeds


def _image_weights(groups: npt.NDArray[Any], num_resamples: int, seed: int) -> Iterator[tuple[slice, Weights]]:
    """Which resamples, and how often each image was drawn in them: (N, resamples of this part)."""
    labels, group_of = np.unique(groups, return_inverse=True)
    random = np.random.default_rng([seed, 1])
    even = np.full(len(labels), 1 / len(labels))
    step = max(1, _WEIGHTS_AT_ONCE // len(groups))
    for start in range(0, num_resamples, step):
        part = slice(start, min(start + step, num_resamples))
        counts = random.multinomial(len(labels), even, size=part.stop - part.start)
        yield part, counts.T.astype(np.float64)[group_of]


def _weighted_scores(
    targets: Ints, probabilities: Floats, weights: Weights, metrics: Sequence[str]
) -> dict[str, npt.NDArray[np.float64]]:
    """Scores (R,) by metric, from one run's probabilities (N, C) and the images' weights (N, R)."""
    if not np.isfinite(probabilities).all():
        return {name: np.full(weights.shape[1], np.nan) for name in metrics}
    found: dict[str, npt.NDArray[np.float64]] = {}
    if any(name in DECISION_METRICS for name in metrics):
        num_classes = probabilities.shape[1]
        cells = np.asarray(targets, dtype=np.int64) * num_classes + decide(probabilities)
        indicator = np.eye(num_classes**2)[cells]
        found |= decision_scores((weights.T @ indicator).reshape(-1, num_classes, num_classes))
    if any(name in RANKING_METRICS for name in metrics):
        found |= _ranking_scores(targets, probabilities, weights)
    return {name: found[name] for name in metrics}


def _ranking_scores(targets: Ints, probabilities: Floats, weights: Weights) -> dict[str, npt.NDArray[np.float64]]:
    num_classes = probabilities.shape[1]
    classes = [1] if num_classes == 2 else list(range(num_classes))
    curves = [_class_ranking(targets == c, probabilities[:, c], weights) for c in classes]
    areas, precisions, sizes = (np.stack(values) for values in zip(*curves, strict=True))
    return {
        "roc_auc": _average(areas, np.ones_like(sizes)),
        "roc_auc_weighted": _average(areas, sizes),
        "average_precision": _average(precisions, np.ones_like(sizes)),
    }


def _class_ranking(
    positive: npt.NDArray[np.bool_], values: Floats, weights: Weights
) -> tuple[Weights, Weights, Weights]:
    """Area under the ROC curve, average precision and weight of the positives of one class: (R,) each.

    Only thresholds at which positives are found change either area, so only those rows are worked on.
    """
    order = np.argsort(-values, kind="stable")
    sorted_weights = weights[order]
    found = positive[order]
    ends = tie_ends(values[order])
    first_of_tie = np.append(0, ends[:-1] + 1)
    hits_until = np.cumsum(found)
    hits_in_tie = np.diff(hits_until[ends], prepend=0)
    kept = hits_in_tie > 0
    reached = np.vstack([np.zeros(weights.shape[1]), np.cumsum(sorted_weights, axis=0)])
    hits = np.vstack([np.zeros(weights.shape[1]), np.cumsum(sorted_weights[found], axis=0)])
    all_before, all_after = reached[first_of_tie[kept]], reached[ends[kept] + 1]
    hits_after = hits[hits_until[ends[kept]]]
    hits_before = hits[hits_until[ends[kept]] - hits_in_tie[kept]]
    gained = hits_after - hits_before
    false_before, false_after = all_before - hits_before, all_after - hits_after
    num_positive, num_negative = hits[-1], reached[-1] - hits[-1]
    ahead = (gained * (num_negative - (false_before + false_after) / 2)).sum(axis=0)
    precision = (gained * hits_after / np.where(all_after > 0, all_after, 1)).sum(axis=0)
    return (
        _divide(ahead, num_positive * num_negative),
        _divide(precision, num_positive),
        num_positive,
    )


def _divide(numerator: Weights, denominator: Weights) -> Weights:
    ratio = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=ratio, where=denominator > 0)
    return ratio


def _average(values: Weights, sizes: Weights) -> Weights:
    """The mean over classes (axis 0), of the defined values only; NaN where none is."""
    defined = np.isfinite(values)
    return _divide((np.where(defined, values, 0) * sizes).sum(axis=0), (defined * sizes).sum(axis=0))
