"""What the document published, beside what this run has: its table of results, its epochs, its epoch by epoch table."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from study.records import DOCUMENT, Trial
from study.report.core.study_run import Run
from study.report.core.markdown import join, table
from study.report.core.naming import label, starting_recipe
from study.spec import PublishedEpoch, PublishedResult
from study.wording import NOTHING, counted, fraction, listing, percent

_CURVES: Mapping[str, tuple[str, Callable[[float | None], str]]] = {
    "train_accuracy": ("Train accuracy", percent),
    "val_accuracy": ("Val accuracy", percent),
    "train_loss": ("Train loss", fraction),
    "val_loss": ("Val loss", fraction),
}


def published_rows(run: Run, metrics: Sequence[str]) -> list[list[str]]:
    """The document's own rows: label, split, and a cell for each metric."""
    notes = _distinct_notes(run)
    rows = []
    for result in run.manifest.published:
        note = _note(run, result)
        mark = f"<sup>{notes.index(note) + 1}</sup>" if note else ""
        name = f"{result.label} *(document {run.manifest.document}, as published{_ours(run, result)})*{mark}"
        rows.append([name, result.split, *(_as_published(metric, getattr(result, metric, None)) for metric in metrics)])
    return rows


def published_notes(run: Run) -> list[str]:
    """The notes that the marks in the published rows refer to."""
    return [f"<sup>{number}</sup> {note}" for number, note in enumerate(_distinct_notes(run), start=1)]


def comparison_notes(run: Run) -> list[str]:
    """What keeps our rows from being the document's: other networks, fewer or more epochs."""
    references = [pair for pair in run.pairs if run.is_reference(pair)]
    notes = [note for pair in run.pairs if (note := schedule_note(run, pair))]
    if references and run.manifest.document:
        one = len(references) == 1
        notes.append(
            f"{listing(references)} {'is a reference' if one else 'are references'} for comparison: not of the "
            f"document, and started from this project's default recipe{'' if one else 's'}."
        )
    return notes


def schedule_note(run: Run, pair: str) -> str:
    """For how many epochs the document trains an architecture, if that is not our budget; else ""."""
    theirs, ours = run.manifest.pairs[pair].document_epochs, run.manifest.budget.epochs
    if theirs is None or theirs == ours:
        return ""
    here = f"truncated to {ours}" if ours < theirs else f"trained longer, for {ours}"
    return f"The document trains {pair} for {counted(theirs, 'epoch')}; here its recipe is {here}."


def epochs_beside(run: Run) -> str:
    """The document's table of epochs beside the mean of our seed runs at the same epochs; "" if it has none."""
    published = run.manifest.published_epochs
    if not published:
        return ""
    blocks = [
        "### Epoch by epoch beside the document's",
        "What to see: whether our runs rise as the document's did. It split, scaled and scheduled its training in its "
        "own way, so the same epoch is not the same amount of training, and a difference is no finding.",
    ]
    for pair in dict.fromkeys(row.architecture for row in published):
        rows = [row for row in published if row.architecture == pair]
        runs = run.completed_seed_runs(pair, DOCUMENT) if pair in run.pairs else []
        blocks += [_whose_epochs(run, pair, runs), _epoch_table(rows, runs)]
    return join(blocks)


def _ours(run: Run, result: PublishedResult) -> str:
    """Which of our architectures a published row stands for, where its name doesn't say so."""
    pair = result.architecture
    if pair not in run.pairs or (_letters(pair) == _letters(result.label) and pair not in run.from_scratch):
        return ""
    return f"; here {pair}{', trained from scratch' if pair in run.from_scratch else ''}"


def _letters(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


def _note(run: Run, result: PublishedResult) -> str:
    parts = [f"{result.note.rstrip('.')}."] if result.note else []
    if result.architecture not in run.pairs:
        parts.append(f"{result.architecture} is not part of this run.")
    return " ".join(parts)


def _distinct_notes(run: Run) -> list[str]:
    """Each note once, in the order of the rows: several rows may share one."""
    notes = (_note(run, result) for result in run.manifest.published)
    return list(dict.fromkeys(note for note in notes if note))


def _as_published(metric: str, value: float | None) -> str:
    """A document's figure with all the decimals that the document gives."""
    if value is None or not metric.startswith("roc_auc"):
        return percent(value)
    return max(fraction(value), f"{value:g}", key=len)


def _whose_epochs(run: Run, pair: str, runs: Sequence[Trial]) -> str:
    if pair not in run.pairs:
        return f"{pair} is not part of this run."
    if not runs:
        return f"{label(run, pair)}: no seed run of the {starting_recipe(run, [pair])} is completed (yet)."
    return (
        f"{label(run, pair)}: ours is the mean over {counted(len(runs), 'seed run')} of the "
        f"{starting_recipe(run, [pair])}, trained for up to {counted(run.manifest.budget.epochs, 'epoch')}."
    )


def _epoch_table(rows: Sequence[PublishedEpoch], runs: Sequence[Trial]) -> str:
    given = [name for name in _CURVES if any(getattr(row, name) is not None for row in rows)]
    header = ["Epoch"]
    for name in given:
        header += [f"{_CURVES[name][0]}, document", "ours"]
    cells = []
    for row in rows:
        line = [str(row.epoch)]
        for name in given:
            line += [_CURVES[name][1](getattr(row, name)), _mean_at(runs, row.epoch, name)]
        cells.append(line)
    return table(header, cells)


def _mean_at(runs: Sequence[Trial], epoch: int, name: str) -> str:
    """The mean at one epoch over the runs that reached it, with their number where some had ended."""
    values = [float(event[name]) for trial in runs for event in trial.epochs if event["epoch"] == epoch]
    if not values:
        return NOTHING
    words = _CURVES[name][1](float(np.mean(values)))
    return words if len(values) == len(runs) else f"{words} ({len(values)} of {counted(len(runs), 'run')})"
