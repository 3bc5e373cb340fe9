"""A part of a report, and what it is drawn from. A new part is one file, see `study.report.sections`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from study.errors import DeclarationError
from study.records import RunFolder
from study.report.core.analysis import Analysis, analyse
from study.report.core.figure import Drawing
from study.report.core.markdown import image, join
from study.report.core.study_run import Run, siblings


@dataclass(frozen=True)
class Context:
    """What the sections of a report are drawn from. All but the run is computed once, when first asked for.

    Attributes:
        run: the records of the study.
        sections: name -> section, all those of the page in its order.
        folder: where the run lies; None to look for no other runs beside it.
    """

    run: Run
    sections: Mapping[str, "Section"] = field(default_factory=dict)
    folder: RunFolder | None = None

    @cached_property
    def analysis(self) -> Analysis:
        """Scores, intervals and differences of the seed runs."""
        return analyse(self.run)

    @cached_property
    def siblings(self) -> Mapping[str, Run]:
        """Grouping -> the finished run of the same study on the same images under it."""
        return siblings(self.folder, self.run) if self.folder else {}

    @cached_property
    def figures(self) -> Mapping[str, Drawing]:
        """Name -> figure, those of all sections.

        Raises:
            DeclarationError: two sections have a figure of the same name.
        """
        found: dict[str, Drawing] = {}
        for name, section in self.sections.items():
            own = section.figures(self)
            if taken := sorted(found.keys() & own.keys()):
                raise DeclarationError(
                    f"Each figure of a report needs a name of its own, but another section than {name} has one called "
                    f"{taken[0]!r} already. Rename it in the section {name}."
                )
            found |= own
        return found

    def figure(self, name: str) -> str:
        """Markdown of a figure between what to see in it and how it was drawn; "" if there is none (yet)."""
        if name not in self.figures:
            return ""
        drawing = self.figures[name]
        return join([drawing.sees, image(f"{self.run.name}/{name}.png", drawing.alt), drawing.how])


def _no_figures(context: Context) -> Mapping[str, Drawing]:
    del context
    return {}


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of a report. It knows no other part, and works for every run: unfinished ones, and those that failed.

    Attributes:
        title: its heading, which no other section has; "" for the first screen, which stands beneath the report's.
        render: gives what stands beneath the heading, in markdown; "" leaves the section out. `Context.figure` shows
            a figure.
        figures: gives name -> figure, as far as the records hold enough for it; the name is that of its file. Each
            must be shown by `render`.
    """

    title: str
    render: Callable[[Context], str]
    figures: Callable[[Context], Mapping[str, Drawing]] = _no_figures

    def markdown(self, context: Context) -> str:
        """The section with its heading; "" where it has nothing to say."""
        text = self.render(context)
        return join([f"## {self.title}", text]) if self.title and text else text
