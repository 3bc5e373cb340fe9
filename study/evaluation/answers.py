"""One run's answers under many weightings of its images at once: 2,000 resamples in a few matrix operations."""

from functools import cached_property

import numpy as np
import numpy.typing as npt

from study.evaluation.confusion import Floats, Ints, decide, decision_scores, tie_ends
from study.evaluation.per_class import per_class_scores

Values = npt.NDArray[np.float64]


class Answers:
    """What a network answered, and all that scores are made of, each computed once and when it is asked for.

    Args:
        targets: int (N,) in [0, C).
        probabilities: float (N, C) in [0, 1], all finite.
        weights: float (N, R), not negative: how often an image counts in each of R weightings. None counts each once.
        threshold: of the positive class, in [0, 1]; two classes only.
    """

    def __init__(
        self, targets: Ints, probabilities: Floats, weights: Floats | None = None, *, threshold: float = 0.5
    ) -> None:
        self.targets, self.probabilities, self.threshold = targets, probabilities, threshold
        self.weights: Values = np.ones((len(targets), 1)) if weights is None else np.asarray(weights, dtype=np.float64)

    @property
    def num_classes(self) -> int:
        return int(self.probabilities.shape[1])

    @property
    def ranked_classes(self) -> list[int]:
        """The classes that are ranked against the rest: of two classes the positive one alone."""
        return [1] if self.num_classes == 2 else list(range(self.num_classes))

    @cached_property
    def confusions(self) -> Values:
        """Weights, float (R, C, C): rows are true classes, columns decided ones."""
        cells = np.asarray(self.targets, dtype=np.int64) * self.num_classes
        cells = cells + decide(self.probabilities, threshold=self.threshold)
        indicator = np.eye(self.num_classes**2)[cells]
        return np.asarray((self.weights.T @ indicator).reshape(-1, self.num_classes, self.num_classes))

    @cached_property
    def decisions(self) -> dict[str, Values]:
        """The scores of `confusion.decision_scores`, float (R,) each."""
        return decision_scores(self.confusions)

    @cached_property
    def by_class(self) -> dict[str, Values]:
        """The scores of `per_class.per_class_scores`, float (R, C) each: a class against all others."""
        return per_class_scores(self.confusions)

    @cached_property
    def curves(self) -> dict[int, "ClassCurve"]:
        """Class of `ranked_classes` -> its curve against the rest."""
        return {
            index: ClassCurve(self.targets == index, self.probabilities[:, index], self.weights)
            for index in self.ranked_classes
        }

    @property
    def class_weights(self) -> Values:
        """How much the images of each ranked class weigh, float (len(ranked_classes), R)."""
        return np.stack([curve.num_positive for curve in self.curves.values()])


class ClassCurve:
    """One class against the rest, at every threshold at which images of the class are found.

    Other thresholds change no area, so only those rows are worked on.
    """

    def __init__(self, positive: npt.NDArray[np.bool_], values: Floats, weights: Values) -> None:
        order = np.argsort(-values, kind="stable")
        found = positive[order]
        ends = tie_ends(values[order])
        first_of_tie = np.append(0, ends[:-1] + 1)
        hits_until = np.cumsum(found)
        hits_in_tie = np.diff(hits_until[ends], prepend=0)
        kept = hits_in_tie > 0
        # A resample is a row: running sums along rows are much faster than across them.
        sorted_weights = weights.T[:, order]
        reached, hits = _running_sums(sorted_weights), _running_sums(sorted_weights[:, found])
        all_before, self._all_after = reached[:, first_of_tie[kept]], reached[:, ends[kept] + 1]
        self._hits_after = hits[:, hits_until[ends[kept]]]
        hits_before = hits[:, hits_until[ends[kept]] - hits_in_tie[kept]]
        self._gained = self._hits_after - hits_before
        self._false_before = all_before - hits_before
        self.false_after = self._all_after - self._hits_after
        self.num_positive, self.num_negative = hits[:, -1], reached[:, -1] - hits[:, -1]

    @cached_property
    def roc_auc(self) -> Values:
        """The area under the ROC curve, float (R,), ties count half; NaN where one side is empty."""
        twice_ahead = (self._gained * (2 * self.num_negative[:, None] - (self._false_before + self.false_after))).sum(
            axis=1
        )
        # In this order sums of whole weights are rounded as a count of couples is.
        return _divide(_divide(twice_ahead, self.num_positive) / 2, self.num_negative)

    @cached_property
    def average_precision(self) -> Values:
        """Mean precision over the recalls reached as the threshold falls, float (R,); NaN without images of it."""
        precision = self._gained * self._hits_after / np.where(self._all_after > 0, self._all_after, 1)
        return _divide(precision.sum(axis=1), self.num_positive)

    def sensitivity_at(self, specificity: float) -> Values:
        """The highest sensitivity of all thresholds with this specificity or a higher one, float (R,)."""
        allowed = (1 - specificity) * self.num_negative[:, None]
        # Weights add up with rounding.
        reached = np.where(self.false_after <= allowed + 1e-9 * (1 + allowed), self._hits_after, 0.0)
        best = reached.max(axis=1, initial=0.0)
        return np.where(self.num_negative > 0, _divide(best, self.num_positive), np.nan)


def mean_over_classes(values: Values, sizes: Values | None = None) -> Values:
    """The mean over classes (axis 0), of the defined values only, float (R,); NaN where none is.

    Args:
        values: float (C, R).
        sizes: float (C, R), the weight of each class; None weighs them equally.
    """
    defined = np.isfinite(values)
    counted = defined if sizes is None else defined * sizes
    return _divide((np.where(defined, values, 0) * counted).sum(axis=0), counted.sum(axis=0).astype(np.float64))


def _running_sums(rows: Values) -> Values:
    """Sums of the first 0, 1, ... entries of each row."""
    sums = np.zeros((rows.shape[0], rows.shape[1] + 1))
    np.cumsum(rows, axis=1, out=sums[:, 1:])
    return sums


def _divide(numerator: Values, denominator: Values) -> Values:
    ratio = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=ratio, where=denominator > 0)
    return ratio
