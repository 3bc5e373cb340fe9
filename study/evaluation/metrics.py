"""Scores of one set of predictions. They equal scikit-learn's wherever scikit-learn defines them.

Two kinds of scores are kept apart: those of a *decision* (accuracy, precision, recall, ...) follow from a
confusion matrix, those of a *ranking* (ROC-AUC, average precision) from the order of the probabilities. A
network can rank well and still decide badly at its threshold.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.floating[Any]]

DECISION_METRICS = ("accuracy", "precision", "recall", "specificity", "balanced_accuracy", "f1")
RANKING_METRICS = ("roc_auc", "roc_auc_weighted", "average_precision")
METRICS = DECISION_METRICS + RANKING_METRICS


def scores(targets: Ints, probabilities: Floats, *, threshold: float = 0.5) -> dict[str, float]:
    """All metrics of one set of predictions.

    With two classes, class 1 is the positive one and is decided for where its probability reaches the
    threshold; with more, the most probable class is decided for and precision, recall, specificity, F1,
    ROC-AUC (one-vs-rest) and average precision are macro averages.

    Args:
        targets: int (N,) in [0, C).
        probabilities: float (N, C) in [0, 1].
        threshold: of the positive class in [0, 1]; two classes only.

    Returns:
        metric -> value in [0, 1], in the order of `METRICS`. NaN where a value is undefined (a ranking of a
        single class, no images) and everywhere if a probability is not finite.
    """
    if not len(targets) or not np.isfinite(probabilities).all():
        return dict.fromkeys(METRICS, float("nan"))
    num_classes = probabilities.shape[1]
    counts = confusion(targets, decide(probabilities, threshold=threshold), num_classes)
    decision = {name: float(value) for name, value in decision_scores(counts).items()}
    return decision | {
        "roc_auc": roc_auc(targets, probabilities),
        "roc_auc_weighted": roc_auc(targets, probabilities, weighted=True),
        "average_precision": average_precision(targets, probabilities),
    }


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
        metric -> float (...) in [0, 1], for `DECISION_METRICS`.
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
    return dict(zip(DECISION_METRICS, (accuracy, *averaged[:3], balanced, averaged[3]), strict=True))


def roc_auc(targets: Ints, probabilities: Floats, *, weighted: bool = False) -> float:
    """Area under the ROC curve, one-vs-rest averaged with more than two classes; ties count half.

    Fast enough for every epoch: a sort and two binary searches a class. A class that is absent from the
    targets (or is all of them) has no curve and is left out of the average.

    Args:
        targets: int (N,) in [0, C).
        probabilities: float (N, C).
        weighted: average by the classes' frequency instead of equally.

    Returns:
        A value in [0, 1]; NaN if no class has a curve or a probability is not finite.
    """
    if not np.isfinite(probabilities).all():
        return float("nan")
    num_classes = probabilities.shape[1]
    areas, sizes = [], []
    for index in [1] if num_classes == 2 else range(num_classes):
        positive = targets == index
        num_positive = int(positive.sum())
        if 0 < num_positive < len(targets):
            areas.append(_area(probabilities[positive, index], probabilities[~positive, index]))
            sizes.append(num_positive)
    if not areas:
        return float("nan")
    return float(np.average(areas, weights=sizes if weighted else None))


def average_precision(targets: Ints, probabilities: Floats) -> float:
    """Mean precision over the recalls reached as the threshold falls; macro average over several classes.

    Args:
        targets: int (N,) in [0, C).
        probabilities: float (N, C).

    Returns:
        A value in (0, 1]; classes absent from the targets are left out, NaN if none is left or a probability
        is not finite.
    """
    if not np.isfinite(probabilities).all():
        return float("nan")
    num_classes = probabilities.shape[1]
    values = []
    for index in [1] if num_classes == 2 else range(num_classes):
        positive = targets == index
        if positive.any():
            values.append(_precision_area(positive, probabilities[:, index]))
    return float(np.mean(values)) if values else float("nan")


def majority_baseline(train_targets: Ints, targets: Ints) -> dict[str, float]:
    """What always answering the most frequent training class would score.

    Args:
        train_targets: int (M,), M >= 1; every class of the study occurs in it.
        targets: int (N,) of the split to be scored.

    Returns:
        The same keys as `scores`; ROC-AUC is 0.5 since a constant answer ranks nothing.
    """
    num_classes = max(2, int(np.max(train_targets)) + 1)
    majority = int(np.bincount(train_targets, minlength=num_classes).argmax())
    constant = np.zeros((len(targets), num_classes))
    constant[:, majority] = 1.0
    return scores(targets, constant)


def tie_ends(descending: Floats) -> npt.NDArray[np.int64]:
    """Where runs of equal values end, int (G,), in scores (N,) sorted from high to low."""
    return np.append(np.flatnonzero(np.diff(descending)), len(descending) - 1)


def _area(positive: Floats, negative: Floats) -> float:
    """The share of (positive, negative) couples in the right order: Mann-Whitney's U over their number."""
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, side="left")
    below_or_tied = np.searchsorted(ordered, positive, side="right")
    return float((below + below_or_tied).mean() / 2 / len(negative))


def _precision_area(positive: npt.NDArray[np.bool_], values: Floats) -> float:
    order = np.argsort(-values, kind="stable")
    ends = tie_ends(values[order])
    hits = np.cumsum(positive[order])[ends]
    precision = hits / (ends + 1)
    return float((np.diff(hits, prepend=0) * precision).sum() / hits[-1])


def _ratio(numerator: Floats, denominator: Floats) -> npt.NDArray[np.float64]:
    zero = np.zeros(np.broadcast_shapes(numerator.shape, denominator.shape))
    return np.divide(numerator, denominator, out=zero, where=denominator > 0)


def _mean_where(values: Floats, where: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """The mean over the last axis of the values chosen by `where`; 0 if none is."""
    return _ratio((values * where).sum(-1), where.sum(-1).astype(np.float64))
