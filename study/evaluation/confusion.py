"""Decisions, and the scores that follow from their confusion matrices.

They equal scikit-learn's wherever scikit-learn defines them.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.floating[Any]]

DECISION_SCORES = ("accuracy", "precision", "recall", "specificity", "balanced_accuracy", "f1")


def decide(probabilities: Floats, *, threshold: float = 0.5) -> npt.NDArray[np.int64]:
    """The class decided for, int (..., N) in [0, C), from probabilities, float (..., N, C)."""
    if probabilities.shape[-1] == 2:
        return np.asarray(probabilities[..., 1] >= threshold, dtype=np.int64)
    return np.asarray(np.argmax(probabilities, axis=-1), dtype=np.int64)


def confusion(targets: Ints, predictions: Ints, num_classes: int) -> npt.NDArray[np.int64]:
    """Counts, int (C, C): rows are true classes, columns decided ones."""
    cells = np.asarray(targets, dtype=np.int64) * num_classes + predictions
    return np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)


def decision_scores(confusions: Ints | Floats) -> dict[str, npt.NDArray[np.float64]]:
    """The scores that follow from confusion matrices, a whole stack of them at once.

    A ratio without cases is 0, as in scikit-learn with `zero_division=0`. Macro averages run over the classes
    that occur among the targets or the decisions; balanced accuracy over those among the targets.

    Args:
        confusions: (..., C, C), counts or weights; rows are true classes.

    Returns:
        name -> float (...) in [0, 1], for `DECISION_SCORES`.
    """
    counts = np.asarray(confusions, dtype=np.float64)
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    actual, decided, total = counts.sum(-1), counts.sum(-2), counts.sum((-2, -1))
    precision, recall, f1 = _ratio(hits, decided), _ratio(hits, actual), _ratio(2 * hits, actual + decided)
    rest = total[..., None] - actual
    specificity = _ratio(rest - (decided - hits), rest)
    balanced = _mean_where(recall, actual > 0)
    if counts.shape[-1] == 2:
        averaged = [values[..., 1] for values in (precision, recall, specificity, f1)]
    else:
        occurs = (actual + decided) > 0
        averaged = [_mean_where(values, occurs) for values in (precision, recall, specificity, f1)]
    accuracy = _ratio(hits.sum(-1), total)
    return dict(zip(DECISION_SCORES, (accuracy, *averaged[:3], balanced, averaged[3]), strict=True))


def tie_ends(descending: Floats) -> npt.NDArray[np.int64]:
    """Where runs of equal values end, int (G,), in scores (N,) sorted from high to low."""
    return np.append(np.flatnonzero(np.diff(descending)), len(descending) - 1)


def _ratio(numerator: Floats, denominator: Floats) -> npt.NDArray[np.float64]:
    zero = np.zeros(np.broadcast_shapes(numerator.shape, denominator.shape))
    return np.divide(numerator, denominator, out=zero, where=denominator > 0)


def _mean_where(values: Floats, where: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """The mean over the last axis of the values chosen by `where`; 0 if none is."""
    return _ratio((values * where).sum(-1), where.sum(-1).astype(np.float64))
