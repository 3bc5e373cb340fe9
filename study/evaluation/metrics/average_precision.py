"""Mean precision over the recalls reached as the threshold falls; macro average."""

from functools import partial

import numpy as np

from study.evaluation.answers import Answers, Values, mean_over_classes
from study.evaluation.class_scores import mean_of_classes, of_class
from study.evaluation.metric import Metric


def _score(answers: Answers) -> Values:
    each = np.stack([curve.average_precision for curve in answers.curves.values()])
    return mean_over_classes(each)


METRIC = Metric(
    name="average_precision",
    title="Average precision",
    score=_score,
    parts=mean_of_classes(partial(of_class, "average_precision")),
)
