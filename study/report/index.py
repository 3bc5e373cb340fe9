"""The index of all reports. It is drawn from what each report left in its folder, without records."""

import json
from pathlib import Path
from typing import Any

from study.evaluation.bootstrap import Interval
from study.evaluation.wording import NOTHING, fraction, listing
from study.records import write_atomically
from study.report.markdown import join, table

ENTRY_FILE = "index-entry.json"


def write_index(reports: Path) -> Path:
    """Draws `README.md` of a folder of reports: one row each, by name."""
    paths = sorted(reports.glob(f"*/{ENTRY_FILE}"))
    entries = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    page = join(
        [
            "# Reports",
            "One row a study. Drawn images are stand-ins: their figures say nothing about real patients.",
            table(
                ["Study", "Question", "Data", "Images", "Best architecture", "Test ROC-AUC", "Date"],
                [_row(entry) for entry in entries],
                left=5,
            ),
        ]
    )
    write_atomically(reports / "README.md", page + "\n")
    return reports / "README.md"


def _row(entry: dict[str, Any]) -> list[str]:
    score = Interval(*entry["best_test_roc_auc"]) if entry["best_test_roc_auc"] else None
    return [
        f"[{entry['run']}]({entry['run']}.md)",
        entry["title"],
        entry["dataset"],
        "**drawn**" if entry["stand_in"] else "real",
        _best(entry),
        fraction(score) if score else NOTHING,
        entry["date"],
    ]


def _best(entry: dict[str, Any]) -> str:
    """The best architecture, those that it is not told apart from, and all that lacked their pretrained weights."""
    from_scratch = entry.get("from_scratch", [])
    others = [name for name in from_scratch if name != entry["best"]]
    remarks = ["from scratch"] if entry["best"] in from_scratch else []
    if near := entry["not_told_apart"]:
        remarks.append(f"not told apart from {listing(near, 'or')}")
    if others:
        remarks.append(f"trained from scratch: {listing(others)}")
    best = str(entry["best"] or "not finished")
    return f"{best} ({'; '.join(remarks)})" if remarks else best
