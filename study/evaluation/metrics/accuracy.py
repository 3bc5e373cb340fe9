"""The share of images that are decided rightly."""

from study.evaluation.metric import Metric

METRIC = Metric(name="accuracy", title="Accuracy", score=lambda answers: answers.decisions["accuracy"])
