"""Figures of single images: those that go wrong, and where networks find what speaks for their answers."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from PIL import Image

from study.records import Explanation, ImageMap, Pixels
from study.report.core import style
from study.selection import RANDOM, RIGHT, WRONG, Example
from study.wording import fraction

KINDS = (RIGHT, WRONG, RANDOM)
NUM_OF_A_KIND = 2
_COLUMNS = 5
_GAP = 0.1
_SIDE_PX = 128
# From black by way of red to pale yellow; lightness says the same as hue does.
_HEAT = "inferno"


def examples_sheet(found: Sequence[Example], classes: Sequence[str], thumbnails: Mapping[str, Pixels]) -> Figure:
    """The images in the order of their list; beneath each its class, an arrow, the answer and its probability.

    Args:
        found: at least one.
        classes: names.
        thumbnails: path -> image.
    """
    num_rows = -(-len(found) // _COLUMNS)
    figure = style.new_figure(height_in=2.1 * num_rows)
    axes = list(figure.subplots(num_rows, _COLUMNS, squeeze=False).flat)
    for number, (example, axis) in enumerate(zip(found, axes, strict=False), start=1):
        _show(axis, thumbnails[example.path])
        axis.set_title(str(number), fontsize=11, pad=3)
        answer = f"\N{RIGHTWARDS ARROW} {classes[example.answer]}"
        _caption(axis, [classes[example.target], answer, fraction(example.of_answer)], width=16, size_pt=10.5)
    for unused in axes[len(found) :]:
        unused.set_visible(False)
    return figure


def maps_figure(
    networks: Mapping[str, Explanation], classes: Sequence[str], thumbnails: Mapping[str, Pixels]
) -> Figure:
    """Images above, their maps beneath, for each architecture; columns by why the images were chosen."""
    figure = style.new_figure(height_in=3.05 * len(networks))
    for part, (pair, explanation) in zip(_parts(figure, len(networks)), networks.items(), strict=True):
        part.suptitle(pair, x=0.01, ha="left", fontweight="bold", fontsize=13)
        # Between two kinds stands an empty column.
        widths = [1.0, 1.0, _GAP, 1.0, 1.0, _GAP, 1.0, 1.0]
        rows = part.subplots(2, len(widths), squeeze=False, width_ratios=widths)
        for axis in rows.flat:
            axis.set_visible(False)
        for position, kind in enumerate(KINDS):
            column = position * (NUM_OF_A_KIND + 1)
            rows[0, column].set_title(kind, fontsize=12, fontweight="normal", pad=3)
            shown = [each for each in explanation.maps if each.chosen_as == kind][:NUM_OF_A_KIND]
            for offset, each in enumerate(shown):
                above, beneath = rows[:, column + offset]
                _show(above, thumbnails[each.path])
                _caption(above, [classes[each.target]], width=12, size_pt=10)
                _overlay(beneath, thumbnails[each.path], each)
                _caption(beneath, [f"{classes[each.answer]} {each.probability:.2f}"], width=12, size_pt=10)
    return figure


def _parts(figure: Figure, number: int) -> list[SubFigure]:
    return list(figure.subfigures(number, 1, squeeze=False).flat)


def _overlay(axis: Axes, thumbnail: Pixels, found: ImageMap) -> None:
    """The map in colours over the image in grey."""
    image = _large(thumbnail)
    if found.heat is None:
        _show(axis, np.asarray(image.convert("L").convert("RGB")))
        axis.text(0.5, 0.5, "no map", transform=axis.transAxes, ha="center", color="white", backgroundcolor="black")
    else:
        _show(axis, overlaid(image, np.asarray(_large(found.heat)) / 255))


def overlaid(image: Image.Image, heat: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """A map in colours over an image in grey: float (H, W, 3) in [0, 1] from an (H, W) map in [0, 1]."""
    grey = np.asarray(image.convert("L").convert("RGB")) / 255
    return np.asarray((grey + matplotlib.colormaps[_HEAT](heat)[..., :3]) / 2)


def _large(pixels: Pixels) -> Image.Image:
    return Image.fromarray(pixels).resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BICUBIC)


def _show(axis: Axes, pixels: npt.NDArray[np.number]) -> None:
    axis.set_visible(True)
    axis.imshow(pixels, interpolation="bilinear")
    axis.set(xticks=[], yticks=[])
    axis.grid(visible=False)
    for spine in axis.spines.values():
        spine.set_visible(False)


def _caption(axis: Axes, lines: Sequence[str], *, width: int, size_pt: float) -> None:
    """Lines beneath an image, each broken after so many letters."""
    text = "\n".join(textwrap.fill(line.replace("_", " "), width) for line in lines)
    axis.set_xlabel(text, fontsize=size_pt, labelpad=2)
