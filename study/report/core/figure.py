"""A figure of a report: what to see in it, in words for those who can't, and how it is drawn."""

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure

from study.report.core import style


@dataclass(frozen=True)
class Drawing:
    """One figure.

    Attributes:
        sees: one sentence that says what to see in it.
        alt: what it shows, in words.
        draw: makes it; called within our style.
        how: how it was drawn, in sentences; "" where it needs no explanation.
        num_colours: of its palette.
    """

    sees: str
    alt: str
    draw: Callable[[], Figure]
    how: str = ""
    num_colours: int = style.FEW_COLOURS

    def png(self) -> bytes:
        """The figure as a file."""
        return style.png(self.draw, num_colours=self.num_colours)
