"""The area under the ROC curve, one-vs-rest, averaged by the frequency of the classes."""

from functools import partial

import numpy as np

from study.evaluation.answers import Answers, Values, mean_over_classes
from study.evaluation.class_scores import mean_of_classes, of_class
from study.evaluation.metric import Metric


def _score(answers: Answers) -> Values:
    each = np.stack([curve.roc_auc for curve in answers.curves.values()])
    return mean_over_classes(each, answers.class_weights)


METRIC = Metric(
    name="roc_auc_weighted",
    title="Weighted ROC-AUC",
    score=_score,
    shown_as="fraction",
    parts=mean_of_classes(partial(of_class, "roc_auc"), by_frequency=True),
)
