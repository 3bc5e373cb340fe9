"""What `python -m study.run` says on the screen: how far it is, of plans, dry runs and reports."""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from study.datasets.images.near_duplicates import HARD_TO_TELL, hard_to_tell
from study.datasets.images.splits import TEST, TEST_FRACTION, TRAIN, VAL
from study.planning.options import Options
from study.wording import image_sizes

if TYPE_CHECKING:
    from study.planning.plan import Plan
    from study.records import Manifest

# Below it the 95 % interval of a sensitivity near 50 % is more than a third wide.
_FEW = 30


def as_given() -> str:
    """How commands begin here; uv tells its children that it is there."""
    return "uv run " if "UV_RUN_RECURSION_DEPTH" in os.environ else ""


def say(text: str) -> None:
    """What is going on; stdout is for what was asked for."""
    print(text, file=sys.stderr, flush=True)


def say_plan(plan: "Plan") -> None:
    """What will be run, on what, what is left out of it, and what there is already."""
    manifest = plan.manifest
    counts = {name: sum(by_class.values()) for name, by_class in manifest.counts.items()}
    budget = manifest.budget
    data = "DRAWN stand-in images" if manifest.stand_in else "real images"
    images = ", ".join(f"{n} {split}" for split, n in counts.items())
    lines = [
        f"{manifest.run}: {data} ({images}) at {image_sizes(manifest.image_sizes)}; {', '.join(manifest.pairs)}",
        f"  each {budget.trials} trials of up to {budget.epochs} epochs, then {budget.seeds} seed runs of its "
        "best recipe (tuned) and of its first (start)",
    ]
    if manifest.left_out:
        num = sum(manifest.left_out.values())
        reasons = "; ".join(f"{count} {reason}" for reason, count in manifest.left_out.items())
        lines.append(f"  left out before training: {num} images ({num / (num + sum(counts.values())):.0%}): {reasons}")
    if manifest.skipped:
        lines.append(f"  skipped: {len(manifest.skipped)} images that can't be read or are known to be bad")
    if not (manifest.stand_in or manifest.opened_before or plan.previous):
        closed = "; --holdout leaves it closed, to try things out first" if TEST in manifest.given_splits else ""
        lines.append(f"  at its end the test split is opened, once: from then on a ledger remembers it{closed}")
    lines += [f"  note: {note}" for note in _doubts_about_splits(manifest, plan.study.val_fraction)]
    state = plan.previous
    if state is not None and not state.finished:
        ended = sum(trial.has_ended for trial in state.trials.values())
        lines.append(f"  goes on: {ended} trials have ended, {len(state.trials) - ended} are under way")
    say("\n".join(lines))


def _doubts_about_splits(manifest: "Manifest", val_fraction: float) -> Iterator[str]:
    """Images too alike to tell copies; drawn splits that are far from their share; a test split that tells little."""
    if manifest.stand_in:
        return
    if manifest.likeness is not None and manifest.likeness.usual >= HARD_TO_TELL:
        yield hard_to_tell(manifest.likeness.usual)
    counts = {name: sum(by_class.values()) for name, by_class in manifest.counts.items()}
    development = counts[TRAIN] + counts[VAL]
    for name, of, fraction in (
        (TEST, development + counts[TEST], float(TEST_FRACTION)),
        (VAL, development, val_fraction),
    ):
        if name not in manifest.given_splits and abs(counts[name] / of - fraction) > fraction / 3:
            share = f"{counts[name] / of:.0%} of {of} images instead of {fraction:.0%}"
            yield f"{name} is {share}: groups stay whole, and each class has its share"
    rarest, num = min(manifest.counts[TEST].items(), key=lambda each: each[1])
    if num < _FEW:
        yield f"only {num} test images of {rarest!r}: the intervals of its figures will be wide"


def say_report(page: Path) -> None:
    """The verdict, what the commands use, and where the report is."""
    lines = page.read_text(encoding="utf-8").splitlines()
    said = [line for line in lines if line.startswith(("*Verdict.*", "*In use.*"))]
    for line in (*said, str(page.with_suffix(".html"))):
        say(line.replace("*", "").replace("`", ""))
    print(page)


def say_interrupted(unfinished: Sequence[Path], options: Options) -> None:
    """Which results are unfinished, and the command that goes on with them: with --fresh it would begin anew."""
    folders = ", ".join(map(str, unfinished))
    command = replace(options, fresh=False).command
    say(f"{folders}: interrupted, with a report of what there is so far. To go on:\n  {as_given()}{command}")
