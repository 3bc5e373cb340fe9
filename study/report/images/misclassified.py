"""Which mistakes the best architecture makes on test, and whose labels an expert should look at again."""

import numpy as np
import numpy.typing as npt

from study.evaluation.confusion import confusion, decide
from study.evaluation.examples import (
    MISTAKES,
    SUSPECTED_LABELS,
    Example,
    best_architecture,
    listed,
    suspected_labels,
    unseen,
)
from study.evaluation.misclassified import confused_pairs
from study.records import Predictions
from study.report.core.figure import Drawings, figure
from study.report.core.markdown import join, table
from study.report.core.naming import label
from study.report.core.study_run import Run
from study.wording import counted, fraction, listing, percent

_PAIRS_SHOWN = 5


def where_they_go_wrong(run: Run, drawings: Drawings) -> str:
    """Confused classes, confident mistakes and suspected labels of the best ensemble; "" before test."""
    if not run.is_tested:
        return ""
    best = best_architecture(run.tested)
    test, lists = run.tested[best], listed(run.predictions)
    return join(
        [
            "## Where they go wrong",
            _what_to_see(run, best, test),
            f"All of this section is of that ensemble; {label(run, best)} has the highest test ROC-AUC.",
            _confused_table(run, test),
            *_confident(run, lists[MISTAKES], drawings),
            *_suspected(run, best, lists[SUSPECTED_LABELS], drawings),
        ]
    )


def _what_to_see(run: Run, best: str, test: Predictions) -> str:
    pairs = confused_pairs(_confusion(run, test))
    if not pairs:
        return f"What to see: the ensemble of {best} decides all {counted(len(test.targets), 'test image')} rightly."
    first, wrong = pairs[0], sum(pair.num_images for pair in pairs)
    return (
        f"What to see: the ensemble of {best} decides {wrong:,} of {counted(len(test.targets), 'test image')} "
        f'wrongly; most often it takes "{run.classes[first.true]}" for "{run.classes[first.decided]}" '
        f"({counted(first.num_images, 'image')}, {percent(first.share)} of that class)."
    )


def _confusion(run: Run, predictions: Predictions) -> npt.NDArray[np.int64]:
    return confusion(predictions.targets, decide(predictions.ensemble[0]), len(run.classes))


def _confused_table(run: Run, test: Predictions) -> str:
    rows = [
        [run.classes[pair.true], run.classes[pair.decided], f"{pair.num_images:,}", percent(pair.share)]
        for pair in confused_pairs(_confusion(run, test))[:_PAIRS_SHOWN]
    ]
    return table(["True class", "Answer", "Images", "Of the true class"], rows, left=2)


def _confident(run: Run, shown: list[Example], drawings: Drawings) -> list[str]:
    if not shown:
        return []
    rows = [
        [f"`{each.path}`", run.classes[each.target], run.classes[each.answer], fraction(each.of_answer)]
        for each in shown
    ]
    return [
        "### The most confident mistakes",
        "The wrongly decided test images whose answer has the highest probability, one of each group.",
        figure(run, drawings, MISTAKES),
        table(["Image", "True class", "Answer", "Probability"], rows, left=3),
    ]


def _suspected(run: Run, best: str, shown: list[Example], drawings: Drawings) -> list[str]:
    known = unseen(run.predictions, best)
    found, num_images = suspected_labels(known), sum(len(part.targets) for part in known.values())
    rows = []
    for each in shown:
        classes = [
            f"{run.classes[index]} ({fraction(probability)})"
            for index, probability in ((each.target, each.of_target), (each.answer, each.of_answer))
        ]
        rows.append([f"`{each.path}`", each.split, *classes])
    first = f"; the {len(shown)} most suspected, one of each group" if len(found) > len(shown) else ""
    return [
        "### Labels to look at again",
        f"From the ensemble's answers, confident learning (Northcutt et al. 2021) suspects the labels of "
        f"{len(found):,} of {counted(num_images, 'image')} of {listing(list(known))}{first}. The networks were not "
        "trained on these images, though val chose their epochs. It is a list to look at, never a correction: an image "
        "that is merely hard looks the same. No label was changed and no image left out.",
        figure(run, drawings, SUSPECTED_LABELS),
        table(["Image", "Split", "Label (its probability)", "Most probable class"], rows, left=4),
    ]
