"""Matthews' correlation of targets and decisions; of more than two classes Gorodkin's R_K (2004)."""

import numpy as np

from study.evaluation.answers import Answers, Values
from study.evaluation.metric import Metric
from study.evaluation.per_class import off_the_most_frequent


def _score(answers: Answers) -> Values:
    counts = answers.confusions
    hits, total = np.trace(counts, axis1=-2, axis2=-1), counts.sum((-2, -1))
    actual, decided = counts.sum(-1), counts.sum(-2)
    covariance = hits * total - (actual * decided).sum(-1)
    spread = (total**2 - (actual**2).sum(-1)) * (total**2 - (decided**2).sum(-1))
    # 0 where all targets or all decisions are of one class, as in scikit-learn: nothing goes with anything.
    return np.asarray(np.divide(covariance, np.sqrt(spread), out=np.zeros_like(covariance), where=spread > 0))


METRIC = Metric(
    name="mcc",
    title="MCC",
    score=_score,
    lowest=-1.0,
    shown_as="fraction",
    about=off_the_most_frequent,
)
