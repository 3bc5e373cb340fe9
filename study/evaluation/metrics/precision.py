"""The share of the images decided for a class that are of it, 0 where none is; macro average."""

from functools import partial

from study.evaluation.class_scores import mean_of_classes, of_class
from study.evaluation.metric import Metric

METRIC = Metric(
    name="precision",
    title="Precision",
    score=lambda answers: answers.decisions["precision"],
    parts=mean_of_classes(partial(of_class, "precision")),
)
