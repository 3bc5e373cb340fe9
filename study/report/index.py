"""The index of all reports. It is drawn from what each report left in its folder, without records."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from study.datasets.images.groups import DEFAULT, EXACT, NONE, SIMILARITY
from study.evaluation.intervals import Interval
from study.records import write_atomically
from study.report.core.markdown import join, table
from study.report.web import html_page
from study.wording import NOTHING, fraction, listing

ENTRY_FILE = "index-entry.json"
Entry = dict[str, Any]

_GROUPS = {NONE: "no leakage check", EXACT: "look-alikes kept apart", SIMILARITY: "similar images kept together"}


def write_index(reports: Path) -> Path:
    """Draws the index of a folder of reports, `README.md` and `index.html`: one row each, by name.

    Returns:
        The path of `README.md`.
    """
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
            _matrix(entries),
        ]
    )
    write_atomically(reports / "README.md", page + "\n")
    write_atomically(reports / "index.html", html_page(page))
    return reports / "README.md"


def _row(entry: Entry) -> list[str]:
    score = Interval(*entry["best_test_roc_auc"]) if entry["best_test_roc_auc"] else None
    return [
        _link(entry, entry["run"]),
        entry["title"],
        entry["dataset"],
        _images(entry),
        _best(entry),
        fraction(score) if score else NOTHING,
        entry["date"],
    ]


def _matrix(entries: Sequence[Entry]) -> str:
    """Data set x architecture, a row for each report that has test figures; "" without any.

    Entries of version 0.1.0 hold the best architecture alone and have no row until their report is drawn again.
    """
    known = sorted(
        (entry for entry in entries if entry.get("test_roc_auc")), key=lambda entry: (entry["dataset"], entry["run"])
    )
    architectures = sorted({name for entry in known for name in entry["test_roc_auc"]})
    rows: list[list[str]] = []
    dataset = ""
    for entry in known:
        first = "" if entry["dataset"] == dataset else entry["dataset"]
        rows.append([first, entry["run"], _images(entry), *(_cell(entry, name) for name in architectures)])
        dataset = entry["dataset"]
    if not rows:
        return ""
    return join(
        [
            "## Which architecture on which data",
            "Test ROC-AUC of the tuned recipes, mean over the seeds with 95 % intervals. Only figures of one row were "
            "made on the same test images. On real images the best one is bold if it is told apart from the next; "
            f"figures of drawn images are in italics. {NOTHING}: not part of that study, or without a result.",
            table(["Data", "Study", "Images", *architectures], rows, left=3),
        ]
    )


def _cell(entry: Entry, architecture: str) -> str:
    """One architecture's test ROC-AUC in one study, a link to the report."""
    if architecture not in entry["test_roc_auc"]:
        return NOTHING
    figure = _link(entry, fraction(Interval(*entry["test_roc_auc"][architecture])))
    if entry["stand_in"]:
        figure = f"*{figure}*"
    elif entry["told_apart"] and architecture == entry["best"]:
        figure = f"**{figure}**"
    return f"{figure}<br>from scratch" if architecture in entry["from_scratch"] else figure


def _link(entry: Entry, text: str) -> str:
    return f"[{text}]({entry['run']}.md)"


def _images(entry: Entry) -> str:
    """Whether the images are real, and what keeps their test figures from being those of the official split."""
    remarks = ["holdout of the development images"] if entry.get("holdout") else []
    remarks += [_GROUPS[way]] if (way := entry.get("groups", DEFAULT)) in _GROUPS else []
    kind = "**drawn**" if entry["stand_in"] else "real"
    return f"{kind} ({'; '.join(remarks)})" if remarks else kind


def _best(entry: Entry) -> str:
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
