"""Which images a score is about: few of them say little, however many others stand beside them.

A sensitivity is about the images of its class, a predictive value about those for which the class was decided, an area
under a ROC curve about the rarer of its two sides. A macro average is a mean of such parts, one a class, and each part
has cases of its own.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from study.evaluation.metrics import Floats, Ints, decide
from study.evaluation.per_class import KAPPA, class_metric

Mask = npt.NDArray[np.bool_]

_OF_CLASS = {
    "precision": "precision",
    "recall": "sensitivity",
    "specificity": "specificity",
    "f1": "f1",
    "roc_auc": "roc_auc",
    "average_precision": "average_precision",
}


def parts_of(metric: str, targets: Ints, num_classes: int) -> dict[str, float]:
    """The scores of single classes that a metric is the mean of, with the weight of each; the weights add up to 1.

    Args:
        metric: a name out of `metrics.METRICS`, or one of `per_class.named_scores`.
        targets: int (N,) in [0, C); the classes that occur among them are averaged over.
        num_classes: C.

    Returns:
        {metric: 1.0} for a metric that is no mean of others.
    """
    present = [index for index in range(num_classes) if (targets == index).any()]
    if metric == "balanced_accuracy":
        return {class_metric("sensitivity", index): 1 / len(present) for index in present}
    if metric == "roc_auc_weighted":
        metric, shares = "roc_auc", [float((targets == index).mean()) for index in present]
    else:
        shares = [1 / len(present)] * len(present)
    if metric not in _OF_CLASS:
        return {metric: 1.0}
    if num_classes == 2:
        return {class_metric(_OF_CLASS[metric], 1): 1.0}
    return {class_metric(_OF_CLASS[metric], index): share for index, share in zip(present, shares, strict=True)}


def num_cases(part: str, targets: Ints, probabilities: Floats, groups: npt.NDArray[Any]) -> int:
    """How many groups of images one of the parts is about, in the seed run with the fewest.

    Args:
        part: as in `parts_of`.
        targets: int (N,) in [0, C).
        probabilities: float (K, N, C), one set of predictions a seed.
        groups: (N,) labels; images with the same label count as one case.
    """
    name, _, index = part.rstrip("]").partition("[")
    if not index:
        # Agreement beyond chance shows on the images that always giving the most frequent answer would miss.
        about = targets != np.bincount(targets).argmax() if name == KAPPA else np.ones(len(targets), bool)
        return len(np.unique(groups[about]))
    actual, decided = targets == int(index), decide(probabilities) == int(index)
    return min(len(np.unique(groups[about])) for about in _about(name, actual, decided))


def _about(name: str, actual: Mask, decided: Mask) -> list[Mask]:
    """Sets of images of which the smallest is what a score is about.

    Args:
        name: of the score.
        actual: bool (N,), the images of the class.
        decided: bool (K, N), those that each seed run decides to be of it.
    """
    sets = {
        "sensitivity": [actual],
        "specificity": [~actual],
        "ppv": list(decided),
        "precision": list(decided),
        "npv": list(~decided),
        "f1": list(decided | actual),
        "roc_auc": [actual, ~actual],
        "average_precision": [actual],
    }
    return sets[name]
