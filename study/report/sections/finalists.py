"""What won each search: optimism and shift, the winning recipes beside those that they started from, seed runs."""

import numpy as np

from study.records import DOCUMENT, TUNED, VAL, Trial
from study.report.core.analysis import Analysis, seed_scores
from study.report.core.markdown import bullets, join
from study.report.core.naming import card_name, label, starting_recipe
from study.report.core.section import Context, Section
from study.report.core.study_run import Run
from study.report.core.study_tables import recipe_table, seed_table
from study.report.core.verdict import optimism_verdict, shift_verdict
from study.report.results.published import schedule_note
from study.wording import counted

_HASH_DIGITS = 12


def _render(context: Context) -> str:
    run = context.run
    blocks = [bullets(_selection_notes(run, context.analysis))]
    for pair in run.pairs:
        blocks += [f"### {label(run, pair)}", _words(run, pair), _card(run, pair), recipe_table(run, pair)]
    if seeds := seed_table(run):
        blocks += ["### Seed runs", "How much the scores move when nothing but the seed changes.", seeds]
    return join(blocks)


def _card(run: Run, pair: str) -> str:
    name = card_name(pair)
    return f"For whoever uses its weights: [{name}]({run.name}/{name})." if pair in run.tested else ""


def _words(run: Run, pair: str) -> str:
    finalist = run.state.finalist(pair)
    sentences = [
        _winner(run, pair, finalist) if finalist else "No trial has run to its end, so there is no winner.",
        _weights(run, pair, finalist),
        schedule_note(run, pair),
        _origin(run, pair),
        "Values in bold are where the winner departs from it.",
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _winner(run: Run, pair: str, finalist: Trial) -> str:
    declared = run.manifest.pairs[pair]
    parameters = run.num_parameters(pair)
    own = "The document's own recipe" if run.has_documents_recipe(pair) else "The starting recipe"
    won = f"{own} (trial 0)" if finalist.number == 0 else f"Trial {finalist.number}"
    words = f"{declared.title}. {won} won" if declared.title else f"{won} won"
    words += f", a network of {parameters:,} parameters." if parameters else "."
    if not run.seed_runs(pair, DOCUMENT):
        words += f" The {starting_recipe(run, [pair])} has no seed runs of its own."
    return words


def _weights(run: Run, pair: str, finalist: Trial | None) -> str:
    """What a pretrained network started from, and for how long the winner kept it as it was."""
    weights = run.manifest.pairs[pair].weights
    if not weights:
        return ""
    digits = weights.sha256[:_HASH_DIGITS]
    words = f"It is pretrained: its weights start from `{weights.source}` (sha256 `{digits}`)"
    if finalist is None:
        return f"{words}."
    frozen = finalist.recipe.freeze_epochs
    if not frozen:
        return f"{words}, and nothing was frozen."
    return f"{words}; in stage one of the winner, its first {counted(frozen, 'epoch')}, all but the head was frozen."


def _origin(run: Run, pair: str) -> str:
    if run.has_documents_recipe(pair):
        return "The document's recipe is reconstructed: what the document doesn't state is assumed."
    if run.is_reference(pair):
        stranger = "It is not a network of the document: its" if run.manifest.document else "Its"
        return f"{stranger} starting recipe is this project's default for it."
    if run.manifest.document:
        return (
            "The starting recipe is the document's, but for the pretrained weights that the document has and that "
            "could not be had here; what the document doesn't state is assumed."
        )
    return "The starting recipe is the study's own."


def _selection_notes(run: Run, analysis: Analysis) -> list[str]:
    """How optimistic the search's best score was, and how far val lies from test."""
    finalists = {pair: run.state.finalist(pair) for pair in run.pairs}
    best = {pair: trial.best_score for pair, trial in finalists.items() if trial}
    notes = [
        optimism_verdict(best, {pair: _val_scores(run, pair) for pair in run.pairs}, run.objective),
        shift_verdict(analysis.shifts, run.objective),
    ]
    return [note for note in notes if note]


def _val_scores(run: Run, pair: str) -> list[float]:
    """Of the tuned seed runs."""
    predictions = run.predictions.get(pair, TUNED, VAL)
    values = (
        [each[run.objective.name] for each in seed_scores(predictions, run.metrics).values()] if predictions else []
    )
    return [value for value in values if np.isfinite(value)]


SECTION = Section(title="Finalists", render=_render)
