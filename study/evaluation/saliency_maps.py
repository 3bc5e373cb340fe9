"""How alike maps of one image are, and what that says of the maps.

Adebayo et al., Sanity Checks for Saliency Maps (NeurIPS 2018): a map that stays as it is when the network's weights are
replaced by random ones shows the image, its edges for example, and nothing that the network has learnt. They compare by
Spearman's rank correlation. It is taken without its sign: random weights turn a map upside down as often as not, so
that the mean of signed values would be near 0 even for maps that show nothing but the image.

A map that is the same for every image would pass that check. So the maps of different images are compared too.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

# Unrelated maps of a few smooth cells have some 0.2 to 0.4 in the mean; the same map has 1.
ALIKE = 0.5
# Fewer cells are in the same order by chance too often: 4 of them have 0.47 in the mean.
_FEWEST_CELLS = 9
# Differences that are smaller than this share of the largest value are rounding, not a map.
_ROUNDING = 1e-5


class Likeness(NamedTuple):
    """The rank correlations of some pairs of maps, without their sign.

    Attributes:
        mean: in [0, 1]; NaN where none is defined.
        low: the smallest one.
        high: the largest one.
        num: how many are defined.
        num_undefined: how many aren't.
    """

    mean: float
    low: float
    high: float
    num: int
    num_undefined: int

    @property
    def known(self) -> bool:
        """Whether most of them are defined: the others can't speak for all."""
        return self.num > self.num_undefined

    @property
    def alike(self) -> bool:
        """Whether the maps are much the same."""
        return self.known and self.mean >= ALIKE

    @property
    def different(self) -> bool:
        """Whether they aren't; both are false where it isn't known."""
        return self.known and self.mean < ALIKE


def rank_correlation(first: npt.NDArray[np.floating[Any]], second: npt.NDArray[np.floating[Any]]) -> float | None:
    """Spearman's, in [-1, 1], of two maps, float (h, w).

    None where one of them has one value throughout, or where they have so few cells that it tells nothing.
    """
    if first.size < _FEWEST_CELLS or _is_flat(first) or _is_flat(second):
        return None
    return float(spearmanr(first.ravel(), second.ravel()).statistic)


def heat(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.uint8] | None:
    """What in a map, float (h, w), speaks for the answer; what is below 0 speaks against it, and is cut off.

    Returns:
        uint8 (h, w) with 255 at its maximum, or None where nothing speaks for the answer.
    """
    highest = values.max()
    if not highest > 0:
        return None
    return np.asarray((255 * values.clip(min=0) / highest).round(), dtype=np.uint8)


def likeness(correlations: Iterable[float | None]) -> Likeness:
    """Of rank correlations, None where there is none."""
    given = list(correlations)
    known = np.abs([each for each in given if each is not None])
    if not len(known):
        return Likeness(float("nan"), float("nan"), float("nan"), 0, len(given))
    return Likeness(float(known.mean()), float(known.min()), float(known.max()), len(known), len(given) - len(known))


def _is_flat(values: npt.NDArray[np.floating[Any]]) -> bool:
    return bool(np.ptp(values) <= _ROUNDING * np.abs(values).max())
