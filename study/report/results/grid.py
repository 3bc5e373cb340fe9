"""The result grid and `results.csv`."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from study.evaluation.intervals import Interval
from study.evaluation.metrics import METRICS, find
from study.report.core.verdict import NEARLY_ALWAYS, RANKINGS, told_apart
from study.records import SPLITS, TEST, TUNED, VAL
from study.report.core.analysis import ENSEMBLE, Analysis
from study.report.results.published import published_rows
from study.report.core.study_run import Run
from study.report.core.markdown import table
from study.report.core.naming import label
from study.wording import shown

_GRID = {
    "Accuracy": "accuracy",
    "Precision": "precision",
    "Recall": "recall",
    "ROC-AUC": "roc_auc",
    "Weighted ROC-AUC": "roc_auc_weighted",
    "Specificity": "specificity",
    "Balanced accuracy": "balanced_accuracy",
}


def grid_columns(run: Run) -> dict[str, str]:
    """Heading -> metric. Two classes leave nothing to weight; of more, balanced accuracy is the mean recall."""
    without = "roc_auc_weighted" if len(run.classes) == 2 else "balanced_accuracy"
    columns = {title: name for title, name in _GRID.items() if name != without}
    own = [metric for name in run.metrics if name not in METRICS for metric in [find(name)]]
    if run.objective.name not in (*columns.values(), *(metric.name for metric in own)):
        own.append(find(run.objective.name))
    return columns | {metric.title: metric.name for metric in own}


def result_grid(run: Run, analysis: Analysis) -> str:
    """Architecture x split in the documents' own form, the baseline and the published rows beneath."""
    columns = grid_columns(run)
    metrics = list(columns.values())
    rows: list[list[str]] = []
    for pair in run.pairs:
        name = label(run, pair)
        for split in SPLITS:
            if values := analysis.values(pair, TUNED, split):
                leading = {metric for metric in metrics if split == TEST and leader(analysis, metric) == pair}
                rows.append([name, split, *_scores(values, metrics, bold=leading)])
                name = ""
        if values := analysis.values(pair, ENSEMBLE, TEST):
            num_seeds = len(run.tested[pair].numbers)
            rows.append([name, f"test, ensemble of {num_seeds}", *_scores(values, metrics)])
    rows += _baseline_rows(analysis, metrics) + published_rows(run, metrics)
    return table(["Architecture", "Split", *columns], rows, left=2)


def leader(analysis: Analysis, metric: str) -> str | None:
    """The architecture that is best in a metric on test, if it is told apart from the next, and does decide."""
    values = {
        row.architecture: row.values[metric] for row in analysis.rows if row.recipe == TUNED and row.split == TEST
    }
    if len(values) < 2:
        return None
    objective = find(metric)
    best, following = sorted(values, key=lambda name: -objective.merit(values[name].mean))[:2]
    given = analysis.one_answers.get(best)
    if given is not None and given.share >= NEARLY_ALWAYS and metric not in RANKINGS:
        # It finds all images of a class without looking at them.
        return None
    return best if told_apart(best, following, analysis.differences[metric]) else None


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
        record |= {name: row.values[name].mean for name in analysis.metrics}
        for name in analysis.metrics:
            record |= {f"{name}_low": row.values[name].low, f"{name}_high": row.values[name].high}
        records.append(record)
    bounds = [f"{name}_{bound}" for name in analysis.metrics for bound in ("low", "high")]
    columns = ["architecture", "recipe", "split", "n", *analysis.metrics, *bounds]
    text = pd.DataFrame(records, columns=columns).to_csv(index=False, float_format="%.6f", lineterminator="\n")
    return str(text)


def _baseline_rows(analysis: Analysis, metrics: Sequence[str]) -> list[list[str]]:
    rows = []
    for split in (VAL, TEST):
        cells = [_score(name, analysis.baseline[split][name]) for name in metrics]
        rows.append([f'*always "{analysis.majority_class}"*', f"*{split}*", *cells])
    return rows


def _scores(values: Mapping[str, Interval], metrics: Sequence[str], *, bold: Collection[str] = ()) -> list[str]:
    cells = {name: _score(name, values[name]) for name in metrics}
    return [f"**{cell}**" if name in bold else cell for name, cell in cells.items()]


def _score(name: str, value: float | Interval | None) -> str:
    return shown(value, find(name).shown_as)
