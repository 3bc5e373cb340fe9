"""A section of a report by itself, without the page's figures."""

from types import ModuleType

from study.report.core.section import Context
from study.report.core.study_run import Run


def rendered(section: ModuleType, run: Run) -> str:
    """The markdown of the section that a module of `study.report.sections` defines, "" where it has nothing to say."""
    text: str = section.SECTION.markdown(Context(run))
    return text
