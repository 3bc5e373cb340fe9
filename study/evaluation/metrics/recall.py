"""The share of the images of a class that are decided for it, its sensitivity; macro average."""

from functools import partial

from study.evaluation.class_scores import mean_of_classes, of_class
from study.evaluation.metric import Metric

METRIC = Metric(
    name="recall",
    title="Recall",
    score=lambda answers: answers.decisions["recall"],
    parts=mean_of_classes(partial(of_class, "sensitivity")),
)
