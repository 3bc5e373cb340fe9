"""Which figures a report has, and what to see in each."""

from collections.abc import Mapping
from functools import reduce
from operator import add

import numpy as np

from study.records import STOPPED, TEST, TUNED
from study.report.core.analysis import Analysis
from study.report.core.figure import Drawing
from study.report.core.markdown import value
from study.report.core.naming import starting_recipe
from study.report.core.search_space import explored
from study.report.core.study_run import Run
from study.report.core.verdict import by_mean
from study.report.images.figures import drawings_of_images
from study.report.results.calibration_scores import AS_TRAINED, TEMPERED, Calibration, calibrations
from study.report.results.figures import (
    confusions,
    ensemble_confusion,
    prevalence,
    reliability_curves,
    roc_and_pr_curves,
    score_intervals,
    seed_curves,
)
from study.report.search.accounting import final_score, first_rung, growth, score_at, spending, survivors
from study.report.search.figures import expected_best_lines, learning_curves
from study.report.search.hyperparameter_figures import hyperparameters, parallel_coordinates
from study.wording import counted, fraction, listing, percent, signed

# The last digit that a score is shown with.
_VISIBLE = 0.001

# Two trials agree by chance too often.
_MIN_BEST = 3


def drawings(run: Run, analysis: Analysis) -> dict[str, Drawing]:
    """Name -> figure, for all that the records hold enough for."""
    found: dict[str, Drawing] = {}
    if any(trial.epochs for pair in run.pairs for trial in run.search(pair)):
        found["learning-curves"] = _learning_curves(run)
        if explored(run) and any(np.isfinite(final_score(t)) for pair in run.pairs for t in run.search(pair)):
            found["parallel-coordinates"] = _parallel_coordinates(run)
            found["hyperparameters"] = _hyperparameters(run)
    if any(len(each.trials) > 1 for pair in run.pairs if (each := growth(run, pair)) is not None):
        found["expected-best"] = _expected_best(run)
    if any(trial.epochs for pair in run.pairs for trial in run.seed_runs(pair, TUNED)):
        found["seed-curves"] = _seed_curves(run)
    if run.is_tested:
        found["test-scores"] = _score_intervals(run, analysis)
        found["roc-and-pr-curves"] = _roc_and_pr_curves(run, analysis)
        found["confusion-matrices"] = _confusions(run)
        known = {pair: each for pair, each in calibrations(run).items() if np.isfinite(each.stages[TEMPERED]).all()}
        if known:
            found["reliability"] = _reliability(known)
    return found | drawings_of_images(run)


def _learning_curves(run: Run) -> Drawing:
    passed = [f"{' to '.join(map(str, survivors(run, pair)))} of {pair}" for pair in run.pairs]
    sees = "The thick line is the trial that won, the dot its best epoch"
    spent = reduce(add, [spending(run, pair) for pair in run.pairs])
    if spent.ended:
        sees += (
            "; lines that end early were given up at a rung "
            f"({spent.states[STOPPED]} of {counted(spent.ended, 'trial')} stopped early)"
        )
    return Drawing(
        sees=f"{sees}.",
        how=f"The numbers count the trials that train on from rung to rung: {listing(passed)}.",
        alt=f"Validation ROC-AUC over the epochs of every searched trial of {listing(run.pairs)}; "
        "the finalists are highlighted, and the trials that train on past each rung are counted",
        draw=lambda: learning_curves(run),
    )


def _parallel_coordinates(run: Run) -> Drawing:
    agreed = {pair: shared for pair in run.pairs if (shared := _agreed(run, pair)) is not None}
    parts = [f"{listing(shared)} for {pair}" for pair, shared in agreed.items() if shared]
    parts += [f"no choice for {listing(without)}"] if (without := [pair for pair in agreed if not agreed[pair]]) else []
    words = f"; the best third of the trials agree on {'; '.join(parts)}" if parts else ""
    return Drawing(
        sees=f"Where dark lines run together, good trials are alike{words}.",
        how="Each line is a trial that runs down through its values, the first or lowest of each at the left, those "
        "outside the space beyond the ends.",
        alt=f"Parallel coordinates: the hyperparameters of every searched trial of {listing(run.pairs)}, coloured by "
        "best validation ROC-AUC",
        draw=lambda: parallel_coordinates(run),
    )


def _agreed(run: Run, pair: str) -> list[str] | None:
    """The choices that the best third of a pair's trials have in common and the others haven't; None of too few."""
    trials = sorted(
        (trial for trial in run.search(pair) if np.isfinite(trial.best_score)), key=lambda trial: -trial.best_score
    )
    best = trials[: len(trials) // 3]
    if len(best) < _MIN_BEST:
        return None
    lists = [name for name, domain in run.manifest.space.get(pair, {}).items() if "values" in domain]
    had = {name: [getattr(trial.recipe, name) for trial in trials] for name in lists}
    return [
        f"{name} {value(values[0])}"
        for name, values in had.items()
        if len(set(values[: len(best)])) == 1 < len(set(values))
    ]


def _hyperparameters(run: Run) -> Drawing:
    places = [
        f"{place} of {number} ({pair})"
        for pair in run.pairs
        if (found := _place(run, pair))
        for place, number in [found]
    ]
    won = f", then in place {listing(places)}" if places else ""
    return Drawing(
        sees="Where marks of one shape rise or fall from left to right, that hyperparameter went with the score; the "
        f"large ones are the finalists{won}.",
        how="Each mark is a trial at the first rung.",
        alt=f"Validation ROC-AUC at the first rung of every searched trial of {listing(run.pairs)} against each "
        "searched hyperparameter",
        draw=lambda: hyperparameters(run),
    )


def _place(run: Run, pair: str) -> tuple[int, int] | None:
    """The finalist's place among the trials with a score at the first rung, 1 is the best, and their number."""
    finalist, rung = run.state.finalist(pair), first_rung(run, pair)
    scores = [score for trial in run.search(pair) if np.isfinite(score := score_at(trial, rung))]
    if finalist is None or not np.isfinite(own := score_at(finalist, rung)):
        return None
    return 1 + sum(score > own for score in scores), len(scores)


def _expected_best(run: Run) -> Drawing:
    gains = {pair: each.second_half for pair in run.pairs if (each := growth(run, pair)) is not None}
    risen = sorted((pair for pair in gains if gains[pair] >= _VISIBLE), key=lambda pair: -gains[pair])
    flat = [pair for pair in gains if pair not in risen]
    parts = [f"{signed(gains[pair])} for {pair}" for pair in risen]
    parts += [f"nothing (less than {_VISIBLE:g}) for {listing(flat)}"] if flat else []
    return Drawing(
        sees="Where a line still rises at its end, more trials would probably have found better: the second half of "
        f"the trials is expected to have gained {listing(parts)}.",
        how="The mark is what the given recipes reached.",
        alt=f"Expected best validation ROC-AUC of {listing(list(gains))} against the number of trials",
        draw=lambda: expected_best_lines(run),
    )


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


def _score_intervals(run: Run, analysis: Analysis) -> Drawing:
    scores = analysis.test_roc_auc()
    words = [f"{name} {fraction(scores[name])}" for name in by_mean(scores)]
    return Drawing(
        sees=f"Filled marks are the tuned recipe, hollow ones the {starting_recipe(run, list(scores))}; whether two "
        "are told apart is in the table of differences, since intervals that overlap don't answer that.",
        alt=f"Test ROC-AUC with 95 % intervals: {listing(words)}",
        draw=lambda: score_intervals(run, analysis),
    )


def _roc_and_pr_curves(run: Run, analysis: Analysis) -> Drawing:
    scores = analysis.test_roc_auc()
    best = by_mean(scores)[0]
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
    pairs = [pair for pair in run.pairs if (pair, TUNED, TEST) in run.predictions]
    for pair in pairs:
        counts = ensemble_confusion(run.predictions[pair, TUNED, TEST])
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


def _reliability(found: Mapping[str, Calibration]) -> Drawing:
    gaps = [
        (one.num_images * abs(one.right.mean - one.confidence), pair, one)
        for pair, each in found.items()
        for one in each.reliability(AS_TRAINED)
    ]
    _, pair, one = max(gaps, key=lambda gap: gap[0])
    side = ("Below", "less") if one.right.mean < one.confidence else ("Above", "more")
    return Drawing(
        sees=f"{side[0]} the diagonal, {side[1]} came true than was promised; the gap that counts most: as trained, "
        f"{pair} promises {one.confidence:.2f} on average for {round(one.num_images)} of "
        f"{counted(len(found[pair].targets), 'image')}, and {percent(one.right.mean)} came true.",
        alt=f"Reliability diagrams of {listing(list(found))} on the test split: the share that came true against the "
        "probability, as trained and mended, with 95 % intervals",
        draw=lambda: reliability_curves(found),
    )
