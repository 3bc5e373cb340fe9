"""From a value and its variance to the bounds between which it plausibly lies.

A score lies in a range, and near its end there is more room on one side than on the other. Its bounds are those of a
proportion (Clopper and Pearson, Biometrika 1934) of as many cases as would vary so much, as in surveys (Korn and
Graubard, Survey Methodology 1998), fewer where the variance rests on few degrees of freedom. At the end of the range,
where all resamples are alike, the cases that the score is about are all that is known.

Differences, and means of losses, which have no largest value worth the name, have bounds that are symmetric on the
scale of the log odds, by Student's t times the standard error.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, expit, logit, stdtrit

Range = tuple[float, float]

# Of the variance of a single case nothing is known.
LEAST_DEGREES = 0.5
_NAN = float("nan")


class _Bounds(NamedTuple):
    mean: float
    low: float
    high: float


class Interval(_Bounds):
    """A value with the bounds between which it plausibly lies: a tuple of three numbers.

    Attributes:
        mean: the value.
        low: the lower bound; NaN where there is none.
        high: the upper bound; NaN where there is none.
        note: why there are no bounds, in two or three words that can stand behind the value; "" where there are some.
    """

    note: str

    def __new__(cls, mean: float, low: float, high: float, note: str = "") -> "Interval":
        made = super().__new__(cls, mean, low, high)
        made.note = note
        return made

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0

    def with_exact_end(self, num_cases: int, level: float, within: Range) -> "Interval":
        """Where all cases are alike, at an end of the range: the other bound is that of a proportion of so many cases.

        A loss is at most that proportion of its highest value.
        """
        lowest, highest = within
        reach = (highest - lowest) * unseen(num_cases, level)
        if self.low == self.high == highest:
            return Interval(self.mean, highest - reach, highest)
        if self.low == self.high == lowest:
            return Interval(self.mean, lowest, lowest + reach)
        return self


class SeedShare(NamedTuple):
    """What the choice of K seeds adds to the variance of their mean, and the estimate that it rests on."""

    added: float
    between: float
    degrees: int


@dataclass(frozen=True)
class Spread:
    """A value, what it is in each resample of the images (R,), and what the seeds add; two shares if not paired."""

    point: float
    resampled: npt.NDArray[np.float64]
    seeds: tuple[SeedShare, ...]

    def by_images(self, degrees: float) -> float:
        """The variance that the choice of the images adds, whose estimate has so many degrees of freedom.

        Resamples spread less than new images would, by one degree among them.
        """
        known = self.resampled[np.isfinite(self.resampled)]
        return float(known.var()) * (degrees + 1) / degrees if len(known) > 1 else 0.0

    def degrees(self, of_images: float) -> float:
        """Degrees of freedom of the variance of images and seeds together (Satterthwaite, Biometrics 1946)."""
        doubts = [(self.by_images(of_images), of_images), *((s.between, s.degrees) for s in self.seeds if s.added)]
        doubt = sum(share**2 / degrees for share, degrees in doubts)
        return self._variance(of_images) ** 2 / doubt if doubt else of_images

    def interval(self, of_images: float, level: float, within: Range) -> Interval:
        """Bounds by Student's t, symmetric in the log odds of the place between the ends of the range.

        Args:
            of_images: degrees of freedom of the images' share; without any there is no interval.
            level: share of such intervals that hold the truth.
            within: the ends of the range.
        """
        if np.isfinite(self.resampled).sum() < 2 or of_images < LEAST_DEGREES or not np.isfinite(self.point):
            return Interval(self.point, _NAN, _NAN)
        variance = self._variance(of_images)
        lowest, highest = within
        room = (self.point - lowest) * (highest - self.point) / (highest - lowest)
        if not variance or room <= 0:
            return Interval(self.point, self.point, self.point)
        reach = stdtrit(self.degrees(of_images), (1 + level) / 2) * np.sqrt(variance) / room
        odds = logit((self.point - lowest) / (highest - lowest)) + np.array([-reach, reach])
        low, high = lowest + (highest - lowest) * expit(odds)
        return Interval(self.point, float(low), float(high))

    def of_proportion(self, num_cases: int, degrees: float, level: float, within: Range) -> Interval:
        """Bounds of a proportion of as many cases as would vary so much.

        Args:
            num_cases: groups of images that the score is about in the seed run with the fewest. Where there are none in
                any, it is 0 by convention, and certainly so.
            degrees: of freedom of the variance, of this score or of the mean that it is a part of.
            level: share of such intervals that hold the truth.
            within: the ends of the range.
        """
        lowest, highest = within
        if not np.isfinite(self.point) or (not num_cases and self.point == lowest):
            return Interval(self.point, self.point, self.point)
        width = highest - lowest
        place = min(1.0, max(0.0, (self.point - lowest) / width))
        num = self._effective_cases(place, max(1, num_cases), degrees, level, width)
        low, high = _clopper_pearson(place * num, num, level)
        # Rounding must not leave the value outside.
        return Interval(self.point, min(self.point, lowest + width * low), max(self.point, lowest + width * high))

    def _variance(self, of_images: float) -> float:
        return self.by_images(of_images) + sum(share.added for share in self.seeds)

    def _effective_cases(self, place: float, num_cases: int, degrees: float, level: float, width: float) -> float:
        """How many independent cases of a proportion would vary so much, less what few degrees of freedom cost."""
        if num_cases < 2 or place in (0.0, 1.0) or not (variance := self._variance(num_cases - 1) / width**2):
            return num_cases
        # By a variance with n - 1 in it, n cases of a proportion are n.
        num = place * (1 - place) / variance + 1
        if num > num_cases:
            # What varies little among few cases may do so by luck: n of them are taken for at most about 2 n^2.
            more = num - num_cases
            num = num_cases + more / (1 + more / (2 * num_cases**2))
        quantile = (1 + level) / 2
        as_known = stdtrit(max(LEAST_DEGREES, num - 1), quantile) / stdtrit(degrees, quantile)
        return float(num * min(1.0, as_known) ** 2)


def unseen(num_cases: int, level: float) -> float:
    """The largest share that is likely to show in none of so many cases: the exact bound of a proportion of 0."""
    return float(1 - ((1 - level) / 2) ** (1 / max(1, num_cases)))


def _clopper_pearson(hits: float, num: float, level: float) -> tuple[float, float]:
    """The exact interval of a proportion, also of numbers that aren't whole."""
    tail = (1 - level) / 2
    low = 0.0 if hits <= 0 else float(betaincinv(hits, num - hits + 1, tail))
    high = 1.0 if hits >= num else float(betaincinv(hits + 1, num - hits, 1 - tail))
    return low, high
