"""At which probability to decide for the positive class: chosen on val, then kept. Two classes only.

As in `metrics.decide`, the positive class is decided for where its probability reaches the threshold. Every threshold
here is a probability of val itself, so images with equal probabilities are always decided alike.
"""

import math

import numpy as np
import numpy.typing as npt

from study.evaluation.confusion import Floats, Ints, tie_ends

# Log odds of thresholds nearer to 0 or 1 would leave no room between probabilities.
_NEAREST = float(np.finfo(np.float64).eps)


def youden_threshold(targets: Ints, probabilities: Floats) -> float:
    """Where sensitivity + specificity is largest (Youden, Cancer 1950), the highest of several such thresholds.

    Args:
        targets: int (N,) in {0, 1}.
        probabilities: float (N, 2).

    Returns:
        A value in [0, 1]; NaN where either class is missing.
    """
    num_positive = int((targets == 1).sum())
    num_negative = len(targets) - num_positive
    if not num_positive or not num_negative:
        return float("nan")
    thresholds, hits, false_alarms = _curve(targets, probabilities)
    # In whole numbers, since shares that are equal may differ in their last digit.
    return float(thresholds[np.argmax(hits * num_negative - false_alarms * num_positive)])


def sensitivity_threshold(targets: Ints, probabilities: Floats, sensitivity: float = 0.95) -> float:
    """The highest threshold at which at least this share of the positives is found; arguments and result as above."""
    num_positive = int((targets == 1).sum())
    if not num_positive:
        return float("nan")
    thresholds, hits, _ = _curve(targets, probabilities)
    # 0.07 * 100 is a little more than 7.
    wanted = math.ceil(sensitivity * num_positive - 1e-9)
    return float(thresholds[np.argmax(hits >= wanted)])


def at_threshold(probabilities: Floats, threshold: float) -> npt.NDArray[np.float64]:
    """Probabilities whose decisions at 0.5 are those of the given ones at the threshold, for scores and intervals.

    The log odds are shifted by those of the threshold, so the order stays, and 0 and 1 stay what they are unless the
    threshold itself is 0.

    Args:
        probabilities: float (..., 2).
        threshold: in [0, 1].
    """
    positive = np.asarray(probabilities[..., 1], dtype=np.float64)
    inner = min(max(threshold, _NEAREST), 1 - _NEAREST)
    for_it, against = positive * (1 - inner), (1 - positive) * inner
    shifted = for_it / (for_it + against)
    # Rounding must not move what lies at the threshold or next to it.
    decided = probabilities[..., 1] >= threshold
    shifted = np.where(decided, np.maximum(shifted, 0.5), np.minimum(shifted, np.nextafter(0.5, 0)))
    return np.stack([1 - shifted, shifted], axis=-1)


def _curve(
    targets: Ints, probabilities: Floats
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Thresholds (T,) from high to low, and how many positives and negatives reach each."""
    order = np.argsort(-probabilities[:, 1], kind="stable")
    values = np.asarray(probabilities[order, 1], dtype=np.float64)
    ends = tie_ends(values)
    hits = np.cumsum(targets[order] == 1)[ends]
    return values[ends], hits, ends + 1 - hits
