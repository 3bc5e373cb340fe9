"""Which mistakes are made, and which of them may be the label's."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from study.evaluation.confusion import Floats, Ints, decide


class ConfusedPair(NamedTuple):
    """How many images of one class were taken for another, and their share of the true class's, in (0, 1]."""

    true: int
    decided: int
    num_images: int
    share: float


def confused_pairs(confusion: npt.NDArray[np.integer[Any]]) -> list[ConfusedPair]:
    """All pairs of classes that were confused, the most frequent first, then by class.

    Args:
        confusion: int (C, C); rows are true classes.
    """
    actual = confusion.sum(axis=1)
    pairs = [
        ConfusedPair(
            int(true), int(decided), int(confusion[true, decided]), float(confusion[true, decided] / actual[true])
        )
        for true, decided in np.argwhere(confusion)
        if true != decided
    ]
    return sorted(pairs, key=lambda pair: -pair.num_images)


def most_confident(targets: Ints, probabilities: Floats, *, right: bool) -> npt.NDArray[np.int64]:
    """Indices of the rightly (or wrongly) decided images, int (<= N,), the most confident first.

    Args:
        targets: int (N,) in [0, C).
        probabilities: float (N, C).
        right: whether the decision is the target.
    """
    decided = decide(probabilities)
    chosen = np.flatnonzero((decided == targets) == right)
    confidence = probabilities[chosen, decided[chosen]]
    return chosen[np.argsort(-confidence, kind="stable")]


def suspected_label_errors(targets: Ints, probabilities: Floats, n: int) -> npt.NDArray[np.int64]:
    """Indices of at most n images whose label may be wrong, int (<= n,), the most suspected first.

    Confident learning (Northcutt, Jiang and Chuang, Journal of Artificial Intelligence Research 2021): a class's
    threshold is the mean probability that it is given on the images labelled with it. An image is suspected if another
    class reaches its threshold and is more probable than the label, and the more so the larger that class's probability
    is above the label's.

    Args:
        targets: int (N,) in [0, C), the labels.
        probabilities: float (N, C), from networks that were not trained on these images.
        n: at least 0.
    """
    images = np.arange(len(targets))
    of_label = probabilities[images, targets]
    counts = np.bincount(targets, minlength=probabilities.shape[1])
    sums = np.bincount(targets, of_label, minlength=probabilities.shape[1])
    # No image can be suspected to be of a class that nobody has seen labelled.
    thresholds = np.divide(sums, counts, out=np.full(len(sums), np.inf), where=counts > 0)
    reached = np.where(probabilities >= thresholds, probabilities, -np.inf)
    margins = reached.max(axis=1) - of_label
    suspected = np.flatnonzero(margins > 0)
    return suspected[np.argsort(-margins[suspected], kind="stable")[:n]]
