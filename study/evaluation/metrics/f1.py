"""The harmonic mean of precision and recall; macro average."""

from functools import partial

from study.evaluation.class_scores import mean_of_classes, of_class
from study.evaluation.metric import Metric

METRIC = Metric(
    name="f1",
    title="F1",
    score=lambda answers: answers.decisions["f1"],
    parts=mean_of_classes(partial(of_class, "f1")),
)
