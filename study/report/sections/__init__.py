"""The sections of a report, one file each: its words and its figures, from what the other rooms compute and draw.

A file that defines `SECTION` (see `study.report.core.section.Section`) is all that a new section takes. It is found
here by its name; a section of one's own comes from another package's entry points, or from a single file with
`python -m study.report NAME --section FILE`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import ParamSpec, TypeVar

from study import registry
from study.errors import DeclarationError, StudyError
from study.parts import SECTION, Part
from study.records import RunFolder
from study.report.core.figure import Drawing
from study.report.core.section import Context, Section
from study.report.core.study_run import load

KIND = registry.Kind(name="section", package=__name__, attribute="SECTION")

_P = ParamSpec("_P")
_T = TypeVar("_T")

_ALL_OTHERS = "*"
# The order of the page.
PAGE = (
    "first_screen",
    "data",
    "search",
    "finalists",
    "curves",
    "pairwise_comparison",
    "calibration",
    "operating_points",
    "per_class",
    "misclassified",
    "saliency",
    _ALL_OTHERS,
    "method",
    "claim_checklist",
    "glossary",
    "run_again",
)


def page_of(folder: RunFolder) -> Context:
    """What the page of a run is drawn from: its records and all sections.

    Raises:
        ResultsError: there are no records of that run, or they are damaged.
        DeclarationError: a section that was added can't be used.
    """
    return Context(load(folder), sections(), folder)


def sections() -> dict[str, Section]:
    """Name -> section, all that there are, in the order of the page.

    Raises:
        DeclarationError: a section that was added can't be used.
    """
    others = [name for name in KIND.names() if name not in PAGE]
    place = PAGE.index(_ALL_OTHERS)
    found: dict[str, Section] = {}
    for name in (*PAGE[:place], *others, *PAGE[place + 1 :]):
        section = _find(name)
        if any(section.title == other.title for other in found.values()):
            raise DeclarationError(
                f"Each section of a report needs a heading of its own, but {section.title!r}, that of the section "
                f"{name}, is another section's already. Give it another title."
            )
        found[name] = section
    return found


def add(path: Path) -> None:
    """Makes a file of one's own a section of every report that this process draws; it has the file's name.

    Raises:
        DeclarationError: the file can't be read, can't be run, defines no section, or has the name of a shipped one.
    """
    part = Part.read(SECTION, path)
    KIND.give(part.name, part.source, str(path))
    _find(path.stem)


def added(names: Collection[str]) -> list[str]:
    """Those of some sections that this project doesn't have itself."""
    shipped = registry.names(KIND.package)
    return [name for name in names if name not in shipped]


def _find(name: str) -> Section:
    section = KIND.find(name)
    if not isinstance(section, Section):
        raise DeclarationError(
            f"{KIND.attribute} must be a study.report.Section, but that of the section {name} is a "
            f"{type(section).__name__}. Mend its file."
        )
    return _watched(name, section) if added([name]) else section


def _watched(name: str, section: Section) -> Section:
    """The same, but whatever goes wrong in it is told as its author's to mend."""

    def figures(context: Context) -> Mapping[str, Drawing]:
        found = _telling(name, section.figures)(context)
        return {key: replace(drawing, draw=_telling(name, drawing.draw)) for key, drawing in found.items()}

    return replace(section, render=_telling(name, section.render), figures=figures)


def _telling(name: str, call: Callable[_P, _T]) -> Callable[_P, _T]:
    def called(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        with _authors_errors(name):
            return call(*args, **kwargs)

    return called


@contextmanager
def _authors_errors(name: str) -> Iterator[None]:
    try:
        yield
    except StudyError:
        raise
    except Exception as error:
        raise DeclarationError(
            f"A section must be able to describe every run, but the section {name} raises "
            f"{registry.described(error)}. Mend its file, or draw the report without it."
        ) from error
