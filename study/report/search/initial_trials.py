"""Trials before the search's own: what the document went through by hand, trained by us, and a known-good default."""

from collections.abc import Mapping
from typing import Any

from study.report.core.markdown import table, value
from study.report.core.naming import starting_recipe
from study.report.core.study_run import Run
from study.wording import listing, shown

_DEFAULT = "default"


def tried_words(run: Run) -> list[str]:
    """One sentence for each architecture that has such values."""
    sentences = []
    for pair, tried in _tried(run).items():
        last = len(tried)
        trials = {1: "Trial 1", 2: "Trials 1 and 2"}.get(last, f"Trials 1 to {last}")
        is_documents = run.manifest.document and not run.is_reference(pair)
        whose = "the document tried or suggests" if is_documents else "the study declares"
        values = "; ".join(_values(each) for each in tried)
        sentences.append(f"{trials} of {pair} {'is' if last == 1 else 'are'} for values that {whose}: {values}.")
    return sentences


def default_words(run: Run) -> list[str]:
    """One sentence on the trials that this project's known-good default was given; none where there are none."""
    parts = []
    for pair in run.pairs:
        start = run.manifest.pairs[pair].recipe
        for trial in run.search(pair):
            if trial.origin == _DEFAULT:
                had = trial.recipe.hyperparameters().items()
                values = {name: content for name, content in had if content != getattr(start, name)}
                parts.append(f"trial {trial.number} of {pair} ({_values(values)})")
    if not parts:
        return []
    are = "is a known-good default" if len(parts) == 1 else "are known-good defaults"
    words = f"{listing(parts)} {are} of this project, so that the search starts from more than one recipe."
    return [words[0].upper() + words[1:]]


def tried_table(run: Run) -> str:
    """The starting recipe and the tried values, each with what came of it; "" where there are none."""
    rows = []
    for pair, tried in _tried(run).items():
        start = run.manifest.pairs[pair].recipe
        names = dict.fromkeys(name for values in tried for name in values)
        first = f"{starting_recipe(run, [pair])}: {_values({name: getattr(start, name) for name in names})}"
        trials = {trial.number: trial for trial in run.search(pair)}
        for number, words in enumerate([first, *(_values(each) for each in tried)]):
            trial = trials.get(number)
            ended = [trial.state, str(len(trial.epochs))] if trial else ["not begun", "0"]
            rows.append(
                [pair, str(number), words, *ended, shown(trial.best_score if trial else None, run.objective.shown_as)]
            )
    return table(
        ["Architecture", "Trial", "Values", "State", "Epochs", f"Best val {run.objective.words}"], rows, left=4
    )


def _tried(run: Run) -> dict[str, tuple[Mapping[str, Any], ...]]:
    return {pair: tried for pair, tried in run.manifest.tried.items() if tried}


def _values(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value(content)}" for name, content in values.items())
