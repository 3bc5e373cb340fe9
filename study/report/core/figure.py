"""A figure of a report: what to see in it, in words for those who can't, and how it is drawn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from matplotlib.figure import Figure

from study.report.core import style
from study.report.core.markdown import image, join
from study.report.core.study_run import Run


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


Drawings = Mapping[str, Drawing]


def figure(run: Run, drawings: Drawings, name: str) -> str:
    """A figure between what to see in it and how it was drawn; "" if there is no such figure (yet)."""
    if name not in drawings:
        return ""
    drawing = drawings[name]
    return join([drawing.sees, image(f"{run.name}/{name}.png", drawing.alt), drawing.how])
