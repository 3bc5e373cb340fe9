"""Figures of the search: learning curves with the rungs, the expected best of more trials."""

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from study.records import FAILED, STOPPED, Trial
from study.report.core import style
from study.report.core.naming import starting_recipe
from study.report.core.study_run import Run
from study.report.search.accounting import growth, survivors

_LEAST_SPAN = 0.02


def learning_curves(run: Run) -> Figure:
    """The objective on val over the epochs of every trial and how many pass each rung, one panel an architecture."""
    figure, axes = style.panels(run.pairs, columns=1, height_in=2.7)
    for pair, axis in zip(run.pairs, axes, strict=True):
        finalist = run.state.finalist(pair)
        for trial in run.search(pair):
            _curve(axis, trial, is_finalist=finalist is not None and trial.id == finalist.id)
        if not axis.lines:
            axis.text(0.5, 0.5, "no epoch was completed", ha="center", transform=axis.transAxes)
            axis.set_yticks([])
        axis.set_ylabel(f"val {run.objective.words}")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        _survivors(axis, run, pair)
    axes[-1].set_xlabel("epoch")
    handles = [
        Line2D([], [], color=style.VERMILLION, linewidth=3.2, marker="o", label="finalist"),
        Line2D([], [], color=style.BLACK, linestyle="--", label=starting_recipe(run, run.pairs)),
        Line2D([], [], color=style.BLUE, linewidth=1.4, label="trained to its end"),
        Line2D([], [], color=style.GREY, linewidth=1.4, linestyle=":", marker="x", label="stopped early"),
    ]
    style.legend(figure, handles)
    return figure


def expected_best_lines(run: Run) -> Figure:
    """The expected best value of the objective on val against the number of trials, a line an architecture."""
    figure = style.new_figure(height_in=4.2)
    axis = figure.subplots()
    for index, pair in enumerate(run.pairs):
        grown = growth(run, pair)
        if grown is None:
            continue
        colour = style.colour(index)
        axis.plot(grown.trials, grown.best, color=colour, linestyle=style.dashes(index), label=pair)
        axis.plot(grown.trials[0], grown.best[0], marker=style.marker(index), color=colour, markersize=9)
    axis.set_xlim(0.5, run.manifest.budget.trials + 0.5)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.ticklabel_format(axis="y", useOffset=False)
    low, high = axis.get_ylim()
    # A gain that nobody would see in the numbers must look flat.
    margin = max(0.0, _LEAST_SPAN - (high - low)) / 2
    axis.set_ylim(low - margin, max(high, min(1.0, high + margin)))
    axis.set_xlabel("trials")
    axis.set_ylabel(f"expected best val {run.objective.words}")
    style.legend(figure, axis.get_legend_handles_labels()[0])
    return figure


def _survivors(axis: Axes, run: Run, pair: str) -> None:
    """Rungs as vertical lines, and in a strip beneath the curves how many trials train from each to the next."""
    rungs, epochs = run.manifest.pairs[pair].rungs, run.manifest.budget.epochs
    borders = [0.5, *rungs, epochs + 0.5]
    low, high = axis.get_ylim()
    axis.set(xlim=(borders[0], borders[-1]), ylim=(low - 0.22 * (high - low), high))
    for rung in rungs:
        axis.axvline(rung, color=style.GREY, linewidth=1.0, linestyle=(0, (2, 2)), zorder=0)
    for number, left, right in zip(survivors(run, pair), borders, borders[1:], strict=False):
        axis.text((left + right) / 2, 0.03, str(number), ha="center", transform=axis.get_xaxis_transform())


def _curve(axis: Axes, trial: Trial, *, is_finalist: bool) -> None:
    scores = zip(trial.epochs, trial.scores, strict=True)
    points = [(epoch["epoch"], score) for epoch, score in scores if math.isfinite(score)]
    if not points:
        return
    epochs, values = zip(*points, strict=True)
    # Marks may stand at the edge, and are drawn whole there.
    if is_finalist:
        axis.plot(epochs, values, color=style.VERMILLION, linewidth=3.2, zorder=5, solid_capstyle="round")
        best = max(range(len(values)), key=lambda position: trial.objective.merit(values[position]))
        axis.plot(epochs[best], values[best], "o", color=style.VERMILLION, markersize=9, zorder=8, clip_on=False)
    if trial.number == 0:
        axis.plot(epochs, values, color=style.BLACK, linestyle="--", zorder=7)
    elif not is_finalist:
        ended = trial.state in (STOPPED, FAILED)
        colour = style.GREY if ended else style.BLUE
        axis.plot(epochs, values, color=colour, linewidth=1.4, linestyle=":" if ended else "-", alpha=0.8)
        if ended:
            axis.plot(epochs[-1], values[-1], "x", color=colour, markersize=7, markeredgewidth=1.8, clip_on=False)
