"""Whether probabilities mean what they say, and how they are mended.

A loss with class weights asks for probabilities of another population than the one that it is trained on; what the
weights did is known and can be undone exactly. What is left is overconfidence, for which one number is fitted on val: a
temperature (Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks, ICML 2017). Neither changes the
order in which two classes rank the images, and a temperature never changes which class is the most probable.

Throughout: targets int (N,) in [0, C), probabilities float (N, C) whose rows sum to 1.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from statsmodels.stats.proportion import proportion_confint

from study.evaluation.bootstrap import ResampledScores, resampled_means
from study.evaluation.confusion import Floats, Ints
from study.evaluation.intervals import Interval

# One that is worse than chance has its smallest log loss at infinity.
TEMPERATURE_BOUNDS = (0.05, 20.0)
NUM_BINS = 15
BRIER_SCORE, LOG_LOSS = "Brier score", "Log loss"

# Networks give probabilities in single precision, where 0 and 1 stand for what is nearer to them than this.
_SMALLEST = float(np.finfo(np.float32).tiny)

# That makes 87 nats of what has no upper bound. Mean losses are so small against it that their log odds are their
# logarithm, on which the bounds of an interval are then symmetric; those of differences are so as they are.
LOG_LOSS_RANGE = (0.0, -float(np.log(_SMALLEST)))


class Bin(NamedTuple):
    """The predictions whose confidence lies in one of several equal parts of [0, 1].

    Attributes:
        confidence: mean confidence, in [0, 1].
        right: share of them for which the event came true, with its 95 % Wilson interval.
        num_images: with such a prediction, mean over the runs.
    """

    confidence: float
    right: Interval
    num_images: float


def undo_class_weights(probabilities: Floats, weights: Sequence[float]) -> npt.NDArray[np.float64]:
    """What a network trained with a weighted loss would say of the images as often as they really occur.

    A class with weight w looks w times as frequent to the loss, so its probability is divided by w (Elkan, The
    foundations of cost-sensitive learning, IJCAI 2001). With two classes, that lowers the log odds by log w.

    Args:
        probabilities: float (..., C).
        weights: C positive ones, up to a common factor; (1, pos_weight) for two classes.
    """
    return np.asarray(softmax(_log(probabilities) - np.log(weights), axis=-1))


def fit_temperature(targets: Ints, probabilities: Floats) -> float:
    """The temperature that gives the smallest log loss, on val; above 1 for a network that is too sure of itself.

    The loss is towards targets that are never certain: of N images not 1 but (N + 1) / (N + 2), by Laplace's rule of
    succession, the rest spread over the other classes (as Platt 1999 for two classes). Else the best temperature for
    predictions that are all right would be 0, and a network would be certain of everything because val was too small to
    find its first mistake.

    It lies within `TEMPERATURE_BOUNDS`; NaN without images or with probabilities that are not finite.
    """
    if not len(targets) or not np.isfinite(probabilities).all():
        return float("nan")
    logs, aims = _log(probabilities), _uncertain_targets(targets, probabilities.shape[-1])

    def loss(log_temperature: float) -> float:
        return -float((aims * log_softmax(logs / np.exp(log_temperature), axis=-1)).sum(axis=-1).mean())

    # It has one minimum only: the loss is convex in 1 / T.
    found = minimize_scalar(loss, bounds=np.log(TEMPERATURE_BOUNDS), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def scaled(probabilities: Floats, temperature: float) -> npt.NDArray[np.float64]:
    """Float (..., C): the logits divided by the temperature."""
    return np.asarray(softmax(_log(probabilities) / temperature, axis=-1))


def _uncertain_targets(targets: Ints, num_classes: int) -> npt.NDArray[np.float64]:
    aims = np.full((len(targets), num_classes), 1 / (len(targets) + 2) / (num_classes - 1))
    # One temperature is learnt from all images together, so it is their number that counts, not that of a class.
    aims[np.arange(len(targets)), targets] = (len(targets) + 1) / (len(targets) + 2)
    return aims


def log_losses(targets: Ints, probabilities: Floats) -> npt.NDArray[np.float64]:
    """Negative log-likelihood of each image in nats, float (..., N) from (..., N, C), in `LOG_LOSS_RANGE`."""
    return -_log(probabilities)[..., np.arange(len(targets)), targets]


def brier_scores(targets: Ints, probabilities: Floats) -> npt.NDArray[np.float64]:
    """Squared error of the probabilities of each image (Brier 1950), float (..., N) from (..., N, C), as scikit-learn.

    With two classes of the positive class's probability, in [0, 1]; with more, summed over the classes, in [0, 2].
    """
    num_classes = probabilities.shape[-1]
    errors = (np.asarray(probabilities, dtype=np.float64) - np.eye(num_classes)[targets]) ** 2
    return np.asarray(errors[..., 1] if num_classes == 2 else errors.sum(axis=-1))


def resampled_losses(
    targets: Ints,
    probabilities: Floats,
    groups: npt.NDArray[Any],
    *,
    num_resamples: int = 2_000,
    seed: int = 0,
) -> ResampledScores:
    """`BRIER_SCORE` and `LOG_LOSS` of K seed runs, float (K, N, C), under resampling of groups of images.

    The expected calibration error is not among them. It is biased upwards, and in resamples, where images stand twice,
    once more: an interval around it would shut out 0, the truth of calibrated predictions, however few the images.
    """
    losses = {BRIER_SCORE: brier_scores(targets, probabilities), LOG_LOSS: log_losses(targets, probabilities)}
    ranges = {BRIER_SCORE: (0.0, 1.0 if probabilities.shape[-1] == 2 else 2.0), LOG_LOSS: LOG_LOSS_RANGE}
    return resampled_means(losses, groups, ranges=ranges, num_resamples=num_resamples, seed=seed)


def reliability(targets: Ints, probabilities: Floats, num_bins: int = NUM_BINS) -> list[Bin]:
    """Confidence against what came true, from low to high confidence, without empty bins.

    With two classes the positive class's probability and whether the image is of that class; with more, the largest
    probability and whether it is the true class's. Bins are equally wide and hold their upper edge, the first also 0.

    Args:
        targets: int (N,) in [0, C).
        probabilities: float (N, C) of one run, or (K, N, C) of several, whose predictions are pooled. The Wilson
            intervals then have as many cases as a run has on average: another run's answers to the same images are no
            new cases.
        num_bins: of equal width, in [0, 1].
    """
    confidence, right = _confidences(targets, probabilities)
    num_runs = np.prod(confidence.shape[:-1])
    edges = np.linspace(0, 1, num_bins + 1)
    bin_of = np.searchsorted(edges[1:-1], confidence, side="left")
    counts = np.bincount(bin_of.ravel(), minlength=num_bins) / num_runs
    means = np.bincount(bin_of.ravel(), confidence.ravel(), minlength=num_bins) / num_runs
    hits = np.bincount(bin_of[right], minlength=num_bins) / num_runs
    bins = []
    for index in np.flatnonzero(counts):
        count, hit = float(counts[index]), float(hits[index])
        low, high = proportion_confint(hit, count, method="wilson")
        bins.append(Bin(float(means[index] / count), Interval(hit / count, float(low), float(high)), count))
    return bins


def expected_calibration_error(targets: Ints, probabilities: Floats, num_bins: int = NUM_BINS) -> float:
    """Mean distance of confidence and share that came true, over the bins of `reliability`; NaN without images.

    Guo et al. 2017. It is biased upwards where bins hold few predictions.
    """
    if not len(targets):
        return float("nan")
    bins = reliability(targets, probabilities, num_bins)
    return sum(each.num_images * abs(each.confidence - each.right.mean) for each in bins) / len(targets)


def _confidences(targets: Ints, probabilities: Floats) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """How sure each prediction is and whether it came true, both (..., N)."""
    if probabilities.shape[-1] == 2:
        positive = np.asarray(probabilities[..., 1], dtype=np.float64)
        return positive, np.broadcast_to(np.asarray(targets) == 1, positive.shape)
    return np.asarray(probabilities.max(axis=-1), dtype=np.float64), probabilities.argmax(axis=-1) == targets


def _log(probabilities: Floats) -> npt.NDArray[np.float64]:
    return np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), _SMALLEST))
