"""Figures of what the searched hyperparameters went with: all of a trial at once, and each alone."""

import math
from collections.abc import Collection, Mapping

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from study.records import COMPLETE, Trial
from study.report.core import style
from study.report.core.search_space import Explored, explored
from study.report.core.study_run import Run
from study.report.search.accounting import final_score, first_rung, score_at

# How far trials with the same choice are drawn apart, in parts of a hyperparameter's axis.
_APART = 0.08
# So many colours, at most, are easily told apart.
_LEVELS = 6


def parallel_coordinates(run: Run) -> Figure:
    """Each searched trial as a line through its hyperparameters, coloured by its best val score; a panel a pair."""
    columns = min(2, len(run.pairs))
    # A row of panels has the axes that any of its pairs explores.
    rows = [_explored_by(run, run.pairs[start : start + columns]) for start in range(0, len(run.pairs), columns)]
    heights_in = [0.5 + 0.5 * len(spaces) for spaces in rows]
    figure, axes = style.panels(run.pairs, columns=columns, height_in=heights_in, beneath_in=1.6)
    scores = [score for pair in run.pairs for t in run.search(pair) if math.isfinite(score := final_score(t))]
    levels = MaxNLocator(_LEVELS).tick_values(min(scores), max(scores))
    colours = ScalarMappable(BoundaryNorm(levels, 256), matplotlib.colormaps["cividis_r"])
    for index, (pair, axis) in enumerate(zip(run.pairs, axes, strict=True)):
        spaces = rows[index // columns]
        _rows(axis, spaces, run.manifest.space.get(pair, {}), named=index % columns == 0)
        finalist = run.state.finalist(pair)
        # The best are drawn last, over the others.
        for trial in sorted(
            (t for t in run.search(pair) if math.isfinite(final_score(t))),
            key=lambda t: run.objective.merit(final_score(t)),
        ):
            is_finalist = finalist is not None and trial.id == finalist.id
            (colour,) = colours.to_rgba(np.array([final_score(trial)]))
            _line(axis, run, trial, spaces, colour=tuple(colour), is_finalist=is_finalist)
    figure.colorbar(colours, ax=axes, location="bottom", aspect=40, label=f"best val {run.objective.words}")
    style.legend(
        figure,
        [
            Line2D([], [], color=style.VERMILLION, linewidth=3.2, marker="o", label="finalist"),
            Line2D([], [], color=tuple(colours.to_rgba(np.array([levels[-1]]))[0]), label="trained to its end"),
            Line2D([], [], color=style.GREY, linewidth=1.1, label="stopped early"),
        ],
    )
    return figure


def hyperparameters(run: Run) -> Figure:
    """The objective on val at the first rung, where all trials are equally far, against each hyperparameter alone."""
    spaces = explored(run)
    figure, axes = style.panels(list(spaces), columns=2, height_in=1.85, beneath_in=0.6)
    for panel, (name, space, axis) in enumerate(zip(spaces, spaces.values(), axes, strict=True)):
        for index, pair in enumerate(run.pairs):
            if name in run.manifest.space.get(pair, {}):
                _marks(axis, run, index, name, space)
        axis.set_xticks(list(space.ticks), list(space.ticks.values()))
        axis.set_xlim(-0.15, 1.15)
        # Room for the best and the worst, whose marks would be cut off at the edge.
        axis.margins(y=0.14)
        if panel % 2 == 0:
            axis.set_ylabel(f"val {run.objective.words}")
    handles = [
        Line2D([], [], color=style.colour(index), marker=style.marker(index), markersize=9, linestyle="", label=pair)
        for index, pair in enumerate(run.pairs)
    ]
    style.legend(figure, handles)
    return figure


def _explored_by(run: Run, pairs: Collection[str]) -> dict[str, Explored]:
    return {
        name: space
        for name, space in explored(run).items()
        if any(name in run.manifest.space.get(pair, {}) for pair in pairs)
    }


def _rows(axis: Axes, spaces: Mapping[str, Explored], own: Collection[str], *, named: bool) -> None:
    """A horizontal axis for each of a pair's own hyperparameters; before all, if wanted, name and values."""
    for row, (name, space) in enumerate(spaces.items()):
        if name in own:
            axis.plot([0, 1], [row, row], color=style.LIGHT, linewidth=1.4, zorder=0)
            axis.plot(list(space.ticks), [row] * len(space.ticks), "|", color=style.GREY, markersize=8, zorder=0)
    axis.set_yticks([])
    if named:
        rows = np.arange(len(spaces))
        words = [space.words for space in spaces.values()]
        axis.set_yticks([*(rows - 0.19), *(rows + 0.21)], [*spaces, *words])
        for written in axis.get_yticklabels()[: len(spaces)]:
            written.set_fontweight("bold")
    axis.set(xlim=(-0.12, 1.12), ylim=(len(spaces) - 0.5, -0.5), xticks=[])
    axis.grid(visible=False)
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)


def _line(
    axis: Axes,
    run: Run,
    trial: Trial,
    spaces: Mapping[str, Explored],
    *,
    colour: tuple[float, ...],
    is_finalist: bool,
) -> None:
    """A trial through those axes that its pair explores."""
    rows = [row for row, name in enumerate(spaces) if name in run.manifest.space.get(trial.pair, {})]
    names = list(spaces)
    # Choices are drawn apart, so that trials with the same one don't hide each other.
    shift = _APART * (trial.number / max(1, len(run.search(trial.pair)) - 1) - 0.5)
    places = [
        spaces[names[row]].position(getattr(trial.recipe, names[row])) + (shift if spaces[names[row]].values else 0.0)
        for row in rows
    ]
    if is_finalist:
        axis.plot(places, rows, color=style.VERMILLION, linewidth=3.2, marker="o", zorder=5)
    elif trial.state == COMPLETE:
        axis.plot(places, rows, color=colour)
    else:
        axis.plot(places, rows, color=colour, linewidth=1.1, alpha=0.7)


def _marks(axis: Axes, run: Run, index: int, name: str, space: Explored) -> None:
    """The trials of the pair at this position; the finalist larger, with a black edge."""
    pair = run.pairs[index]
    finalist, rung = run.state.finalist(pair), first_rung(run, pair)
    trials = run.search(pair)
    shift = 0.2 * (index - (len(run.pairs) - 1) / 2) / len(run.pairs) if space.values else 0.0
    for is_finalist in (False, True):
        chosen = [t for t in trials if (finalist is not None and t.id == finalist.id) == is_finalist]
        axis.plot(
            np.array([space.position(getattr(t.recipe, name)) for t in chosen]) + shift,
            [score_at(t, rung) for t in chosen],
            color=style.colour(index),
            marker=style.marker(index),
            markersize=12 if is_finalist else 7,
            markeredgecolor=style.BLACK if is_finalist else style.colour(index),
            markeredgewidth=1.8 if is_finalist else 0.8,
            alpha=1.0 if is_finalist else 0.7,
            linestyle="",
            zorder=3 if is_finalist else 2,
        )
