"""How the seed runs were trained and what they answer to test: curves over the epochs, ROC and PR curves, confusion."""

import numpy as np

from study.records import TEST, TUNED
from study.report.core.figure import Drawing
from study.report.core.markdown import join
from study.report.core.section import Context, Section
from study.report.core.study_run import Run
from study.report.results.figures import confusions, ensemble_confusion, prevalence, roc_and_pr_curves, seed_curves
from study.report.results.published import epochs_beside
from study.wording import fraction, listing, percent

_SEED_CURVES, _ROC_AND_PR_CURVES, _CONFUSIONS = "seed-curves", "roc-and-pr-curves", "confusion-matrices"


def _render(context: Context) -> str:
    shown = [context.figure(name) for name in (_SEED_CURVES, _ROC_AND_PR_CURVES, _CONFUSIONS)]
    if not any(shown):
        shown = ["No seed run has been trained yet."]
    return join([*shown, epochs_beside(context.run)])


def _figures(context: Context) -> dict[str, Drawing]:
    run, found = context.run, {}
    if any(trial.epochs for pair in run.pairs for trial in run.seed_runs(pair, TUNED)):
        found[_SEED_CURVES] = _seed_curves(run)
    if run.is_tested:
        found[_ROC_AND_PR_CURVES] = _roc_and_pr_curves(context)
        found[_CONFUSIONS] = _confusions(run)
    return found


def _seed_curves(run: Run) -> Drawing:
    parts = []
    for pair in run.pairs:
        trials = [t for t in run.seed_runs(pair, TUNED) if t.epochs]
        if trials:
            shared = min(len(trial.epochs) for trial in trials)
            losses = np.array([[float(e["val_loss"]) for e in t.epochs[:shared]] for t in trials])
            parts.append(f"{pair} at epoch {int(losses.mean(axis=0).argmin()) + 1} of {shared}")
    return Drawing(
        sees="Where val turns away from train, the network starts to learn its images by heart; "
        f"the mean val loss is lowest for {listing(parts)}.",
        alt=f"Loss and accuracy on train and val over the epochs of the seed runs of {listing(run.pairs)}",
        draw=lambda: seed_curves(run),
    )


def _roc_and_pr_curves(context: Context) -> Drawing:
    run, analysis = context.run, context.analysis
    scores = analysis.on_test("roc_auc")
    best = analysis.ranked()[0]
    precision = analysis.values(best, TUNED, TEST)["average_precision"]
    over = "seeds" if len(run.classes) == 2 else "seeds and over the classes, each against the rest"
    return Drawing(
        sees="The nearer the ROC curve comes to the upper left corner, and the precision-recall curve to the upper "
        f"right one, the better: {best} has areas of {fraction(scores[best])} and {fraction(precision)} (average "
        f"precision), chance 0.500 and {fraction(prevalence(run.tested[best]))}.",
        alt=f"ROC and precision-recall curves with 95 % bands on the test split of {listing(list(scores))}",
        how=f"Each line is the mean over {over}. Its band holds the true value of each point, taken alone, about 95 "
        "times of 100, by the same resamples of images and spread of seeds as all intervals.",
        draw=lambda: roc_and_pr_curves(run, analysis),
    )


def _confusions(run: Run) -> Drawing:
    worst: tuple[float, str] = (0.0, "")
    pairs = list(run.tested)
    for pair, answers in run.tested.items():
        counts = ensemble_confusion(answers)
        totals = counts.sum(axis=1)
        for row, column in zip(*np.nonzero(counts), strict=True):
            share = counts[row, column] / totals[row]
            if row != column and share > worst[0]:
                words = (
                    f'{pair} answers "{run.classes[column]}" for {counts[row, column]} of {totals[row]} '
                    f'images of "{run.classes[row]}" ({percent(share)})'
                )
                worst = (share, words)
    sees = f"The largest error: {worst[1]}." if worst[1] else "There is no error."
    return Drawing(
        sees=sees,
        alt=f"Confusion matrices on the test split of {listing(pairs)}, counts and percent of the true class",
        draw=lambda: confusions(run),
    )


SECTION = Section(title="Curves", render=_render, figures=_figures)
