"""ROC and precision-recall curves with bands, from the same resamples of the images as all other intervals.

Bands are pointwise: at each false positive rate, or recall, about 95 of 100 such intervals hold the true value, which
says nothing of the whole curve at once. Macro curves are the mean over the classes, each against the rest, at the same
rate.

The variance is added up from images and seeds as in `bootstrap`. But at a single point a few seeds are close or far
apart by luck, so what they add in relation to the images is taken from all points together; and curves come so near to
1, on so few images, that bounds on the log odds would jump. They are Wilson's (1927) of as many cases as make the
variance, and of no more than there are: resamples of a few images can't show how few they are.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import t

from study.evaluation.bootstrap import image_weights
from study.evaluation.confusion import Floats, Ints, tie_ends

# False positive rates of a ROC curve, recalls of a precision-recall curve.
GRID = np.linspace(0, 1, 101)

# A precision at a recall of 0 is that of the threshold which finds the first positives.
_ABOVE_ZERO = 1e-9

_LEAST_VARIANCE = 1e-12


@dataclass(frozen=True)
class Band:
    """A curve over `GRID`, the mean over the seed runs and classes; NaN where it is undefined.

    Attributes:
        mean: float (101,) in [0, 1].
        low: the 95 % intervals' lower bounds, which count the luck of images and seeds.
        high: their upper bounds.
    """

    mean: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]


class Curves(NamedTuple):
    """Both curves of an architecture.

    Attributes:
        roc: true positive rates at the false positive rates of `GRID`, on the lines between thresholds.
        precision_recall: precisions of the highest thresholds that reach the recalls of `GRID`. These are steps, so
            that the area beneath is the average precision: a line between two thresholds would promise precisions that
            none has (Davis and Goadrich 2006).
    """

    roc: Band
    precision_recall: Band


def curves(
    targets: Ints, probabilities: Floats, groups: npt.NDArray[Any], *, num_resamples: int = 500, seed: int = 0
) -> Curves:
    """ROC and precision-recall curves of K seed runs with their bands.

    Args:
        targets: int (N,) in [0, C).
        probabilities: float (K, N, C), one set of predictions a seed. With two classes the curves are those of class 1.
        groups: (N,) labels of any kind; images with the same label are drawn together.
        num_resamples: the first so many of `bootstrap.resampled_scores`; a band needs fewer than a number in a table.
        seed: of the resampling.
    """
    once = np.ones((len(targets), 1))
    by_seed = np.stack([_macro(targets, run, once)[:, 0] for run in probabilities], axis=-1)
    samples = np.empty((2, num_resamples, len(GRID), len(probabilities)))
    for part, weights in image_weights(groups, num_resamples, seed):
        for column, run in enumerate(probabilities):
            samples[:, part, :, column] = _macro(targets, run, weights)[:2]
    num_groups = len(np.unique(groups))
    # A case is a group: copies of one image are no more cases.
    per_image = num_groups / len(targets)
    positives = np.full(len(GRID), np.isin(targets, _positive(probabilities.shape[-1])).sum())
    roc = _band(by_seed[0], samples[0], num_groups, positives * per_image)
    precision_recall = _band(by_seed[1], samples[1], num_groups, by_seed[2].mean(axis=-1) * per_image)
    # At the last threshold all are called positive, whatever the images are.
    roc.low[-1] = roc.high[-1] = roc.mean[-1]
    return Curves(roc, precision_recall)


def _band(by_seed: Floats, samples: Floats, num_groups: int, num_cases: Floats) -> Band:
    """From the curves of K seeds (101, K), the same in R resamples (R, 101, K), and the cases at each point (101,)."""
    num_seeds, mean = by_seed.shape[1], by_seed.mean(axis=1)
    known = samples[np.isfinite(samples).all(axis=(1, 2))]
    if len(known) < 2 or num_groups < 2:
        return Band(mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan))
    by_images = known.mean(axis=2).var(axis=0) * num_groups / (num_groups - 1)
    added = between = 0.0
    if num_seeds > 1 and by_images.any():
        deviations = known - known.mean(axis=2, keepdims=True)
        chance = deviations.var(axis=0).sum() / (num_seeds - 1) / num_seeds
        between = by_seed.var(axis=1, ddof=1).sum() / num_seeds / by_images.sum()
        added = max(0.0, between - chance / by_images.sum())
    doubts = 1 / (num_groups - 1) + (between**2 / (num_seeds - 1) if added else 0.0)
    squared = t.ppf(0.975, (1 + added) ** 2 / doubts) ** 2
    middle = (mean * num_cases + 0.5) / (num_cases + 1)
    cases = np.minimum(num_cases, middle * (1 - middle) / np.maximum(by_images * (1 + added), _LEAST_VARIANCE))
    centre = (mean + squared / cases / 2) / (1 + squared / cases)
    reach = np.sqrt(squared * (mean * (1 - mean) / cases + squared / cases**2 / 4)) / (1 + squared / cases)
    # Rounding may leave the curve outside by the last digit.
    return Band(mean, np.clip(centre - reach, 0, mean), np.clip(centre + reach, mean, 1))


def _positive(num_classes: int) -> list[int]:
    """The classes that have a curve of their own."""
    return [1] if num_classes == 2 else list(range(num_classes))


def _macro(targets: Ints, probabilities: Floats, weights: Floats) -> npt.NDArray[np.float64]:
    """Both curves of one run in R resamples and how many images reach each recall, float (3, R, 101).

    The curves are means over the classes that have one there; the numbers of images are added up.
    """
    if not np.isfinite(probabilities).all():
        return np.full((3, weights.shape[1], len(GRID)), np.nan)
    of_classes = []
    for index in _positive(probabilities.shape[1]):
        order = np.argsort(-probabilities[:, index], kind="stable")
        ends = tie_ends(probabilities[order, index])
        drawn = weights.T[:, order]
        hits, calls = (np.cumsum(each, axis=1)[:, ends] for each in (drawn * (targets[order] == index), drawn))
        with np.errstate(invalid="ignore", divide="ignore"):
            of_classes.append([_true_positive_rates(hits, calls), *_precisions(hits, calls)])
    values = np.array(of_classes)
    defined = np.isfinite(values)
    added, num_defined = np.where(defined, values, 0).sum(axis=0), defined.sum(axis=0)
    num_defined[2] = 1
    found = np.full(added.shape, np.nan)
    np.divide(added, num_defined, out=found, where=num_defined > 0)
    return found


def _true_positive_rates(hits: Floats, calls: Floats) -> npt.NDArray[np.float64]:
    """From the weights of true and of all positives down to each threshold, both (R, T)."""
    start = np.zeros((len(hits), 1))
    true, false = (np.hstack([start, each / each[:, -1:]]) for each in (hits, calls - hits))
    return np.array([np.interp(GRID, x, y) for x, y in zip(false, true, strict=True)])


def _precisions(hits: Floats, calls: Floats) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Precisions, and how many images are called positive there; arguments as above."""
    recall = hits / hits[:, -1:]
    wanted = np.maximum(GRID, _ABOVE_ZERO) * (1 - _ABOVE_ZERO)
    reached = np.array([np.searchsorted(each, wanted) for each in recall])
    found, called = (np.take_along_axis(each, reached, axis=1).astype(np.float64) for each in (hits, calls))
    # Without positives there is no precision: the last recall is then NaN, else 1.
    return found / called * recall[:, -1:], called
