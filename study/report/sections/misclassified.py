"""Which mistakes the best architecture makes on test, and whose labels an expert should look at again."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from study.evaluation.confusion import confusion, decide
from study.evaluation.misclassified import confused_pairs
from study.records import Pixels, Predictions
from study.report.core import style
from study.report.core.figure import Drawing
from study.report.core.markdown import join, table
from study.report.core.naming import label
from study.report.core.section import Context, Section
from study.report.core.study_run import Run
from study.report.images.drawing import examples_sheet
from study.selection import MISTAKES, SUSPECTED_LABELS, Example, best_architecture, listed, suspected_labels, unseen
from study.wording import counted, fraction, listing, percent

_PAIRS_SHOWN = 5


def _render(context: Context) -> str:
    run = context.run
    if not run.is_tested:
        return ""
    best = best_architecture(run.tested, run.objective.name)
    test, lists = run.tested[best], listed(run.predictions, run.objective.name)
    extreme = "highest" if run.objective.greater_is_better else "lowest"
    return join(
        [
            _what_to_see(run, best, test),
            f"All of this section is of that ensemble; {label(run, best)} has the {extreme} test "
            f"{run.objective.words}.",
            _confused_table(run, test),
            *_confident(context, lists[MISTAKES]),
            *_suspected(context, best, lists[SUSPECTED_LABELS]),
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


def _confident(context: Context, shown: list[Example]) -> list[str]:
    if not shown:
        return []
    classes = context.run.classes
    rows = [[f"`{each.path}`", classes[each.target], classes[each.answer], fraction(each.of_answer)] for each in shown]
    return [
        "### The most confident mistakes",
        "The wrongly decided test images whose answer has the highest probability, one of each group.",
        context.figure(MISTAKES),
        table(["Image", "True class", "Answer", "Probability"], rows, left=3),
    ]


def _suspected(context: Context, best: str, shown: list[Example]) -> list[str]:
    run = context.run
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
        context.figure(SUSPECTED_LABELS),
        table(["Image", "Split", "Label (its probability)", "Most probable class"], rows, left=4),
    ]


def _figures(context: Context) -> dict[str, Drawing]:
    run, explanations = context.run, context.run.explanations
    if explanations is None or not run.is_tested:
        return {}
    return {
        name: _examples(run, shown, explanations.thumbnails)
        for name, shown in listed(run.predictions, run.objective.name).items()
        if shown and all(each.path in explanations.thumbnails for each in shown)
    }


def _examples(run: Run, shown: Sequence[Example], thumbnails: Mapping[str, Pixels]) -> Drawing:
    words = [f"{run.classes[e.target]} taken for {run.classes[e.answer]} ({fraction(e.of_answer)})" for e in shown]
    return Drawing(
        sees="Beneath each image, in the order of the table, its label, and after the arrow the answer and its "
        "probability.",
        alt=f"{counted(len(shown), 'image')}: {'; '.join(words)}",
        draw=lambda: examples_sheet(shown, run.classes, thumbnails),
        num_colours=style.MANY_COLOURS,
    )


SECTION = Section(title="Where they go wrong", render=_render, figures=_figures)
