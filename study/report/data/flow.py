"""How many files were found, what was left out for which reason, and how the rest was divided."""

import numpy as np

from study.records import SPLITS
from study.report.data import leakage
from study.report.core.study_run import Run
from study.report.core.markdown import join, table
from study.wording import MINUS, counted, listing, percent


def divided(run: Run) -> str:
    """From the files that were found to train, val and test, with the images that were left out on the way."""
    used = {split: sum(run.images(split).values()) for split in SPLITS}
    lost = left_out(run)
    found = sum(used.values()) + sum(lost.values())
    groups = {split: number for split in SPLITS if (number := num_groups(run, split)) is not None}
    rows = [["files found", f"{found:,}"]]
    rows += [[f"left out: {reason}", f"{MINUS}{number:,}" if number else "0"] for reason, number in lost.items()]
    rows += [["**used**", f"**{sum(used.values()):,}**"]]
    rows += [[f"→ {split}", f"{number:,} ({percent(number / sum(used.values()))})"] for split, number in used.items()]
    header = ["Step", "Images"]
    if len(groups) == len(SPLITS):
        header.append("Groups")
        of_step = {"**used**": f"**{sum(groups.values()):,}**"} | {f"→ {s}": f"{n:,}" for s, n in groups.items()}
        rows = [[*row, of_step.get(row[0], "")] for row in rows]
    return join(
        [
            "### How the images were divided",
            _what_to_see(found, lost, groups),
            table(header, rows),
            leakage.left_out(run),
        ]
    )


def left_out(run: Run) -> dict[str, int]:
    """Reason -> number of images that are in no split; what can't be read is always among them."""
    reasons = {reason: int(number) for reason, number in run.manifest.left_out.items() if number}
    return {"unreadable or known to be bad": len(run.manifest.skipped)} | reasons


def num_groups(run: Run, split: str) -> int | None:
    """Of images that belong together, in a split; None before a seed run has answered it."""
    answered = (predictions for key, predictions in run.predictions.by_key.items() if key.split == split)
    return next((len(np.unique(predictions.groups)) for predictions in answered), None)


def _what_to_see(found: int, lost: dict[str, int], groups: dict[str, int]) -> str:
    number = sum(lost.values())
    share = f"{number:,} ({percent(number / found)})" if number else "none"
    were = "was" if number <= 1 else "were"
    words = f"What to see: of {counted(found, 'file')} found, {share} {were} left out before training"
    if not groups:
        return f"{words}."
    parts = listing([f"{number:,} in {split}" for split, number in groups.items()])
    return f"{words}; images that belong together are one group ({parts}), which the intervals draw as a whole."
