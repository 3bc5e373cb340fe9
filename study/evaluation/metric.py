"""What a metric is: a number that says what answers are worth, and all that must be known to read it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from study.errors import DeclarationError
from study.evaluation.answers import Answers, Values
from study.evaluation.confusion import Floats, Ints, decide

Mask = npt.NDArray[np.bool_]
# (int (N,) targets, number of classes) -> metrics that another one is the mean of, with their weights.
Parts = Callable[[Ints, int], Mapping["Metric", float]]


def _all_images(targets: Ints, decided: Ints) -> Sequence[Mask]:
    del decided
    return [np.ones(len(targets), dtype=bool)]


@dataclass(frozen=True, kw_only=True, eq=False)
class Metric:
    """A metric: to be shown in reports with an interval, and to choose by.

    Attributes:
        name: as it is given on the command line and written into records, such as "roc_auc".
        title: as reports call it.
        score: answers under R weightings of their images -> float (R,). NaN where it is undefined.
        lowest: value that it can take.
        highest: value that it can take; finite, since intervals end there.
        greater_is_better: False of a loss.
        shown_as: "percent" (81.3 %) or "fraction" (0.813).
        parts: what it is the mean of: scores of single classes. None where it is no mean. Its interval is then put
            together from theirs, so that a class of two images stays one of two images among classes of hundreds.
        about: (targets int (N,), decisions int (K, N) of K runs) -> sets of images; the smallest of them is what the
            value is about, and so how many cases stand behind it. Not asked of one that has parts.
        is_proportion: whether `lowest` and `highest` are reached by cases that are all wrong or all right, as with an
            accuracy; not with a loss. It decides how bounds are found near the ends.
        by_level: where it has a level, as "sensitivity_at_specificity=0.9" has: makes the metric of another level.
    """

    name: str
    title: str
    score: Callable[[Answers], Values]
    lowest: float = 0.0
    highest: float = 1.0
    greater_is_better: bool = True
    shown_as: Literal["percent", "fraction"] = "percent"
    parts: Parts | None = None
    about: Callable[[Ints, Ints], Sequence[Mask]] = _all_images
    is_proportion: bool = True
    by_level: Callable[[float], "Metric"] | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.lowest) and math.isfinite(self.highest) and self.lowest < self.highest):
            raise DeclarationError(
                f"A metric needs finite bounds, lowest < highest, but {self.name!r} has {self.lowest} and "
                f"{self.highest}."
            )

    def __hash__(self) -> int:
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Metric) and other.name == self.name

    def of(self, targets: Ints, probabilities: Floats, *, threshold: float = 0.5) -> float:
        """Its value for one set of answers; NaN without images, or where a probability isn't finite.

        Args:
            targets: int (N,) in [0, C).
            probabilities: float (N, C) in [0, 1].
            threshold: of the positive class in [0, 1]; two classes only.
        """
        if not len(targets) or not np.isfinite(probabilities).all():
            return float("nan")
        return float(self.score(Answers(targets, probabilities, threshold=threshold))[0])

    def merit(self, value: float) -> float:
        """The value as something of which more is better; worse than any other where there is none."""
        if math.isnan(value):
            return -math.inf
        return value if self.greater_is_better else -value

    def parts_among(self, targets: Ints, num_classes: int) -> Mapping["Metric", float]:
        """What it is the mean of, with weights that add up to 1: itself, where it is no mean."""
        return self.parts(targets, num_classes) if self.parts is not None else {self: 1.0}

    def num_cases(self, targets: Ints, probabilities: Floats, groups: npt.NDArray[Any]) -> int:
        """How many groups of images it is about, in the run with the fewest.

        Args:
            targets: int (N,) in [0, C).
            probabilities: float (K, N, C) of K runs.
            groups: (N,) labels; images with the same label count as one case.
        """
        sets = self.about(targets, decide(probabilities))
        return min(len(np.unique(groups[np.asarray(about)])) for about in sets)
