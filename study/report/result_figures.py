"""Figures of the seed runs: scores with intervals, training curves, ROC curves and confusion matrices."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from study.evaluation.metrics import confusion, decide, tie_ends
from study.evaluation.wording import fraction
from study.records import DOCUMENT, TEST, TUNED, Predictions, Trial
from study.report import style
from study.report.analysis import Analysis
from study.report.calibration import AS_TRAINED, TEMPERED, UNWEIGHTED, Calibration
from study.report.load import Run
from study.report.naming import label, starting_recipe

_FALSE_POSITIVE_RATES = np.linspace(0, 1, 401)


def score_intervals(run: Run, analysis: Analysis) -> Figure:
    """Test ROC-AUC with its interval: the tuned recipe (filled) and the one it started from (hollow)."""
    pairs = [pair for pair in run.pairs if (pair, TUNED, TEST) in run.predictions]
    figure = style.new_figure(height_in=1.6 + 0.75 * len(pairs))
    axis = figure.subplots()
    for row, pair in enumerate(pairs):
        colour = style.colour(run.pairs.index(pair))
        for recipe, offset in ((TUNED, -0.13), (DOCUMENT, 0.17)):
            if recipe == DOCUMENT and pair in run.unchanged:
                continue
            if values := analysis.values(pair, recipe, TEST):
                score, y = values["roc_auc"], row + offset
                axis.plot([score.low, score.high], [y, y], color=colour, linewidth=3)
                face = colour if recipe == TUNED else "white"
                axis.plot(score.mean, y, "o", color=colour, markersize=10, markerfacecolor=face)
    axis.set_yticks(range(len(pairs)), [label(run, pair).replace(" ", "\n", 1) for pair in pairs])
    axis.set_ylim(len(pairs) - 0.5, -0.5)
    axis.grid(visible=False, axis="y")
    axis.set_xlabel("test ROC-AUC, 95 % interval")
    handles = [
        Line2D([], [], color=style.GREY, marker="o", markersize=10, label="tuned"),
        Line2D([], [], color=style.GREY, marker="o", markersize=10, mfc="white", label=starting_recipe(run, pairs)),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
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
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def roc_curves(run: Run, analysis: Analysis) -> Figure:
    """Test ROC curves of the tuned recipes: mean over the seeds (and over one-vs-rest, if multi-class)."""
    # The axes are square, so each line of the legend needs height of its own.
    figure = style.new_figure(height_in=6.0 + 0.25 * (len(run.pairs) // 2 + 1))
    axis = figure.subplots()
    for index, pair in enumerate(run.pairs):
        if (pair, TUNED, TEST) not in run.predictions:
            continue
        rates = mean_roc(run.predictions[pair, TUNED, TEST])
        area = analysis.values(pair, TUNED, TEST)["roc_auc"].mean
        axis.plot(
            np.append(0, _FALSE_POSITIVE_RATES),
            np.append(0, rates),
            color=style.colour(index),
            linestyle=style.dashes(index),
            label=f"{pair} ({fraction(area)})",
        )
    axis.plot([0, 1], [0, 1], color=style.LIGHT, linewidth=1.4, label="chance (0.500)")
    axis.set_aspect("equal")
    axis.set_xlim(-0.01, 1.01)
    axis.set_ylim(-0.01, 1.01)
    axis.set_xlabel("false positive rate")
    axis.set_ylabel("true positive rate")
    # Long enough for each pattern of dashes to be seen once.
    figure.legend(loc="outside lower center", ncols=2, handlelength=3)
    return figure


def mean_roc(predictions: Predictions) -> npt.NDArray[np.float64]:
    """True positive rate at each of 401 even false positive rates; the area under it is the mean ROC-AUC."""
    num_classes = predictions.probabilities.shape[-1]
    curves = []
    for probabilities in predictions.probabilities:
        for index in [1] if num_classes == 2 else range(num_classes):
            positive = predictions.targets == index
            if positive.any() and not positive.all() and np.isfinite(probabilities).all():
                curves.append(_true_positive_rates(positive, probabilities[:, index]))
    mean = np.mean(curves, axis=0) if curves else np.full_like(_FALSE_POSITIVE_RATES, np.nan)
    return np.asarray(mean, dtype=np.float64)


def ensemble_confusion(predictions: Predictions) -> npt.NDArray[np.int64]:
    """Counts, int (C, C), of the seed ensemble's decisions: rows are true classes."""
    ensemble = predictions.ensemble[0]
    return confusion(predictions.targets, decide(ensemble), ensemble.shape[1])


def confusions(run: Run) -> Figure:
    """Confusion matrices on test: counts and percent of the true class, one panel an architecture."""
    pairs = [pair for pair in run.pairs if (pair, TUNED, TEST) in run.predictions]
    columns = 2 if len(pairs) > 1 and len(run.classes) <= 3 else 1
    # Many panels are drawn lower, as far as two lines a cell allow.
    single = 1.6 + 0.75 * len(run.classes) if len(pairs) <= 2 else 1.0 + 0.6 * len(run.classes)
    height_in = 3.1 if columns == 2 else single
    figure, axes = style.panels(pairs, columns=columns, height_in=height_in)
    labels = [textwrap.fill(name.replace("_", " "), 12) for name in run.classes]
    for position, (pair, axis) in enumerate(zip(pairs, axes, strict=True)):
        _matrix(axis, ensemble_confusion(run.predictions[pair, TUNED, TEST]), labels)
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
    # Long enough for the dashes to be seen.
    figure.legend(handles=handles, loc="outside lower center", ncols=2, handlelength=3)
    return figure


def _true_positive_rates(positive: npt.NDArray[np.bool_], values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    order = np.argsort(-values, kind="stable")
    ends = tie_ends(values[order])
    found = np.cumsum(positive[order])[ends]
    wrong = ends + 1 - found
    false_rates, true_rates = (np.append(0, counts) / counts[-1] for counts in (wrong, found))
    return np.asarray(np.interp(_FALSE_POSITIVE_RATES, false_rates, true_rates), dtype=np.float64)


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
