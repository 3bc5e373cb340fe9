"""Two sets of decisions on the same images, and several tests read together."""

from collections.abc import Hashable, Mapping
from typing import NamedTuple, TypeVar

import numpy as np
from scipy.stats import binom
from statsmodels.stats.multitest import multipletests

from study.evaluation.confusion import Ints

Name = TypeVar("Name", bound=Hashable)


class McNemar(NamedTuple):
    """On how many images only one of two sets of decisions is right, and the p-value of their being equally right."""

    first_only: int
    second_only: int
    p: float


def mcnemar(targets: Ints, first: Ints, second: Ints) -> McNemar:
    """McNemar's test of equal accuracy with the mid-p-value, which is less timid than the exact one.

    The images must be independent of each other: for images in groups there is `bootstrap.paired_difference`.

    Args:
        targets: int (N,), the true classes.
        first: int (N,), the classes that one network decides for.
        second: int (N,), those of the other.
    """
    first_right, second_right = first == targets, second == targets
    first_only, second_only = int((first_right & ~second_right).sum()), int((~first_right & second_right).sum())
    return McNemar(first_only, second_only, mid_p(first_only, second_only))


def mid_p(first_only: int, second_only: int) -> float:
    """The two-sided mid-p-value of two counts that are expected to be equal; 1 where both are 0.

    Twice the probability of fewer than the smaller count among all of them, by tosses of a coin, plus once that of the
    smaller count itself (Fagerland, Lydersen and Laake, BMC Medical Research Methodology 2013).
    """
    total, fewer = first_only + second_only, min(first_only, second_only)
    if total == 0:
        return 1.0
    point = float(binom.pmf(fewer, total, 0.5))
    # The two tails share the count in the middle.
    return 1 - point / 2 if first_only == second_only else 2 * float(binom.cdf(fewer, total, 0.5)) - point


def holm(p_values: Mapping[Name, float]) -> dict[Name, float]:
    """The p-values adjusted for their number by Holm's method (Scandinavian Journal of Statistics 1979).

    Args:
        p_values: name of a comparison -> p in [0, 1]. NaN stays NaN and isn't counted as a comparison.
    """
    known = [name for name, p in p_values.items() if np.isfinite(p)]
    if not known:
        return dict(p_values)
    adjusted = multipletests([p_values[name] for name in known], method="holm")[1]
    return dict(p_values) | dict(zip(known, map(float, adjusted), strict=True))
