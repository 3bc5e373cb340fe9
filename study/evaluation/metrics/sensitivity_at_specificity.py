"""The highest sensitivity at a specificity of at least a level; macro average over classes against the rest."""

from functools import partial

import numpy as np

from study.errors import DeclarationError
from study.evaluation.answers import Answers, Values, mean_over_classes
from study.evaluation.class_scores import both_sides, mean_of_classes, one_class
from study.evaluation.metric import Metric

_USUAL = 0.9


def _at(level: float) -> Metric:
    if not 0 < level < 1:
        raise DeclarationError(f"A specificity must lie between 0 and 1, but sensitivity_at_specificity has {level}.")

    def of_class(answers: Answers, index: int) -> Values:
        return answers.curves[index].sensitivity_at(level)

    def score(answers: Answers) -> Values:
        return mean_over_classes(np.stack([of_class(answers, index) for index in answers.ranked_classes]))

    name, title = f"sensitivity_at_specificity={level:g}", f"Sensitivity at specificity {level:g}"
    return Metric(
        name=name,
        title=title,
        score=score,
        parts=mean_of_classes(partial(one_class, name, title, of_class, both_sides)),
        by_level=_at,
    )


METRIC = _at(_USUAL)
