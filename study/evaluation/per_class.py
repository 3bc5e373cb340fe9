"""Scores of each class, and agreement on ordered classes, from confusion matrices."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from study.evaluation.confusion import Floats, Ints

CLASS_METRICS = ("sensitivity", "specificity", "ppv", "npv")
KAPPA = "quadratic_kappa"


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


def off_the_most_frequent(targets: Ints, decided: Ints) -> Sequence[npt.NDArray[np.bool_]]:
    """What agreement beyond chance is about: the images that always giving the most frequent answer would miss."""
    del decided
    return [targets != np.bincount(targets).argmax()]


def _ratio(numerator: Floats, denominator: Floats) -> npt.NDArray[np.float64]:
    undefined = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=undefined, where=denominator > 0)
    return undefined
