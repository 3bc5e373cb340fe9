"""Agreement beyond chance on ordered classes, where a miss counts as the square of its distance (Cohen 1968)."""

from study.evaluation.metric import Metric
from study.evaluation.per_class import KAPPA, off_the_most_frequent, quadratic_weighted_kappa

METRIC = Metric(
    name=KAPPA,
    title="Quadratic weighted kappa",
    score=lambda answers: quadratic_weighted_kappa(answers.confusions),
    lowest=-1.0,
    shown_as="fraction",
    about=off_the_most_frequent,
)
