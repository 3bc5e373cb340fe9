"""What `python -m study.run` says on the screen of plans and reports."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from study import records

if TYPE_CHECKING:
    from study.tuning.plan import Plan


def as_given() -> str:
    """How commands begin here; uv tells its children that it is there."""
    return "uv run " if "UV_RUN_RECURSION_DEPTH" in os.environ else ""


def say_plan(plan: "Plan") -> None:
    """What will be run, on what, what is left out of it, and what there is already."""
    manifest = plan.manifest
    counts = {name: sum(by_class.values()) for name, by_class in manifest["counts"].items()}
    budget = manifest["budget"]
    data = "DRAWN stand-in images" if manifest["stand_in"] else "real images"
    images = ", ".join(f"{n} {split}" for split, n in counts.items())
    lines = [
        f"{manifest['run']}: {data} ({images}) at {manifest['image_size']} px; {', '.join(manifest['pairs'])}; "
        f"{budget['trials']} trials of up to {budget['epochs']} epochs and 2 x {budget['seeds']} seed runs each"
    ]
    if manifest["left_out"]:
        num = sum(manifest["left_out"].values())
        reasons = "; ".join(f"{count} {reason}" for reason, count in manifest["left_out"].items())
        lines.append(f"  left out before training: {num} images ({num / (num + sum(counts.values())):.0%}): {reasons}")
    state = plan.previous
    if state is not None and not state.finished:
        ended = sum(trial.state != records.RUNNING for trial in state.trials.values())
        lines.append(f"  goes on: {ended} trials have ended, {len(state.trials) - ended} are under way")
    print("\n".join(lines), file=sys.stderr)


def say_report(page: Path) -> None:
    """The verdict, and where the report is."""
    verdict = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("*Verdict.*")]
    for line in (*verdict, str(page.with_suffix(".html"))):
        print(line.replace("*", ""), file=sys.stderr)
    print(page)
