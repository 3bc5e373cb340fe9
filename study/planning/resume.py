"""Whether a results folder holds a run that can be gone on with: the same declaration, on the same images."""

from dataclasses import replace
from typing import Any

import pandas as pd

from study import records
from study.datasets.images import groups, splits
from study.errors import ResultsError
from study.planning import data_changes
from study.records.manifest import ArchitectureRecord
from study.records.recorded import Recorded
from study.spec import BFLOAT16, FLOAT32

DESCRIPTION = ("dataset", "from_scratch", "given_weights", "notes", "published", "published_epochs", "title")
_SEEN_BY_NETWORKS = ("name", "classes", "modality", "trimmed", "window")
PROVENANCE = ("budget", "command", "commit", "machine", "versions")
# A study goes on with those that it began with.
_POLICY = ("reduction_factor",)
# Of a pair: how the search goes about it, and what follows from its images.
_NOT_OF_THE_NETWORK = ("appearance", "grace", "rungs", "search")
# Recorded for the reader: these may differ when a study is resumed, or follow from the hashes.
_FOLLOWS = (
    *("appearance", "counts", "created", "duplicates", "given_splits", "left_out", "likeness", "opened_before", "run"),
    *("read_by", "skipped", "slots", "test_hash"),
)
# Asked for, or what the device is fastest in; a study goes on in that which it began with.
_CHOSEN = ("precision",)
_OPENED = " It has opened its test split: a new run needs --open-test-again, too, and its report says so."
_NOT_DECLARED = (*DESCRIPTION, *PROVENANCE, *_POLICY, *_FOLLOWS, *_CHOSEN, *data_changes.HASHES)


def declared(manifest: records.Manifest) -> dict[str, Any]:
    """What must be as it was when a study is gone on with."""
    declared = {name: value for name, value in _all_of(manifest).items() if name not in _NOT_DECLARED}
    declared["groups"] = _groups(manifest)
    declared["dataset"] = {name: getattr(manifest.dataset, name) for name in _SEEN_BY_NETWORKS}
    declared["pairs"] = {pair: _declared_of(architecture) for pair, architecture in manifest.pairs.items()}
    return declared


def _declared_of(architecture: ArchitectureRecord) -> dict[str, Any]:
    values = {name: value for name, value in _all_of(architecture).items() if name not in _NOT_OF_THE_NETWORK}
    # Weights are what they are, whatever their file is called.
    values |= {"weights": architecture.weights and architecture.weights.sha256}
    return values | {"image_size": architecture.image_size or "the study's"}


def _all_of(record: Recorded) -> dict[str, Any]:
    """What an earlier version didn't record is compared as what it meant."""
    return replace(record, absent=frozenset()).to_json()


def _groups(manifest: records.Manifest) -> str:
    """What stays together; a run of version 0.1.0 doesn't say so, but kept copies together."""
    return manifest.groups or groups.DUPLICATES


def precision(state: records.StudyState | None, asked: str | None) -> str:
    """That the trials are trained in; "" where a run begins and the device is to decide.

    Raises:
        ResultsError: a run that is gone on with began in another one.
    """
    if state is None:
        return asked or ""
    # What a log that says nothing of it did.
    default = BFLOAT16 if state.manifest.slots.gpus else FLOAT32
    began = state.manifest.precision or default
    if asked and asked != began:
        raise ResultsError(
            f"The trials of a study are trained in one precision, but {state.manifest.run} began in {began} and "
            f"--precision asks for {asked}. Leave that out to go on with it, or give --fresh to delete it and start "
            "again."
        )
    return began


def splits_of_old(
    folder: records.RunFolder, table: pd.DataFrame, *, data_hash: str, seed: int, way: str
) -> pd.DataFrame | None:
    """The splits of a run that a version with another leakage check began on these images, so that it can go on.

    Args:
        folder: where a run may be.
        table: the splits that the images would have now.
        data_hash: of the images that are there now.
        seed: of the run that is asked for.
        way: what stays together in the run that is asked for.

    Returns:
        a table like `table`, but without the column that such versions lack; None if the folder holds no such run.
    """
    # Not its study.json: that is written when a session ends, so one that was killed has left none.
    if not folder.events.exists():
        return None
    try:
        manifest = records.load_run(folder).manifest
    except ResultsError:
        # `previous` says so.
        return None
    found = data_changes.as_recorded(folder.splits, manifest)
    if found is None or "likeness" in found or not {"reason", "twin"} <= {*found}:
        return None
    names_hash = splits.names_hash(table)
    asked = (data_hash, seed, way, names_hash)
    if (manifest.data_hash, manifest.seed, _groups(manifest), manifest.names_hash or names_hash) != asked:
        return None
    return found.astype({"target": table["target"].dtype})


def previous(folder: records.RunFolder, manifest: records.Manifest, table: pd.DataFrame) -> records.StudyState | None:
    """The run that the folder holds, if it can be gone on with; None if it holds none.

    Args:
        folder: where a run may be.
        manifest: of the run that is asked for.
        table: its splits, see `splits.split`.

    Raises:
        ResultsError: the folder holds another run, one of other images, or something else.
    """
    names = {path.name for path in folder.root.iterdir()} if folder.root.exists() else set()
    names = {name for name in names if not name.endswith(".partial")}
    # A run that was killed while it began has written no more than these, and nothing in them is worth keeping.
    begun = {folder.splits.name, folder.left_out.name, folder.events.name, "parts", "pretrained"}
    if not folder.manifest.exists() and names <= begun:
        if not any(True for _ in records.read_events(folder.events)):
            return None
    elif folder.events.name not in names:
        raise ResultsError(
            f"A results folder must hold a run's {folder.events.name}, but {folder.root} holds other files without it. "
            "Give another --results, or --fresh to delete that folder."
        )
    if not any(True for _ in records.read_events(folder.events)):
        raise ResultsError(
            f"A results folder must hold a run's event log, but {folder.events} has no whole line. Restore it from a "
            "backup, or give --fresh to delete the folder and start again."
        )
    state = records.load_run(folder)
    images = data_changes.described(folder, state.manifest, manifest, table)
    changes = images + records.describe_changes(declared(state.manifest), declared(manifest))
    old_budget, new_budget = state.manifest.budget, manifest.budget
    for name, old, new in (
        ("epochs", old_budget.epochs, new_budget.epochs),
        ("seeds", old_budget.seeds, new_budget.seeds),
    ):
        changes += [f"{name}: {old} -> {new}"] if old != new else []
    if new_budget.trials < old_budget.trials:
        changes.append(f"trials: {old_budget.trials} -> {new_budget.trials} (only more can be added)")
    if new_budget.trials > old_budget.trials and state.test_opened:
        changes.append(
            f"trials: {old_budget.trials} -> {new_budget.trials}, but the test split has been opened: a new "
            "choice after that would be made with knowledge of it"
        )
    if changes:
        raise ResultsError(
            f"A results folder belongs to one declaration and its images, but {folder.root} was made with others:\n"
            + "\n".join(f"  {change[:300]}" for change in changes)
            + ("\nPut the images and their splits back as they were to go on with it. Or give" if images else "\nGive")
            + " --fresh to delete it and start again, or another --results to keep both."
            + (_OPENED if state.test_opened and not manifest.stand_in else "")
        )
    return state
