"""What the numbers say, in sentences. Decision (at a threshold) and ranking (ROC-AUC) are kept apart.

Architectures are named as they are given. An interval of a difference decides: where it excludes 0 the two
are told apart, where it doesn't they are not, whatever the means are. The caller widens the intervals when
several comparisons are read together (`bootstrap.bonferroni_level`).
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from study.evaluation.intervals import Interval
from study.records import Objective
from study.wording import fraction, listing, percent, shown, signed

# From this share of equal answers on, a network's decision at its threshold carries almost no information.
NEARLY_ALWAYS = 0.95

# A fall that a reader of the first screen must know of; differences between networks are often smaller.
_NOTABLE_FALL = 0.05

# From here on a reader of the table would think that a network is better, or worse.
_NOTABLE_DIFFERENCE = 0.05

# Of a network that puts the images in any order, and of one that can't tell them apart.
CHANCE_ROC_AUC = 0.5

# Metrics of the order in which images are put.
RANKINGS = ("roc_auc", "roc_auc_weighted", "average_precision")

Pairwise = Mapping[tuple[str, str], Interval]


class OneAnswer(NamedTuple):
    """The answer that each seed run of an architecture gives most often.

    Attributes:
        answers: the classes that this is, each once.
        share: of the images that are given it, in [0, 1], mean over the seeds.
    """

    answers: tuple[str, ...]
    share: float


def best_verdict(on_test: Mapping[str, Interval], differences: Pairwise, objective: Objective) -> str:
    """Which architecture is best on test, and from which others it is told apart.

    Args:
        on_test: architecture -> value of the objective on test with its interval; at least one.
        differences: (a, b) -> a minus b, for each two architectures in either order.
        objective: what the study chooses by.
    """
    order = by_merit(on_test, objective)
    best, others = order[0], order[1:]
    score = f"test {objective.words} {shown(on_test[best], objective.shown_as)}"
    if not others:
        return f"{best} reached {score}; no other architecture was compared with it."
    apart = [name for name in others if told_apart(best, name, differences)]
    near = [name for name in others if name not in apart]
    if not near:
        is_best = "ranks the images best" if objective.name in RANKINGS else "is best"
        return f"{best} {is_best}, with {score}, and is told apart from {listing(apart)}."
    extreme = "highest" if objective.greater_is_better else "lowest"
    sentence = f"{best} has the {extreme} {score}, but it is not told apart from {listing(near, 'or')}"
    return sentence + (f"; it is told apart from {listing(apart)}." if apart else ".")


def told_apart(first: str, second: str, differences: Pairwise) -> bool:
    """Whether the interval of the two architectures' difference excludes 0."""
    found = differences.get((first, second)) or differences.get((second, first))
    return found is not None and found.excludes_zero


def by_mean(values: Mapping[str, Interval]) -> list[str]:
    """The names from the highest mean to the lowest, undefined ones last, ties in the given order."""
    return sorted(values, key=lambda name: (math.isnan(values[name].mean), -values[name].mean))


def by_merit(values: Mapping[str, Interval], objective: Objective) -> list[str]:
    """The names from the best mean to the worst, undefined ones last, ties in the given order."""
    return sorted(values, key=lambda name: -objective.merit(values[name].mean))


def majority_verdict(
    advantages: Mapping[str, Interval],
    *,
    majority_class: str,
    baseline_accuracy: float,
) -> str:
    """Whose decisions are worth more than always answering the most frequent class.

    Args:
        advantages: architecture -> test accuracy minus that of always answering the majority class.
        majority_class: the most frequent class of the training split.
        baseline_accuracy: test accuracy of always answering it, in [0, 1].
    """
    always = f'always answering "{majority_class}" ({percent(baseline_accuracy)})'
    worse = [name for name, value in advantages.items() if value.high < 0]
    even = [name for name, value in advantages.items() if not value.excludes_zero]
    better = [name for name, value in advantages.items() if value.low > 0]
    parts = []
    if better:
        who = "every architecture" if len(better) == len(advantages) > 1 else listing(better)
        parts.append(f"{who} {_is(better, who)} more accurate than {always}")
    if even:
        who = listing([f"{name}{_how_wide(advantages[name])}" for name in even])
        parts.append(f"{who} {_is(even)} not distinguishable in accuracy from {always}")
    if worse:
        parts.append(f"{listing(worse)} {_is(worse)} less accurate than {always}")
    return _sentence("; ".join(parts)) if parts else ""


def _how_wide(advantage: Interval) -> str:
    """Where a table shows a difference that can't be told from none: how wide its interval is."""
    if abs(advantage.mean) < _NOTABLE_DIFFERENCE:
        return ""
    mean, low, high = (signed(value) for value in (advantage.mean, advantage.low, advantage.high))
    if math.isnan(advantage.low):
        return f" (by {mean}, but {advantage.note or 'too few images'})"
    return f" (by {mean}, but within an interval from {low} to {high})"


def decision_verdict(
    test_roc_auc: Mapping[str, Interval], advantages: Mapping[str, Interval], one_answers: Mapping[str, OneAnswer]
) -> str:
    """Whose decisions are worth nothing, and whether the order in which they put the images is.

    Args:
        test_roc_auc: architecture -> test ROC-AUC with its interval.
        advantages: architecture -> test accuracy minus that of always answering the majority class.
        one_answers: architecture -> the answer that its seed runs give most often on test.
    """
    constant = [name for name, given in one_answers.items() if given.share >= NEARLY_ALWAYS]
    bad = [name for name, value in advantages.items() if name in constant or not value.low > 0]
    ranking = [name for name in bad if test_roc_auc[name].low > CHANCE_ROC_AUC]
    neither = [name for name in bad if name not in ranking]
    sentences = [
        f"{name} gives {_one_answer(one_answers[name].answers)} for {percent(one_answers[name].share)} of the test "
        "images, so its decisions tell little."
        for name in constant
    ]
    if ranking:
        scores = listing([fraction(test_roc_auc[name]) for name in ranking])
        one = len(ranking) == 1
        sentences.append(
            f"{listing(ranking)} {'ranks' if one else 'rank'} the images better than chance all the same (ROC-AUC "
            f"{scores}): {'it ranks' if one else 'they rank'} better than {'it decides' if one else 'they decide'}."
        )
    if neither:
        are = "is" if len(neither) == 1 else "are"
        sentences.append(f"{listing(neither)} {are} not shown to rank the images better than chance either.")
    return " ".join(sentences)


def _one_answer(answers: Sequence[str]) -> str:
    named = listing([f'"{answer}"' for answer in answers], "or")
    return f"the one answer {named}" if len(answers) == 1 else f"one answer, {named} by the seed,"


def gain_verdict(
    gains: Mapping[str, Interval],
    objective: Objective,
    unchanged: Sequence[str] = (),
    not_documents: Collection[str] = (),
) -> str:
    """What tuning gained over the recipe that it started from: differences on test, the same seeds paired.

    Args:
        gains: architecture -> value of the objective on test of the tuned recipe minus that of the starting one.
        objective: what the study chooses by.
        unchanged: architectures for which the search found nothing better than the starting recipe.
        not_documents: architectures whose starting recipe is not the document's.
    """
    raised = [name for name, value in gains.items() if value.low > 0]
    lowered = [name for name, value in gains.items() if value.high < 0]
    even = [name for name, value in gains.items() if not value.excludes_zero]
    metric = f"test {objective.words}"

    def over(names: Sequence[str]) -> str:
        return "the starting recipe" if set(names) & set(not_documents) else "the document's recipe"

    def each(names: Sequence[str]) -> str:
        return listing([f"{name} ({signed(gains[name])})" for name in names])

    parts = []
    if raised:
        parts.append(f"tuning raised the {metric} of {each(raised)} over {over(raised)}")
    if even:
        parts.append(f"no gain in {metric} over {over(even)} is shown for {each(even)}")
    if lowered:
        parts.append(f"tuning lowered the {metric} of {each(lowered)} below {over(lowered)}")
    if unchanged:
        parts.append(f"the search found nothing better than {over(unchanged)} for {listing(unchanged)}")
    return _sentence("; ".join(parts)) if parts else ""


def optimism_verdict(
    search_best: Mapping[str, float], fresh: Mapping[str, Sequence[float]], objective: Objective
) -> str:
    """How much better the selected trial looked than its recipe is.

    Args:
        search_best: architecture -> the search's best value of the objective on val.
        fresh: architecture -> the same of its recipe trained with fresh seeds, one value a seed.
        objective: what the study chooses by.
    """
    parts = []
    for name, best in search_best.items():
        if fresh.get(name):
            mean = sum(fresh[name]) / len(fresh[name])
            values = [shown(value, objective.shown_as) for value in (best, mean)]
            parts.append(f"{name} {signed(best - mean)} ({values[0]} against {values[1]})")
    if not parts:
        return ""
    return (
        f"Optimism of the selection, the search's best val {objective.words} minus the mean of fresh seeds: "
        f"{listing(parts)}."
    )


def shift_warning(shifts: Mapping[str, Interval], objective: Objective) -> str:
    """A sentence if val promises much more than test holds, for the first screen; "" otherwise.

    Args:
        shifts: architecture -> value of the objective on val minus that on test, of the same seeds.
        objective: what the study chooses by.
    """
    worse = {
        name: value
        for name, value in shifts.items()
        if objective.merit(value.mean) >= _NOTABLE_FALL and value.excludes_zero
    }
    if not worse:
        return ""
    parts = listing([f"{abs(change.mean):.3f} for {name}" for name, change in worse.items()])
    falls = "falls" if objective.greater_is_better else "rises"
    return f"Val promises more than test holds: from val to test the {objective.words} {falls} by {parts}."


def shift_verdict(shifts: Mapping[str, Interval], objective: Objective) -> str:
    """How far the objective on test lies from that on val of the same seeds; arguments as above."""
    parts = [f"{name} {signed(value)}" for name, value in shifts.items()]
    if not parts:
        return ""
    return f"Shift, val minus test {objective.words} of the same seeds: {listing(parts)}."


def _is(names: Sequence[str], who: str = "") -> str:
    return "is" if len(names) == 1 or who.startswith("every") else "are"


def _sentence(text: str) -> str:
    """A sentence keeps the first letter of a name that starts it, since names are identifiers."""
    starts_with_word = text.startswith(("every ", "tuning ", "no gain ", "the search "))
    return (text[0].upper() + text[1:] if starts_with_word else text) + "."
