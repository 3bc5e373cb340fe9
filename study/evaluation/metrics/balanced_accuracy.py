"""The mean of the sensitivities of all classes, of two classes too."""

from functools import partial

from study.evaluation.class_scores import mean_of_classes, of_class
from study.evaluation.metric import Metric

METRIC = Metric(
    name="balanced_accuracy",
    title="Balanced accuracy",
    score=lambda answers: answers.decisions["balanced_accuracy"],
    parts=mean_of_classes(partial(of_class, "sensitivity"), binary=False),
)
