"""Areas under ROC curves: their standard error, and the test of two on the same images, without resampling.

DeLong, DeLong and Clarke-Pearson (Biometrics 1988) estimate the variance of an area from *placement values*: for an
image of the class, the share of the other images that stand below it; for another image, the share of the class that
stands above it. Ties count half. Sun and Xu (IEEE Signal Processing Letters 2014) read them off mid-ranks, which costs
a sort.

Here each image's centred and scaled placement value is its *influence*; the variance of the area is the sum of the
squared influences. With two classes that is DeLong's estimator with its m - 1 and n - 1. It extends to what that
formula leaves out: the influence on a mean of areas is the mean of the influences, that on a difference of areas the
difference, and the influences of images that belong together are summed before they are squared (Obuchowski,
Biometrics 1997, whose number of groups in the mixed term, I / (I - 1), is the geometric mean of those of the two
sides here, so that the variance can't be negative).

The network is taken as given: what another seed would have changed is not in these figures.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit
from scipy.stats import norm, rankdata

from study.evaluation.confusion import Floats, Ints
from study.evaluation.intervals import Interval

_NAN = float("nan")


class PairedTest(NamedTuple):
    """A difference, the bounds between which it plausibly lies and the two-sided p-value of its being 0."""

    difference: float
    low: float
    high: float
    p: float


class AreaInfluences(NamedTuple):
    """ROC-AUC (macro one-vs-rest with more than two classes) and what each group adds to its error.

    Attributes:
        area: in [0, 1]; NaN where no class has a curve.
        influences: float (G,), the sum over each group's images, groups in sorted order; the area's variance is the sum
            of their squares, a covariance the sum of the products. NaN where a class has fewer than two groups.
    """

    area: float
    influences: npt.NDArray[np.float64]

    @property
    def standard_error(self) -> float:
        return float(np.linalg.norm(self.influences))


def auc_interval(
    targets: Ints, probabilities: Floats, groups: npt.NDArray[Any] | None = None, *, level: float = 0.95
) -> Interval:
    """ROC-AUC of one set of predictions with an interval from DeLong's standard error.

    It is symmetric in the log odds of the area (Pepe, The statistical evaluation of medical tests, 2003, section 5.2):
    symmetric in the area itself it would pass 1 and hold too few true areas near it.

    Args:
        targets: int (N,) in [0, C).
        probabilities: float (N, C).
        groups: (N,) labels of images that belong together; each image alone if left out.
        level: share of intervals that hold the true area.

    Returns:
        NaN where no class has a curve; NaN bounds where the variance is undefined. A perfect ranking has the bounds
        1 and 1, whatever the number of images.
    """
    found = area_influences(targets, probabilities, groups)
    reach = float(norm.ppf((1 + level) / 2)) * found.standard_error
    if reach == 0:
        return Interval(found.area, found.area, found.area)
    low, high = expit(logit(found.area) + np.array([-1, 1]) * reach / (found.area * (1 - found.area)))
    return Interval(found.area, float(low), float(high))


def delong_test(
    targets: Ints,
    first: Floats,
    second: Floats,
    groups: npt.NDArray[Any] | None = None,
    *,
    level: float = 0.95,
) -> PairedTest:
    """ROC-AUC of `first` minus that of `second`, both float (N, C) on the same images; other arguments as above."""
    one, other = (area_influences(targets, probabilities, groups) for probabilities in (first, second))
    difference = one.area - other.area
    error = float(np.linalg.norm(one.influences - other.influences))
    if error == 0:
        return PairedTest(difference, difference, difference, 1.0 if difference == 0 else 0.0)
    reach = float(norm.ppf((1 + level) / 2)) * error
    return PairedTest(difference, difference - reach, difference + reach, float(2 * norm.sf(abs(difference) / error)))


def area_influences(targets: Ints, probabilities: Floats, groups: npt.NDArray[Any] | None = None) -> AreaInfluences:
    """The area and the influences from which variances and covariances follow; arguments as of `auc_interval`."""
    labels, group_of = np.unique(np.arange(len(targets)) if groups is None else groups, return_inverse=True)
    num_classes = probabilities.shape[1]
    classes = [1] if num_classes == 2 else range(num_classes)
    if not np.isfinite(probabilities).all():
        return AreaInfluences(_NAN, np.full(len(labels), _NAN))
    curves = [
        _one_vs_rest(positive, np.asarray(probabilities[:, c], dtype=np.float64), group_of)
        for c in classes
        if 0 < (positive := targets == c).sum() < len(targets)
    ]
    if not curves:
        return AreaInfluences(_NAN, np.full(len(labels), _NAN))
    by_image = np.mean([influences for _, influences in curves], axis=0)
    return AreaInfluences(
        float(np.mean([area for area, _ in curves])),
        np.bincount(group_of, by_image, minlength=len(labels)).astype(np.float64),
    )


def _one_vs_rest(
    positive: npt.NDArray[np.bool_], values: npt.NDArray[np.float64], group_of: npt.NDArray[np.intp]
) -> tuple[float, npt.NDArray[np.float64]]:
    """The area of one class against the rest, and each image's influence on it (N,)."""
    num_positive, num_negative = int(positive.sum()), int((~positive).sum())
    rank = rankdata(values)
    placements = np.empty(len(values))
    placements[positive] = (rank[positive] - rankdata(values[positive])) / num_negative
    placements[~positive] = 1 - (rank[~positive] - rankdata(values[~positive])) / num_positive
    area = float(placements[positive].mean())
    influences = placements - area
    for side in (positive, ~positive):
        num_groups = len(np.unique(group_of[side]))
        correction = math.sqrt(num_groups / (num_groups - 1)) if num_groups > 1 else _NAN
        influences[side] *= correction / side.sum()
    return area, influences
