"""A section of a report by itself, without the page's figures, and runs with other answers."""

from dataclasses import replace
from types import ModuleType

from study.records import Key, Predictions, PredictionSet
from study.report.core.section import Context
from study.report.core.study_run import Run


def rendered(section: ModuleType, run: Run) -> str:
    """The markdown of the section that a module of `study.report.sections` defines, "" where it has nothing to say."""
    text: str = section.SECTION.markdown(Context(run))
    return text


def with_answers(run: Run, key: Key, answers: Predictions) -> Run:
    """The run with other answers of the seed runs of one recipe to one split."""
    return replace(run, predictions=PredictionSet({**run.predictions.by_key, key: answers}))
