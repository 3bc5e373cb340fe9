"""The result grid, the table of differences and `results.csv`."""

import math
from typing import Any

import pandas as pd

from study.evaluation.bootstrap import Interval
from study.evaluation.metrics import METRICS
from study.evaluation.verdict import by_mean, told_apart
from study.evaluation.wording import NOTHING, fraction, percent, signed
from study.records import TEST, TUNED
from study.report.analysis import ENSEMBLE, Analysis
from study.report.load import SPLITS, VAL, Run
from study.report.markdown import table

GRID = {
    "Accuracy": "accuracy",
    "Precision": "precision",
    "Recall": "recall",
    "ROC-AUC": "roc_auc",
    "Specificity": "specificity",
    "Balanced accuracy": "balanced_accuracy",
}


def result_grid(run: Run, analysis: Analysis) -> str:
    """Architecture x split in the documents' own form, the baseline and the published rows beneath."""
    rows: list[list[str]] = []
    for pair in run.pairs:
        shown = pair
        for split in SPLITS:
            if values := analysis.values(pair, TUNED, split):
                leading = [leader(analysis, metric) == pair for metric in GRID.values()]
                cells = _scores(values, bold=leading if split == TEST else None)
                rows.append([shown, split, *cells])
                shown = ""
        if values := analysis.values(pair, ENSEMBLE, TEST):
            num_seeds = len(run.predictions[pair, TUNED, TEST].numbers)
            rows.append([shown, f"test, ensemble of {num_seeds}", *_scores(values)])
    return table(["Architecture", "Split", *GRID], rows + _reference_rows(run, analysis), left=2)


def published_notes(run: Run) -> list[str]:
    """The notes that the marks in the grid's published rows refer to."""
    notes = [_note(result) for result in run.manifest["published"]]
    return [f"<sup>{number}</sup> {note}" for number, note in enumerate(filter(None, notes), start=1)]


def leader(analysis: Analysis, metric: str) -> str | None:
    """The architecture that is best in a metric on test, if it is told apart from the next."""
    values = {
        row.architecture: row.values[metric] for row in analysis.rows if row.recipe == TUNED and row.split == TEST
    }
    if len(values) < 2:
        return None
    best, following = by_mean(values)[:2]
    return best if told_apart(best, following, analysis.differences[metric]) else None


def difference_table(analysis: Analysis) -> str:
    """Each two architectures on test: the paired differences of a ranking and of a decision score."""
    rows = []
    for (a, b), ranking in analysis.differences.get("roc_auc", {}).items():
        decision = analysis.differences["balanced_accuracy"][a, b]
        rows.append([f"{a} minus {b}", *_compared(ranking), *_compared(decision)])
    return table(["Pair", "ROC-AUC", "told apart", "Balanced accuracy", "told apart"], rows)


def results_csv(analysis: Analysis) -> str:
    """One row per architecture, recipe and split; bounds for test only."""
    records: list[dict[str, Any]] = []
    for row in analysis.rows:
        record: dict[str, Any] = {
            "architecture": row.architecture,
            "recipe": row.recipe,
            "split": row.split,
            "n": row.num_images,
        }
        record |= {name: row.values[name].mean for name in METRICS}
        for name in METRICS:
            record |= {f"{name}_low": row.values[name].low, f"{name}_high": row.values[name].high}
        records.append(record)
    bounds = [f"{name}_{bound}" for name in METRICS for bound in ("low", "high")]
    columns = ["architecture", "recipe", "split", "n", *METRICS, *bounds]
    text = pd.DataFrame(records, columns=columns).to_csv(index=False, float_format="%.6f", lineterminator="\n")
    return str(text)


def _reference_rows(run: Run, analysis: Analysis) -> list[list[str]]:
    rows = []
    for split in (VAL, TEST):
        baseline = analysis.baseline[split]
        cells = [_score(name, baseline[name]) for name in GRID.values()]
        rows.append([f'*always "{analysis.majority_class}"*', f"*{split}*", *cells])
    source = f"document {run.manifest['document']}, as published"
    number = 0
    for result in run.manifest["published"]:
        mark = ""
        if _note(result):
            number += 1
            mark = f"<sup>{number}</sup>"
        cells = [_as_published(name, result.get(name)) for name in GRID.values()]
        rows.append([f"{result['label']} *({source})*{mark}", str(result["split"]), *cells])
    return rows


def _as_published(name: str, value: float | None) -> str:
    """A document's figure with all the decimals that the document gives."""
    if value is None or name != "roc_auc":
        return _score(name, value)
    return max(fraction(value), f"{value:g}", key=len)


def _note(result: dict[str, Any]) -> str:
    parts = [f"{result['note'].rstrip('.')}."] if result.get("note") else []
    if result.get("roc_auc_weighted") is not None:
        parts.append(f"Weighted ROC-AUC {result['roc_auc_weighted']:g}.")
    return " ".join(parts)


def _scores(values: dict[str, Interval], *, bold: list[bool] | None = None) -> list[str]:
    cells = [_score(name, values[name]) for name in GRID.values()]
    return [f"**{cell}**" if is_best else cell for cell, is_best in zip(cells, bold or [False] * 6, strict=True)]


def _score(name: str, value: float | Interval | None) -> str:
    if isinstance(value, Interval) and math.isnan(value.low):
        value = value.mean
    return fraction(value) if name == "roc_auc" else percent(value)


def _compared(difference: Interval) -> tuple[str, str]:
    if math.isnan(difference.mean):
        return NOTHING, NOTHING
    return signed(difference), "yes" if difference.excludes_zero else "no"
