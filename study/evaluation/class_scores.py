"""Scores of one class against all others, as metrics: what is shown class by class, and what macro averages consist of.

Each knows which images it is about: few of them say little, however many others stand beside them. A sensitivity is
about the images of its class, a predictive value about those for which the class was decided, an area under a ROC curve
about the rarer of its two sides.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from study.evaluation.answers import Answers, Values
from study.evaluation.confusion import Ints
from study.evaluation.metric import Mask, Metric, Parts
from study.evaluation.per_class import class_metric

# (bool (N,): images of the class, bool (K, N): those that each run decides to be of it) -> sets of images.
About = Callable[[Mask, Mask], Sequence[Mask]]
Score = Callable[[Answers, int], Values]


def _of_class(actual: Mask, decided: Mask) -> Sequence[Mask]:
    del decided
    return [actual]


def _of_the_rest(actual: Mask, decided: Mask) -> Sequence[Mask]:
    del decided
    return [~actual]


def _decided_for(actual: Mask, decided: Mask) -> Sequence[Mask]:
    del actual
    return list(decided)


def _decided_against(actual: Mask, decided: Mask) -> Sequence[Mask]:
    del actual
    return list(~decided)


def _either(actual: Mask, decided: Mask) -> Sequence[Mask]:
    return list(decided | actual)


def both_sides(actual: Mask, decided: Mask) -> Sequence[Mask]:
    """The images of the class, and all others: what a ranking is about."""
    del decided
    return [actual, ~actual]


def _confused(name: str) -> Score:
    return lambda answers, index: answers.by_class[name][:, index]


def _precision(answers: Answers, index: int) -> Values:
    # What macro averages consist of: 0 where a class is never decided for.
    return np.nan_to_num(answers.by_class["ppv"][:, index])


def _f1(answers: Answers, index: int) -> Values:
    hits = answers.confusions[:, index, index]
    either = answers.confusions[:, index, :].sum(-1) + answers.confusions[:, :, index].sum(-1)
    return np.asarray(np.divide(2 * hits, either, out=np.zeros_like(hits), where=either > 0))


_SCORES: Mapping[str, tuple[str, Score, About]] = {
    "sensitivity": ("Sensitivity", _confused("sensitivity"), _of_class),
    "specificity": ("Specificity", _confused("specificity"), _of_the_rest),
    "ppv": ("PPV", _confused("ppv"), _decided_for),
    "npv": ("NPV", _confused("npv"), _decided_against),
    "precision": ("Precision", _precision, _decided_for),
    "f1": ("F1", _f1, _either),
    "roc_auc": ("ROC-AUC", lambda answers, index: answers.curves[index].roc_auc, both_sides),
    "average_precision": (
        "Average precision",
        lambda answers, index: answers.curves[index].average_precision,
        _of_class,
    ),
}
CLASS_SCORES = tuple(_SCORES)


def of_class(name: str, index: int) -> Metric:
    """One of `CLASS_SCORES` of the class with this index; of two classes rankings are those of class 1 alone."""
    title, score, about = _SCORES[name]
    return one_class(name, title, score, about, index)


def one_class(name: str, title: str, score: Score, about: About, index: int) -> Metric:
    """A score of one class against the rest as a metric, called `name[index]`.

    Args:
        name: of the score.
        title: of the score.
        score: (answers, index of the class) -> float (R,).
        about: sets of images of which the smallest is what it is about.
        index: of the class.
    """
    return Metric(
        name=class_metric(name, index),
        title=f"{title} of class {index}",
        score=lambda answers: score(answers, index),
        about=lambda targets, decided: about(targets == index, decided == index),
    )


def mean_of_classes(make: Callable[[int], Metric], *, by_frequency: bool = False, binary: bool = True) -> Parts:
    """The parts of a macro average: a score of each class that occurs among the targets.

    Args:
        make: the score of the class of an index.
        by_frequency: weigh the classes by their frequency instead of equally.
        binary: whether with two classes the score of class 1 alone is meant.
    """

    def parts(targets: Ints, num_classes: int) -> Mapping[Metric, float]:
        if binary and num_classes == 2:
            return {make(1): 1.0}
        present = [index for index in range(num_classes) if (targets == index).any()]
        if by_frequency:
            return {make(index): float((targets == index).mean()) for index in present}
        return {make(index): 1 / len(present) for index in present}

    return parts
