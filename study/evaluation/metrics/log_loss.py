"""The mean negative logarithm of the probability that was given to the right class; lower is better."""

import numpy as np

from study.evaluation.answers import Answers, Values
from study.evaluation.metric import Metric

# A probability of 0 would make the mean infinite; 32-bit networks can't tell smaller ones from it.
_LEAST = 1e-7


def _score(answers: Answers) -> Values:
    of_target = answers.probabilities[np.arange(len(answers.targets)), answers.targets]
    losses = -np.log(np.clip(of_target, _LEAST, 1.0))
    return np.asarray(losses @ answers.weights / answers.weights.sum(axis=0))


METRIC = Metric(
    name="log_loss",
    title="Log loss",
    score=_score,
    highest=float(-np.log(_LEAST)),
    greater_is_better=False,
    shown_as="fraction",
    is_proportion=False,
)
