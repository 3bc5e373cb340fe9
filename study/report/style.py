"""The look of all figures: one palette that colour-blind readers can tell apart, large letters, one size.

The palette is Okabe and Ito's (2008). Figures are 6.4 inches wide with 13 point letters, so that they can
still be read when a phone scales them to half of that. Nothing global is changed: styles hold inside `styled`
only.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK = "#E69F00", "#56B4E9", "#000000"
GREY, LIGHT = "#8C8C8C", "#C9C9C9"

# One more than the palette has: dark enough to be told from orange and vermillion without seeing the hue.
BROWN = "#6B3E10"

Dashes = str | tuple[float, tuple[float, ...]]

_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK, BROWN)
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_DASHES: tuple[Dashes, ...] = (
    "-",
    "--",
    "-.",
    ":",
    (0, (6, 1, 1, 1, 1, 1)),
    (0, (7, 2)),
    (0, (2, 1)),
    (0, (6, 2, 3, 2)),
)

WIDTH_IN = 6.4
DPI = 110
# Lines and flat areas need few colours, pictures all that a palette can have.
FEW_COLOURS, MANY_COLOURS = 128, 256

_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 13.0,
    "axes.titlesize": 14.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 13.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "legend.fontsize": 12.0,
    "legend.frameon": False,
    "lines.linewidth": 2.2,
    "figure.facecolor": "white",
    "figure.constrained_layout.h_pad": 0.08,
    "svg.hashsalt": "study",
}


@contextmanager
def styled() -> Iterator[None]:
    """Within this, matplotlib draws in our style, whatever the user's own settings are."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def colour(index: int) -> str:
    """Of the architecture with this position in the study."""
    return _COLOURS[index % len(_COLOURS)]


def marker(index: int) -> str:
    """As `colour`: shape says the same as colour does, for those who can't see the one."""
    return _MARKERS[index % len(_MARKERS)]


def dashes(index: int) -> Dashes:
    """As `colour`, for lines."""
    return _DASHES[index % len(_DASHES)]


def new_figure(*, height_in: float) -> Figure:
    """An empty figure that leaves room for its own labels."""
    figure = Figure(figsize=(WIDTH_IN, height_in), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def panels(names: Sequence[str], *, columns: int, height_in: float) -> tuple[Figure, list[Axes]]:
    """One panel a name, row by row, each with its name as its title."""
    num_rows = -(-len(names) // columns)
    figure = new_figure(height_in=height_in * num_rows)
    grid = figure.subplots(num_rows, columns, squeeze=False)
    axes: list[Axes] = list(grid.flat)
    for unused in axes[len(names) :]:
        unused.set_visible(False)
    for name, axis in zip(names, axes, strict=False):
        axis.set_title(name)
    return figure, axes[: len(names)]


def png(draw: Callable[[], Figure], *, num_colours: int = FEW_COLOURS) -> bytes:
    """The PNG of a figure; the same bytes each time, since no date and no program version is written."""
    with styled():
        target = io.BytesIO()
        draw().savefig(target, format="png", metadata={"Software": None})
    # The palette makes the file three times smaller.
    small = io.BytesIO()
    with Image.open(target) as picture:
        palette = picture.convert("RGB").quantize(num_colours, method=Image.Quantize.MEDIANCUT)
        palette.save(small, format="png", optimize=True)
    return small.getvalue()
