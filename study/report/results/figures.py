"""Figures of the seed runs: scores with intervals, training curves, ROC and PR curves, confusion matrices."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from study.evaluation.curves import GRID, Band, curves
from study.evaluation.confusion import confusion, decide
from study.records import DOCUMENT, TEST, TUNED, Predictions, Trial
from study.report.core import style
from study.report.core.analysis import RESAMPLING_SEED, Analysis
from study.report.results.calibration import AS_TRAINED, TEMPERED, UNWEIGHTED, Calibration
from study.report.core.study_run import Run
from study.report.core.naming import label, starting_recipe
from study.wording import fraction

_CHANCE: dict[str, Any] = {"color": style.BLACK, "linestyle": ":", "linewidth": 1.4}


def score_intervals(run: Run, analysis: Analysis) -> Figure:
    """The objective on test with its interval: the tuned recipe (filled) and the one it started from (hollow)."""
    pairs = list(run.tested)
    figure = style.new_figure(height_in=1.6 + 0.75 * len(pairs))
    axis = figure.subplots()
    for row, pair in enumerate(pairs):
        colour = style.colour(run.pairs.index(pair))
        for recipe, offset in ((TUNED, -0.13), (DOCUMENT, 0.17)):
            if recipe == DOCUMENT and pair in run.unchanged:
                continue
            if values := analysis.values(pair, recipe, TEST):
                score, y = values[run.objective.name], row + offset
                axis.plot([score.low, score.high], [y, y], color=colour, linewidth=3)
                face = colour if recipe == TUNED else "white"
                axis.plot(score.mean, y, "o", color=colour, markersize=10, markerfacecolor=face)
    axis.set_yticks(range(len(pairs)), [label(run, pair).replace(" ", "\n", 1) for pair in pairs])
    axis.set_ylim(len(pairs) - 0.5, -0.5)
    axis.grid(visible=False, axis="y")
    axis.set_xlabel(f"test {run.objective.words}, 95 % interval")
    handles = [
        Line2D([], [], color=style.GREY, marker="o", markersize=10, label="tuned"),
        Line2D([], [], color=style.GREY, marker="o", markersize=10, mfc="white", label=starting_recipe(run, pairs)),
    ]
    style.legend(figure, handles)
    return figure


def seed_curves(run: Run) -> Figure:
    """Loss and accuracy on train and val over the epochs of the tuned seed runs, one row an architecture."""
    pairs = [pair for pair in run.pairs if any(t.epochs for t in run.seed_runs(pair, TUNED))]
    # Two panels a row; the name may be longer than the left one is wide.
    names = [title for pair in pairs for title in (pair, "")]
    figure, axes = style.panels(names, columns=2, height_in=2.5)
    for index, pair in enumerate(pairs):
        trials = [t for t in run.seed_runs(pair, TUNED) if t.epochs]
        for quantity, axis in zip(("loss", "accuracy"), axes[2 * index : 2 * index + 2], strict=True):
            _mean_and_seeds(axis, trials, f"train_{quantity}", colour=style.BLUE, dashes="-")
            _mean_and_seeds(axis, trials, f"val_{quantity}", colour=style.VERMILLION, dashes="--")
            axis.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
            axis.set_ylabel(quantity)
    for axis in axes[-2:]:
        axis.set_xlabel("epoch")
    handles = [
        Line2D([], [], color=style.BLUE, label="train"),
        Line2D([], [], color=style.VERMILLION, linestyle="--", label="val"),
        Line2D([], [], color=style.GREY, linewidth=0.9, label="single seeds"),
    ]
    style.legend(figure, handles)
    return figure


def roc_and_pr_curves(run: Run, analysis: Analysis) -> Figure:
    """ROC and precision-recall curves on test with their bands, a row an architecture; grey are the others."""
    found = {pair: curves(p.targets, p.probabilities, p.groups, seed=RESAMPLING_SEED) for pair, p in run.tested.items()}
    names = [title for pair in found for title in (pair, "")]
    figure, axes = style.panels(names, columns=2, height_in=2.75)
    for row, pair in enumerate(found):
        roc, precision_recall = sides = axes[2 * row : 2 * row + 2]
        for axis, own, *others in zip(sides, found[pair], *(found[p] for p in found if p != pair), strict=True):
            _band(axis, own, others, colour=style.colour(run.pairs.index(pair)))
        areas = analysis.values(pair, TUNED, TEST)
        roc.plot([0, 1], [0, 1], **_CHANCE)
        roc.text(0.98, 0.04, f"area {fraction(areas['roc_auc'].mean)}", ha="right")
        roc.set_ylabel("true positive rate")
        precision_recall.axhline(prevalence(run.tested[pair]), **_CHANCE)
        precision_recall.text(0.02, 0.04, f"area {fraction(areas['average_precision'].mean)}")
        precision_recall.set_ylabel("precision")
    axes[-2].set_xlabel("false positive rate")
    axes[-1].set_xlabel("recall")
    handles = [
        Line2D([], [], color=style.BLACK, label="this architecture"),
        Patch(color=style.BLACK, alpha=0.25, label="95 % band"),
        Line2D([], [], color=style.GREY, linewidth=1.1, label="the others"),
        Line2D([], [], **_CHANCE, label="chance"),
    ]
    style.legend(figure, handles)
    return figure


def prevalence(predictions: Predictions) -> float:
    """The precision of answers at random: the share of the positive class, or the mean share of the classes."""
    num_classes = predictions.probabilities.shape[-1]
    shares = np.bincount(predictions.targets, minlength=num_classes) / len(predictions.targets)
    return float(shares[1] if num_classes == 2 else shares[shares > 0].mean())


def ensemble_confusion(predictions: Predictions) -> npt.NDArray[np.int64]:
    """Counts, int (C, C), of the seed ensemble's decisions: rows are true classes."""
    ensemble = predictions.ensemble[0]
    return confusion(predictions.targets, decide(ensemble), ensemble.shape[1])


def confusions(run: Run) -> Figure:
    """Confusion matrices on test: counts and percent of the true class, one panel an architecture."""
    pairs = list(run.tested)
    columns = 2 if len(pairs) > 1 and len(run.classes) <= 3 else 1
    # Many panels are drawn lower, as far as two lines a cell allow.
    single = 1.6 + 0.75 * len(run.classes) if len(pairs) <= 2 else 1.0 + 0.6 * len(run.classes)
    height_in = 3.1 if columns == 2 else single
    figure, axes = style.panels(pairs, columns=columns, height_in=height_in)
    labels = [textwrap.fill(name.replace("_", " "), 12) for name in run.classes]
    for position, (pair, axis) in enumerate(zip(pairs, axes, strict=True)):
        _matrix(axis, ensemble_confusion(run.tested[pair]), labels)
        if position % columns == 0:
            axis.set_ylabel("true class")
        else:
            axis.set_yticklabels([])
    figure.supxlabel("answer of the seed ensemble", fontsize=13)
    return figure


def reliability_curves(found: Mapping[str, Calibration]) -> Figure:
    """Share that came true on test against the probability, as trained and mended; one panel an architecture."""
    columns = min(2, len(found))
    figure, axes = style.panels(list(found), columns=columns, height_in=3.3 if columns == 2 else 5.0)
    for each, axis in zip(found.values(), axes, strict=True):
        axis.plot([0, 1], [0, 1], color=style.GREY, linewidth=1.2)
        # Both stand at nearly the same places: broad and pale behind narrow and dark, both are seen.
        _points(axis, each, TEMPERED, colour=style.BLUE, face=style.BLUE, marker="o", dashes="-", bar_pt=8, alpha=0.3)
        _points(axis, each, AS_TRAINED, colour=style.VERMILLION, face="white", marker="s", dashes="--", bar_pt=2)
        axis.set_aspect("equal")
        axis.set(xlim=(0, 1), ylim=(0, 1), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    for axis in axes[-columns:]:
        axis.set_xlabel("probability")
    for axis in axes[::columns]:
        axis.set_ylabel("share that came true")
    weighted = any(UNWEIGHTED in each.stages for each in found.values())
    after = f"{UNWEIGHTED}, {TEMPERED}" if weighted else "with temperature"
    handles = [
        Line2D([], [], color=style.VERMILLION, linestyle="--", marker="s", mfc="white", markersize=8, label=AS_TRAINED),
        Line2D([], [], color=style.BLUE, marker="o", markersize=8, label=after),
    ]
    style.legend(figure, handles)
    return figure


def _band(axis: Axes, own: Band, others: Sequence[Band], *, colour: str) -> None:
    axis.fill_between(GRID, own.low, own.high, color=colour, alpha=0.25, linewidth=0)
    for other in others:
        axis.plot(GRID, other.mean, color=style.GREY, linewidth=1.1)
    axis.plot(GRID, own.mean, color=colour, zorder=3)
    axis.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])


def _mean_and_seeds(axis: Axes, trials: Sequence[Trial], name: str, *, colour: str, dashes: str) -> None:
    longest = max(len(trial.epochs) for trial in trials)
    values = np.full((len(trials), longest), np.nan)
    for row, trial in enumerate(trials):
        values[row, : len(trial.epochs)] = [float(epoch[name]) for epoch in trial.epochs]
    epochs = np.arange(1, longest + 1)
    for line in values:
        axis.plot(epochs, line, color=colour, linewidth=0.9, alpha=0.45)
    # Seeds may end at different epochs; a mean over the survivors alone would jump there.
    shared = min(len(trial.epochs) for trial in trials)
    axis.plot(epochs[:shared], values[:, :shared].mean(axis=0), color=colour, linestyle=dashes)


def _points(
    axis: Axes,
    found: Calibration,
    stage: str,
    *,
    colour: str,
    face: str,
    marker: str,
    dashes: str,
    bar_pt: float,
    alpha: float = 1.0,
) -> None:
    """A mark a bin, whose area grows with the number of images, with its interval; all joined by a line."""
    bins = found.reliability(stage)
    confidences = [one.confidence for one in bins]
    shares, low, high = np.array([one.right for one in bins]).T
    areas = [16 + 160 * one.num_images / len(found.targets) for one in bins]
    axis.vlines(confidences, low, high, color=colour, linewidth=bar_pt, alpha=alpha)
    axis.plot(confidences, shares, color=colour, linestyle=dashes, linewidth=1.6)
    axis.scatter(
        confidences,
        shares,
        areas,
        facecolor=face,
        marker=marker,
        edgecolor=colour,
        linewidth=1.8,
        zorder=3,
        clip_on=False,
    )


def _matrix(axis: Axes, counts: npt.NDArray[np.int64], labels: Sequence[str]) -> None:
    totals = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shares = counts / totals
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(*counts.shape):
        axis.text(
            column,
            row,
            f"{counts[row, column]}\n{100 * shares[row, column]:.0f} %",
            ha="center",
            va="center",
            color="white" if shares[row, column] > 0.55 else "black",
        )
    axis.set_xticks(range(len(labels)), labels)
    axis.set_yticks(range(len(labels)), labels)
    axis.tick_params(length=0)
    axis.grid(visible=False)
    for spine in axis.spines.values():
        spine.set_visible(False)
