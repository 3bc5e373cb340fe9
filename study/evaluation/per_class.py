"""Scores of each class, and agreement on ordered classes, from confusion matrices."""

import numpy as np
import numpy.typing as npt

from study.evaluation.metrics import Floats, Ints

CLASS_METRICS = ("sensitivity", "specificity", "ppv", "npv")
KAPPA = "quadratic_weighted_kappa"


def class_metric(name: str, index: int) -> str:
    """What `bootstrap.resampled_scores` calls the metric of one class: `ppv[2]`."""
    return f"{name}[{index}]"


def per_class_scores(confusions: Ints | Floats) -> dict[str, npt.NDArray[np.float64]]:
    """Each class against all others, for a whole stack of confusion matrices.

    Args:
        confusions: (..., C, C), counts or weights; rows are true classes.

    Returns:
        "sensitivity", "specificity", "ppv" and "npv" (positive and negative predictive value) -> float (..., C) in
        [0, 1]. NaN where there is no case: a class that is never decided for has no predictive value, which a 0, as
        macro averages take it, would hide.
    """
    counts = np.asarray(confusions, dtype=np.float64)
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    actual, decided, total = counts.sum(-1), counts.sum(-2), counts.sum((-2, -1))[..., None]
    rightly_not = total - actual - decided + hits
    ratios = (hits, actual), (rightly_not, total - actual), (hits, decided), (rightly_not, total - decided)
    return {name: _ratio(*ratio) for name, ratio in zip(CLASS_METRICS, ratios, strict=True)}


def quadratic_weighted_kappa(confusions: Ints | Floats) -> npt.NDArray[np.float64]:
    """Agreement beyond chance on ordered classes, where a miss counts as the square of its distance (Cohen 1968).

    Args:
        confusions: (..., C, C), counts or weights; classes in their order.

    Returns:
        Float (...), at most 1, 0 by chance; NaN where targets and decisions are all of one same class.
    """
    counts = np.asarray(confusions, dtype=np.float64)
    places = np.arange(counts.shape[-1])
    penalty = (places[:, None] - places) ** 2.0
    observed = (counts * penalty).sum((-2, -1)) * counts.sum((-2, -1))
    expected = np.einsum("...i,...j,ij->...", counts.sum(-1), counts.sum(-2), penalty)
    return 1 - _ratio(observed, expected)


def named_scores(confusions: Ints | Floats) -> dict[str, npt.NDArray[np.float64]]:
    """All of the above under the names by which intervals are asked for: `class_metric(...)` and `KAPPA`.

    "precision" and "f1" of each class are what macro averages are made of: 0 where a class is never decided for.
    """
    each = per_class_scores(confusions)
    counts = np.asarray(confusions, dtype=np.float64)
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    each |= {
        "precision": np.nan_to_num(each["ppv"]),
        "f1": np.nan_to_num(_ratio(2 * hits, counts.sum(-1) + counts.sum(-2))),
    }
    return {
        class_metric(name, index): values[..., index]
        for name, values in each.items()
        for index in range(values.shape[-1])
    } | {KAPPA: quadratic_weighted_kappa(confusions)}


def _ratio(numerator: Floats, denominator: Floats) -> npt.NDArray[np.float64]:
    undefined = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=undefined, where=denominator > 0)
    return undefined
