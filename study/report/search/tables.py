"""Tables of the search: trials by state, what they cost, what early stopping missed, what mattered."""

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add

from study.evaluation.intervals import Interval
from study.evaluation.search_statistics import Importance
from study.records import COMPLETE, FAILED, RUNNING, STOPPED
from study.report.core.markdown import table
from study.report.core.study_run import Run
from study.report.search.accounting import Audit, Spending, final_score, spending
from study.wording import MINUS, NOTHING, percent, shown


def search_table(run: Run) -> str:
    """Per pair: trials by state and the best val score."""
    states = [COMPLETE, STOPPED, FAILED] + ([RUNNING] if not run.state.test_opened else [])
    rows = []
    for pair in run.pairs:
        counts, finalist = spending(run, pair).states, run.state.finalist(pair)
        won = (
            [shown(finalist.best_score, run.objective.shown_as), f"trial {finalist.number}"]
            if finalist
            else [NOTHING, NOTHING]
        )
        rows.append([pair, *(str(counts[state]) for state in states), *won])
    return table(["Architecture", *states, f"Best val {run.objective.words}", "Finalist"], rows)


def cost_table(run: Run) -> str:
    """Per pair: epochs and device time spent, what the same trials would have cost without rungs, what was saved.

    Where it was recorded, the time that the tuned network takes for an image.
    """
    spent, sizes = {pair: spending(run, pair) for pair in run.pairs}, latency_sizes(run)
    rows = [[*_cost_row(pair, each), *_latencies(run, pair, sizes)] for pair, each in spent.items()]
    if len(spent) > 1:
        rows.append([*_cost_row("**all**", reduce(add, spent.values())), *[NOTHING] * len(sizes)])
    header = ["Architecture", "Epochs", "without rungs", "Minutes", "without rungs", "Saved"]
    return table([*header, *("ms an image" if size == 1 else f"in batches of {size}" for size in sizes)], rows)


def latency_sizes(run: Run) -> list[int]:
    """Of how many images at a time the time was recorded."""
    networks = run.explanations.networks.values() if run.explanations else ()
    return sorted({size for each in networks for size in each.latency_ms})


def _latencies(run: Run, pair: str, sizes: Sequence[int]) -> list[str]:
    found = run.explanations.networks.get(pair) if run.explanations else None
    known = found.latency_ms if found else {}
    return [f"{known[size]:.3g}" if size in known else NOTHING for size in sizes]


def _cost_row(name: str, spent: Spending) -> list[str]:
    epochs = [f"{spent.epochs:,}", f"{spent.full_epochs:,}"]
    return [name, *epochs, minutes(spent.seconds), minutes(spent.full_seconds), percent(spent.saved)]


def minutes(seconds: float) -> str:
    """`1.5`, `1,234.0`."""
    return f"{seconds / 60:,.1f}"


def audit_table(run: Run, audits: Mapping[str, Audit]) -> str:
    """Per pair: trials that were never stopped, their rank correlation, the best of those that a rung would have ended.

    Only the bounds of tau tell how little a few trials say, so they always stand beside it.
    """
    rows = []
    for pair, found in audits.items():
        finalist = run.state.finalist(pair)
        best = run.objective.best(final_score(trial) for trial in found.spared)
        numbers = [str(len(found.trials)), _tau(found.tau), str(len(found.spared))]
        rows.append(
            [
                pair,
                *numbers,
                shown(best, run.objective.shown_as),
                shown(finalist.best_score if finalist else None, run.objective.shown_as),
            ]
        )
    header = ["Architecture", "Never stopped", "Kendall's tau", "A rung would have ended", "Best of these", "Finalist"]
    return table(header, rows)


def _tau(tau: Interval) -> str:
    """`0.73 (-0.09 to 1.00)`: a few trials tell no third decimal."""
    if math.isnan(tau.mean):
        return NOTHING
    return f"{tau.mean:.2f} ({tau.low:.2f} to {tau.high:.2f})".replace("-", MINUS)


def importance_table(run: Run, found: Mapping[str, Importance]) -> str:
    """Hyperparameter x architecture: rounded shares, bold above chance; "" where no architecture has any."""
    shown = {pair: each.shares for pair, each in found.items() if each.shares}
    names = dict.fromkeys(name for pair in run.pairs for name in run.manifest.space.get(pair, {}))
    rows = []
    for name in names:
        cells = [shares.get(name) for shares in shown.values()]
        if any(cells):
            words = [f"{100 * cell.value:.0f} %" if cell else NOTHING for cell in cells]
            bold = [bool(cell and cell.above_chance) for cell in cells]
            rows.append([name, *(f"**{word}**" if mark else word for word, mark in zip(words, bold, strict=True))])
    return table(["Hyperparameter", *shown], rows)
