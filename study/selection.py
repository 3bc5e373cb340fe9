"""Which architecture is the best, and which single images a report shows: decided here for all that ask.

The page that shows images, the stage that records them and the commands that use the best network choose by the same
rules. Everything follows from recorded predictions, the study's objective and its seed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from study.evaluation import metrics
from study.evaluation.confusion import decide
from study.evaluation.misclassified import most_confident, suspected_label_errors
from study.records import TEST, TUNED, VAL, Predictions, PredictionSet

# The lists, and how many of each: a reader looks at ten pictures, not at fifty.
MISTAKES, SUSPECTED_LABELS = "mistakes", "suspected-labels"
NUM_SHOWN = 10
RIGHT, WRONG, RANDOM = "right", "wrong", "random"
# Of each of these three.
NUM_LOOKED_AT = 3
_DIGITS = 12


@dataclass(frozen=True)
class Example:
    """One image and what a network, or an ensemble, answered for it.

    Attributes:
        path: of the image.
        split: that it belongs to.
        group: that it belongs to: those of one group show the same, or are of one patient or slide.
        target: index of its class.
        answer: index of the class decided for.
        of_target: probability of its class, in [0, 1].
        of_answer: probability of the answer, in [0, 1].
    """

    path: str
    split: str
    group: str
    target: int
    answer: int
    of_target: float
    of_answer: float


def answers_to_test(predictions: PredictionSet) -> dict[str, Predictions]:
    """Architecture -> answers of its tuned seed runs to the test split, in the order of the study."""
    return predictions.by_architecture(TUNED, TEST)


def unseen(predictions: PredictionSet, architecture: str) -> dict[str, Predictions]:
    """Split -> answers of an architecture's tuned seed runs, of the splits that they were not trained on.

    Networks know the images of train by heart, wrong labels and all.
    """
    found = {split: predictions.get(architecture, TUNED, split) for split in (VAL, TEST)}
    return {split: each for split, each in found.items() if each is not None}


def best_architecture(answers: Mapping[str, Predictions], objective: str) -> str:
    """The one that is best by the objective, mean over its seed runs; of equals the first.

    Args:
        answers: architecture -> answers of its tuned seed runs to one split; at least one.
        objective: name of the metric that the study chooses by.
    """
    metric = metrics.find(objective)
    values = {
        name: float(np.mean([metric.of(each.targets, probabilities) for probabilities in each.probabilities]))
        for name, each in answers.items()
    }
    # Means that are equal may differ in their last digit.
    return max(values, key=lambda name: metric.merit(round(values[name], _DIGITS)))


def mistakes(split: str, predictions: Predictions) -> list[Example]:
    """The ensemble's most confident mistakes, at most `NUM_SHOWN`, the most confident first, one of each group."""
    return _most_confident(split, predictions, predictions.ensemble[0], NUM_SHOWN, right=False)


def suspected_labels(parts: Mapping[str, Predictions]) -> list[Example]:
    """All images whose label the ensemble casts doubt on, the most suspected first; see `suspected_label_errors`.

    Args:
        parts: split -> answers to it, of splits that the networks were not trained on; at least one.
    """
    images = [(split, index) for split, part in parts.items() for index in range(len(part.targets))]
    targets = np.concatenate([part.targets for part in parts.values()])
    ensembles = {split: part.ensemble[0] for split, part in parts.items()}
    found = suspected_label_errors(targets, np.concatenate(list(ensembles.values())), len(targets))
    chosen = [images[index] for index in found]
    return [_example(split, parts[split], ensembles[split], index) for split, index in chosen]


def listed(predictions: PredictionSet, objective: str) -> dict[str, list[Example]]:
    """List -> the images of it that a report shows, of the architecture that is best on test; {} before test.

    `MISTAKES`: see `mistakes`. `SUSPECTED_LABELS`: see `suspected_labels`; of these, one of each group and at most
    `NUM_SHOWN`.
    """
    tested = answers_to_test(predictions)
    if not tested:
        return {}
    best = best_architecture(tested, objective)
    suspected = suspected_labels(unseen(predictions, best))
    return {MISTAKES: mistakes(TEST, tested[best]), SUSPECTED_LABELS: _one_of_each_group(suspected)[:NUM_SHOWN]}


def looked_at(split: str, predictions: Predictions, *, number: int, seed: int) -> list[tuple[str, Example]]:
    """The images for which it is recorded what one network looks at, each with why it was chosen.

    Those that it decided rightly and wrongly with the highest probability, and some that were drawn: without them the
    maps would be those of clear cases only. The same are drawn for every network.

    Args:
        split: name of the split.
        predictions: that include the network's.
        number: of the network's seed run.
        seed: of the draw.
    """
    probabilities = predictions.only((number,))[0]
    drawn = np.random.default_rng(seed).permutation(len(probabilities))[:NUM_LOOKED_AT]
    chosen = {
        RIGHT: _most_confident(split, predictions, probabilities, NUM_LOOKED_AT, right=True),
        WRONG: _most_confident(split, predictions, probabilities, NUM_LOOKED_AT, right=False),
        RANDOM: [_example(split, predictions, probabilities, index) for index in drawn],
    }
    return [(why, example) for why, found in chosen.items() for example in found]


def _most_confident(
    split: str, predictions: Predictions, probabilities: np.ndarray, n: int, *, right: bool
) -> list[Example]:
    indices = most_confident(predictions.targets, probabilities, right=right)
    return _one_of_each_group([_example(split, predictions, probabilities, index) for index in indices])[:n]


def _one_of_each_group(found: Sequence[Example]) -> list[Example]:
    """The first of each: a reader who has seen it learns little from its copies, or from its neighbours."""
    first = {each.group: each for each in reversed(found)}
    return [each for each in found if first[each.group] is each]


def _example(split: str, predictions: Predictions, probabilities: np.ndarray, index: int) -> Example:
    target, answer = int(predictions.targets[index]), int(decide(probabilities[[index]])[0])
    return Example(
        path=str(predictions.paths[index]),
        split=split,
        group=str(predictions.groups[index]),
        target=target,
        answer=answer,
        of_target=float(probabilities[index, target]),
        of_answer=float(probabilities[index, answer]),
    )
