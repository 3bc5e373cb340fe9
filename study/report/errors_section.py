"""Which mistakes the best architecture makes on test, and whose labels an expert should look at again."""

import numpy as np
import numpy.typing as npt

from study.evaluation.errors import confidently_wrong, confused_pairs, suspected_label_errors
from study.evaluation.metrics import confusion, decide
from study.evaluation.verdict import by_mean
from study.evaluation.wording import counted, fraction, listing, percent
from study.records import TEST, TUNED, VAL, Predictions
from study.report.analysis import Analysis
from study.report.load import Run
from study.report.markdown import join, table
from study.report.naming import label

NUM_SHOWN = 10
_PAIRS_SHOWN = 5


def where_they_go_wrong(run: Run, analysis: Analysis) -> str:
    """Confused classes, confident mistakes and suspected labels of the best ensemble; "" before test."""
    if not run.is_tested:
        return ""
    best = by_mean(analysis.test_roc_auc())[0]
    test = run.tested[best]
    return join(
        [
            "## Where they go wrong",
            _what_to_see(run, best, test),
            f"Of the ensemble of {label(run, best)}, which has the highest test ROC-AUC.",
            _confused_table(run, test),
            *_confident(run, test),
            *_suspected(run, best),
        ]
    )


def _what_to_see(run: Run, best: str, test: Predictions) -> str:
    pairs = confused_pairs(_confusion(run, test))
    if not pairs:
        return f"What to see: {best} decides all {counted(len(test.targets), 'test image')} rightly."
    first, wrong = pairs[0], sum(pair.num_images for pair in pairs)
    return (
        f"What to see: {best} decides {wrong:,} of {counted(len(test.targets), 'test image')} wrongly; most often it "
        f'takes "{run.classes[first.true]}" for "{run.classes[first.decided]}" ({counted(first.num_images, "image")}, '
        f"{percent(first.share)} of that class)."
    )


def _confusion(run: Run, predictions: Predictions) -> npt.NDArray[np.int64]:
    return confusion(predictions.targets, decide(predictions.ensemble[0]), len(run.classes))


def _confused_table(run: Run, test: Predictions) -> str:
    rows = [
        [run.classes[pair.true], run.classes[pair.decided], f"{pair.num_images:,}", percent(pair.share)]
        for pair in confused_pairs(_confusion(run, test))[:_PAIRS_SHOWN]
    ]
    return table(["True class", "Answer", "Images", "Of the true class"], rows, left=2)


def _confident(run: Run, test: Predictions) -> list[str]:
    probabilities = test.ensemble[0]
    wrong = confidently_wrong(test.targets, probabilities, NUM_SHOWN)
    if not len(wrong):
        return []
    decided = decide(probabilities)
    rows = []
    for index in wrong:
        true, answer = test.targets[index], decided[index]
        cells = [f"`{test.paths[index]}`", run.classes[true], run.classes[answer]]
        rows.append([*cells, fraction(probabilities[index, answer])])
    return [
        "### The most confident mistakes",
        "The wrongly decided test images whose answer has the highest probability.",
        table(["Image", "True class", "Answer", "Probability"], rows, left=3),
    ]


def _suspected(run: Run, best: str) -> list[str]:
    # Networks know the images of train by heart, wrong labels and all.
    parts = {split: run.predictions.get((best, TUNED, split)) for split in (VAL, TEST)}
    known = {split: part for split, part in parts.items() if part is not None}
    targets = np.concatenate([part.targets for part in known.values()])
    probabilities = np.concatenate([part.ensemble[0] for part in known.values()])
    images = [(split, path) for split, part in known.items() for path in part.paths]
    found = suspected_label_errors(targets, probabilities, len(targets))
    rows = []
    for index in found[:NUM_SHOWN]:
        split, path = images[index]
        labelled, likely = targets[index], probabilities[index].argmax()
        shown = [f"{run.classes[c]} ({fraction(probabilities[index, c])})" for c in (labelled, likely)]
        rows.append([f"`{path}`", split, *shown])
    first = f"; the {NUM_SHOWN} most suspected" if len(found) > NUM_SHOWN else ""
    return [
        "### Labels to look at again",
        f"Confident learning (Northcutt et al. 2021) suspects the labels of {len(found):,} of "
        f"{counted(len(targets), 'image')} of {listing(list(known))}{first}. The networks were not trained on these "
        "images, though val chose their epochs. It is a list to look at, never a correction: an image that is merely "
        "hard looks the same. No label was changed and no image left out.",
        table(["Image", "Split", "Label (its probability)", "Most probable class"], rows, left=4),
    ]
