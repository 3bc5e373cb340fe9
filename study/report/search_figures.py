"""Figures of the search: learning curves, the learning rate against the score, the expected best of more trials."""

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from study.records import COMPLETE, FAILED, STOPPED, Trial
from study.report import style
from study.report.bookkeeping import growth
from study.report.load import Run
from study.report.naming import starting_recipe

_LEAST_SPAN = 0.02


def learning_curves(run: Run) -> Figure:
    """Val ROC-AUC over the epochs of every searched trial, one panel an architecture."""
    figure, axes = style.panels(run.pairs, columns=1, height_in=2.6)
    for pair, axis in zip(run.pairs, axes, strict=True):
        finalist = run.state.finalist(pair)
        for trial in run.search(pair):
            _curve(axis, trial, is_finalist=finalist is not None and trial.id == finalist.id)
        if not axis.lines:
            axis.text(0.5, 0.5, "no epoch was completed", ha="center", transform=axis.transAxes)
            axis.set_yticks([])
        axis.set_ylabel("val ROC-AUC")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set_xlim(0.7, run.manifest["budget"]["epochs"] + 0.3)
    axes[-1].set_xlabel("epoch")
    handles = [
        Line2D([], [], color=style.VERMILLION, linewidth=3.2, marker="o", label="finalist"),
        Line2D([], [], color=style.BLACK, linestyle="--", label=starting_recipe(run, run.pairs)),
        Line2D([], [], color=style.BLUE, linewidth=1.4, label="trained to its end"),
        Line2D([], [], color=style.GREY, linewidth=1.4, linestyle=":", marker="x", label="stopped early"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def learning_rates(run: Run) -> Figure:
    """Best val ROC-AUC of each searched trial against its learning rate, all architectures in one panel."""
    figure = style.new_figure(height_in=4.4)
    axis = figure.subplots()
    for index, pair in enumerate(run.pairs):
        colour, marker = style.colour(index), style.marker(index)
        finalist = run.state.finalist(pair)
        for trial in run.search(pair):
            if math.isnan(trial.best_score):
                continue
            is_best = finalist is not None and trial.id == finalist.id
            axis.plot(
                trial.recipe["lr"],
                trial.best_score,
                marker=marker,
                color=colour,
                markersize=14 if is_best else 8,
                markerfacecolor=colour if trial.state == COMPLETE else "none",
                markeredgecolor=style.BLACK if is_best else colour,
                markeredgewidth=1.8,
                alpha=0.85,
                linestyle="",
            )
        axis.plot([], [], marker=marker, color=colour, markersize=9, linestyle="", label=pair)
    axis.set_xscale("log")
    axis.set_xlabel("learning rate")
    axis.set_ylabel("best val ROC-AUC")
    figure.legend(loc="outside lower center", ncols=min(3, len(run.pairs)))
    return figure


def expected_best_lines(run: Run) -> Figure:
    """The expected best val ROC-AUC against the number of trials, a line an architecture."""
    figure = style.new_figure(height_in=4.2)
    axis = figure.subplots()
    for index, pair in enumerate(run.pairs):
        grown = growth(run, pair)
        if grown is None:
            continue
        colour = style.colour(index)
        axis.plot(grown.trials, grown.best, color=colour, linestyle=style.dashes(index), label=pair)
        axis.plot(grown.trials[0], grown.best[0], marker=style.marker(index), color=colour, markersize=9)
    axis.set_xlim(0.5, run.manifest["budget"]["trials"] + 0.5)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.ticklabel_format(axis="y", useOffset=False)
    low, high = axis.get_ylim()
    # A gain that nobody would see in the numbers must look flat.
    margin = max(0.0, _LEAST_SPAN - (high - low)) / 2
    axis.set_ylim(low - margin, max(high, min(1.0, high + margin)))
    axis.set_xlabel("trials")
    axis.set_ylabel("expected best val ROC-AUC")
    figure.legend(loc="outside lower center", ncols=min(3, len(run.pairs)))
    return figure


def _curve(axis: Axes, trial: Trial, *, is_finalist: bool) -> None:
    points = [(e["epoch"], e["val_roc_auc"]) for e in trial.epochs if math.isfinite(e["val_roc_auc"])]
    if not points:
        return
    epochs, values = zip(*points, strict=True)
    if is_finalist:
        axis.plot(epochs, values, color=style.VERMILLION, linewidth=3.2, zorder=5, solid_capstyle="round")
        best = max(range(len(values)), key=lambda position: values[position])
        axis.plot(epochs[best], values[best], "o", color=style.VERMILLION, markersize=9, zorder=8)
    if trial.number == 0:
        axis.plot(epochs, values, color=style.BLACK, linestyle="--", zorder=7)
    elif not is_finalist:
        ended = trial.state in (STOPPED, FAILED)
        colour = style.GREY if ended else style.BLUE
        axis.plot(epochs, values, color=colour, linewidth=1.4, linestyle=":" if ended else "-", alpha=0.8)
        if ended:
            axis.plot(epochs[-1], values[-1], "x", color=colour, markersize=7, markeredgewidth=1.8)
