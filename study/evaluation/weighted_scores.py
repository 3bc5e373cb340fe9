"""Scores of one run under many weightings of its images at once: 2,000 resamples in a few matrix operations."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from study.evaluation.metrics import (
    METRICS,
    RANKING_METRICS,
    Floats,
    Ints,
    decide,
    decision_scores,
    tie_ends,
)
from study.evaluation.per_class import class_metric, named_scores

Weights = npt.NDArray[np.float64]


def weighted_scores(
    targets: Ints, probabilities: Floats, weights: Weights, metrics: Sequence[str]
) -> dict[str, npt.NDArray[np.float64]]:
    """Scores of one run under each of R weightings of the images.

    Args:
        targets: int (N,) in [0, C).
        probabilities: float (N, C).
        weights: float (N, R), not negative: how often an image counts.
        metrics: names out of `METRICS` and of `per_class.named_scores`, and `class_metric` of "roc_auc" and of
            "average_precision": each class against the rest; of two classes those of class 1 alone.

    Returns:
        metric -> float (R,); NaN where a score is undefined, and everywhere if a probability is not finite.
    """
    if not np.isfinite(probabilities).all():
        return {name: np.full(weights.shape[1], np.nan) for name in metrics}
    found: dict[str, npt.NDArray[np.float64]] = {}
    ranking = [name for name in metrics if name.partition("[")[0] in RANKING_METRICS]
    if len(ranking) < len(metrics):
        num_classes = probabilities.shape[1]
        cells = np.asarray(targets, dtype=np.int64) * num_classes + decide(probabilities)
        indicator = np.eye(num_classes**2)[cells]
        confusions = (weights.T @ indicator).reshape(-1, num_classes, num_classes)
        found |= decision_scores(confusions)
        if not {*metrics} <= {*METRICS, *ranking}:
            found |= named_scores(confusions)
    if ranking:
        found |= _ranking_scores(targets, probabilities, weights)
    return {name: found[name] for name in metrics}


def _ranking_scores(targets: Ints, probabilities: Floats, weights: Weights) -> dict[str, npt.NDArray[np.float64]]:
    num_classes = probabilities.shape[1]
    classes = [1] if num_classes == 2 else list(range(num_classes))
    curves = [_class_ranking(targets == c, probabilities[:, c], weights) for c in classes]
    areas, precisions, sizes = (np.stack(values) for values in zip(*curves, strict=True))
    of_classes = {class_metric("roc_auc", c): area for c, area in zip(classes, areas, strict=True)}
    of_classes |= {class_metric("average_precision", c): each for c, each in zip(classes, precisions, strict=True)}
    return of_classes | {
        "roc_auc": _average(areas, np.ones_like(sizes)),
        "roc_auc_weighted": _average(areas, sizes),
        "average_precision": _average(precisions, np.ones_like(sizes)),
    }


def _class_ranking(
    positive: npt.NDArray[np.bool_], values: Floats, weights: Weights
) -> tuple[Weights, Weights, Weights]:
    """Area under the ROC curve, average precision and weight of the positives of one class: (R,) each.

    Only thresholds at which positives are found change either area, so only those rows are worked on.
    """
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
    all_before, all_after = reached[:, first_of_tie[kept]], reached[:, ends[kept] + 1]
    hits_after = hits[:, hits_until[ends[kept]]]
    hits_before = hits[:, hits_until[ends[kept]] - hits_in_tie[kept]]
    gained = hits_after - hits_before
    false_before, false_after = all_before - hits_before, all_after - hits_after
    num_positive, num_negative = hits[:, -1], reached[:, -1] - hits[:, -1]
    ahead = (gained * (num_negative[:, None] - (false_before + false_after) / 2)).sum(axis=1)
    precision = (gained * hits_after / np.where(all_after > 0, all_after, 1)).sum(axis=1)
    return (
        _divide(ahead, num_positive * num_negative),
        _divide(precision, num_positive),
        num_positive,
    )


def _running_sums(rows: Weights) -> Weights:
    """Sums of the first 0, 1, ... entries of each row."""
    sums = np.zeros((rows.shape[0], rows.shape[1] + 1))
    np.cumsum(rows, axis=1, out=sums[:, 1:])
    return sums


def _divide(numerator: Weights, denominator: Weights) -> Weights:
    ratio = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=ratio, where=denominator > 0)
    return ratio


def _average(values: Weights, sizes: Weights) -> Weights:
    """The mean over classes (axis 0), of the defined values only; NaN where none is."""
    defined = np.isfinite(values)
    return _divide((np.where(defined, values, 0) * sizes).sum(axis=0), (defined * sizes).sum(axis=0))
