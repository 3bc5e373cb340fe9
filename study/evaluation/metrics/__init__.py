"""Metrics, one file each, found by file name: `study/evaluation/metrics/<name>.py` defines `METRIC`.

Two kinds are kept apart: those of a *decision* (accuracy, precision, recall, ...) follow from a confusion matrix, those
of a *ranking* (ROC-AUC, average precision) from the order of the probabilities. A network can rank well and still
decide badly at its threshold. With two classes, class 1 is the positive one and is decided for where its probability
reaches the threshold; with more, the most probable class is decided for, and what is about one class is a macro
average.
"""

from collections.abc import Iterable

import numpy as np

from study import registry
from study.errors import DeclarationError, UnknownNameError
from study.evaluation.answers import Answers, Values
from study.evaluation.class_scores import CLASS_SCORES, of_class
from study.evaluation.confusion import DECISION_SCORES, Floats, Ints
from study.evaluation.metric import Metric

KIND = registry.Kind(name="metric", package=__name__, attribute="METRIC")
# Those that every report shows, in its order.
METRICS = (*DECISION_SCORES, "roc_auc", "roc_auc_weighted", "average_precision")


def names() -> list[str]:
    """All metrics."""
    return KIND.names()


def find(name: str) -> Metric:
    """The metric of that name.

    Args:
        name: such as "f1"; with a level, "sensitivity_at_specificity=0.95"; of one class, "ppv[2]".

    Raises:
        UnknownNameError: there is none.
        DeclarationError: the level isn't one.
    """
    base, bracket, index = name.rstrip("]").partition("[")
    if bracket and base in CLASS_SCORES and index.isdecimal():
        return of_class(base, int(index))
    base, equals, level = name.partition("=")
    metric: Metric = KIND.find(base)
    if not equals:
        return metric
    if metric.by_level is None:
        raise UnknownNameError("metric with a level called", base, [n for n in names() if KIND.find(n).by_level])
    try:
        return metric.by_level(float(level))
    except ValueError as error:
        raise DeclarationError(f"The level of {base} must be a number, but is {level!r}.") from error


def weighted_scores(
    targets: Ints, probabilities: Floats, weights: Floats, metrics: Iterable[Metric]
) -> dict[str, Values]:
    """Scores of one run under each of R weightings of the images.

    Args:
        targets: int (N,) in [0, C).
        probabilities: float (N, C).
        weights: float (N, R), not negative: how often an image counts.
        metrics: what is computed.

    Returns:
        name -> float (R,); NaN where a score is undefined, and everywhere if a probability is not finite.
    """
    if not np.isfinite(probabilities).all():
        return {metric.name: np.full(weights.shape[1], np.nan) for metric in metrics}
    answers = Answers(targets, probabilities, weights)
    return {metric.name: metric.score(answers) for metric in metrics}


def scores(
    targets: Ints, probabilities: Floats, *, names: Iterable[str] = METRICS, threshold: float = 0.5
) -> dict[str, float]:
    """Several metrics of one set of answers.

    Args:
        targets: int (N,) in [0, C).
        probabilities: float (N, C) in [0, 1].
        names: of the metrics.
        threshold: of the positive class in [0, 1]; two classes only.

    Returns:
        name -> value. NaN where a value is undefined (a ranking of a single class, no images) and everywhere if a
        probability is not finite.
    """
    if not len(targets) or not np.isfinite(probabilities).all():
        return dict.fromkeys(names, float("nan"))
    answers = Answers(targets, probabilities, threshold=threshold)
    return {name: float(find(name).score(answers)[0]) for name in names}


def majority_baseline(train_targets: Ints, targets: Ints, *, names: Iterable[str] = METRICS) -> dict[str, float]:
    """What always answering the most frequent training class would score.

    Args:
        train_targets: int (M,), M >= 1; every class of the study occurs in it.
        targets: int (N,) of the split to be scored.
        names: of the metrics.

    Returns:
        The same keys as `scores`; ROC-AUC is 0.5 since a constant answer ranks nothing.
    """
    num_classes = max(2, int(np.max(train_targets)) + 1)
    majority = int(np.bincount(train_targets, minlength=num_classes).argmax())
    constant = np.zeros((len(targets), num_classes))
    constant[:, majority] = 1.0
    return scores(targets, constant, names=names)
