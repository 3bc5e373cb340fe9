"""The look of all figures: one palette that colour-blind readers can tell apart, large letters, one size.

The palette is Okabe and Ito's (2008) with a brown. Under simulated protanopia, deuteranopia and tritanopia (Machado et
al. 2009) any two of its colours are at least 10.9 CIEDE2000 apart, and shapes and dashes say the same as colours do.
Figures are 6 inches wide with letters of 13 points or more: on a phone, 360 pixels or 3.75 inches wide, these are 8.
Nothing global is changed: styles hold inside `styled` only.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK = "#E69F00", "#56B4E9", "#000000"
DARK, GREY, LIGHT = "#555555", "#8C8C8C", "#C9C9C9"

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

LETTERS_PT = 13.0
WIDTH_IN = 6.0
DPI = 120
# Lines and flat areas need few colours, pictures all that a palette can have.
FEW_COLOURS, MANY_COLOURS = 128, 256

# What a letter of a legend takes on average, and what stands beside each label.
_LETTER_IN, _HANDLE_IN = 0.11, 1.0

_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": LETTERS_PT,
    "axes.titlesize": 14.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": LETTERS_PT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "legend.fontsize": LETTERS_PT,
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
    return Figure(figsize=(WIDTH_IN, height_in), dpi=DPI, layout="constrained")


def panels(
    names: Sequence[str], *, columns: int, height_in: float | Sequence[float], beneath_in: float = 0.0
) -> tuple[Figure, list[Axes]]:
    """One panel a name, row by row, each with its name as its title; beneath them, room for what belongs to all.

    Args:
        names: of the panels.
        columns: at least 1.
        height_in: of each row, or of all.
        beneath_in: height of the room beneath.
    """
    num_rows = -(-len(names) // columns)
    heights_in = [height_in] * num_rows if isinstance(height_in, int | float) else height_in
    figure = new_figure(height_in=sum(heights_in) + beneath_in)
    grid = figure.subplots(num_rows, columns, squeeze=False, height_ratios=heights_in)
    axes: list[Axes] = list(grid.flat)
    for unused in axes[len(names) :]:
        unused.set_visible(False)
    for name, axis in zip(names, axes, strict=False):
        axis.set_title(name)
    return figure, axes[: len(names)]


def legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """A legend beneath a figure, in as many columns as its labels let stand side by side."""
    lengths = [len(str(handle.get_label())) for handle in handles]
    wide = range(len(handles), 1, -1)
    columns = next((n for n in wide if sum(map(_column_in, np.array_split(lengths, n))) <= WIDTH_IN), 1)
    # Long enough for each pattern of dashes to be seen once.
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, handlelength=3)


def _column_in(lengths: npt.NDArray[np.int64]) -> float:
    """The width of a legend's column of labels with so many letters."""
    return _HANDLE_IN + _LETTER_IN * float(lengths.max())


def png(draw: Callable[[], Figure], *, num_colours: int = FEW_COLOURS) -> bytes:
    """The PNG of a figure; the same bytes each time, since no date and no program version is written."""
    with styled():
        # `savefig` would lay everything out in a drawing of its own, and write a PNG that is then read again.
        canvas = FigureCanvasAgg(draw())
        canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    # The palette makes the file three times smaller.
    small = io.BytesIO()
    picture.quantize(num_colours, method=Image.Quantize.MEDIANCUT).save(small, format="png", optimize=True)
    return small.getvalue()
