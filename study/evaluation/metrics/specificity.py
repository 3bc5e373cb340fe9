"""The share of all other images that are not decided for a class; macro average."""

from functools import partial

from study.evaluation.class_scores import mean_of_classes, of_class
from study.evaluation.metric import Metric

METRIC = Metric(
    name="specificity",
    title="Specificity",
    score=lambda answers: answers.decisions["specificity"],
    parts=mean_of_classes(partial(of_class, "specificity")),
)
