"""Whether a results folder holds a run that can be gone on with: the same declaration, on the same images."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from study import records
from study.datasets.images import splits
from study.errors import ResultsError
from study.planning import data_changes
from study.spec import BFLOAT16, FLOAT32

DESCRIPTION = ("dataset", "from_scratch", "given_weights", "notes", "published", "published_epochs", "title")
_SEEN_BY_NETWORKS = ("name", "classes", "modality", "trimmed", "window")
PROVENANCE = ("budget", "command", "commit", "machine", "versions")
# A study goes on with those that it began with.
_POLICY = ("reduction_factor",)
_OF_THE_SEARCH = ("grace", "rungs", "search")
# Recorded for the reader: these may differ when a study is resumed, or follow from the hashes.
_FOLLOWS = (
    *("appearance", "counts", "created", "duplicates", "given_splits", "left_out", "likeness", "opened_before", "run"),
    *("skipped", "slots", "test_hash"),
)
# Asked for, or what the device is fastest in; a study goes on in that which it began with.
_CHOSEN = ("precision",)
# What a log of an earlier version doesn't say, but did.
EARLIER: dict[str, Any] = {
    "groups": "duplicates",
    "holdout": False,
    "objective": records.Objective().to_json(),
    "metrics": [],
    "parts": [],
    "search": {"policy": "tpe", "early_stopping": "asha"},
}
_OPENED = " It has opened its test split: a new run needs --open-test-again, too, and its report says so."
_NOT_DECLARED = (*DESCRIPTION, *PROVENANCE, *_POLICY, *_FOLLOWS, *_CHOSEN, *data_changes.HASHES)


def declared(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What must be as it was when a study is gone on with."""
    declared = {name: value for name, value in {**EARLIER, **manifest}.items() if name not in _NOT_DECLARED}
    declared["dataset"] = {name: manifest["dataset"].get(name) for name in _SEEN_BY_NETWORKS}
    # Weights are what they are, whatever their file is called.
    declared["pairs"] = {
        pair: {k: v for k, v in values.items() if k not in _OF_THE_SEARCH}
        | {"weights": (values["weights"] or {}).get("sha256")}
        for pair, values in manifest["pairs"].items()
    }
    return declared


def precision(state: records.StudyState | None, asked: str | None) -> str:
    """That the trials are trained in; "" where a run begins and the device is to decide.

    Raises:
        ResultsError: a run that is gone on with began in another one.
    """
    if state is None:
        return asked or ""
    # What a log that says nothing of it did.
    default = BFLOAT16 if state.manifest["slots"]["gpus"] else FLOAT32
    began: str = state.manifest.get("precision", default)
    if asked and asked != began:
        raise ResultsError(
            f"The trials of a study are trained in one precision, but {state.manifest['run']} began in {began} and "
            f"--precision asks for {asked}. Leave that out to go on with it, or give --fresh to delete it and start "
            "again."
        )
    return began


def splits_of_old(
    folder: records.RunFolder, table: pd.DataFrame, *, data_hash: str, seed: int, groups: str
) -> pd.DataFrame | None:
    """The splits of a run that a version with another leakage check began on these images, so that it can go on.

    Args:
        folder: where a run may be.
        table: the splits that the images would have now.
        data_hash: of the images that are there now.
        seed: of the run that is asked for.
        groups: of the run that is asked for.

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
    asked = {"data_hash": data_hash, "seed": seed, "groups": groups, "names_hash": splits.names_hash(table)}
    if any(manifest.get(name, EARLIER.get(name, value)) != value for name, value in asked.items()):
        return None
    return found.astype({"target": table["target"].dtype})


def previous(folder: records.RunFolder, manifest: dict[str, Any], table: pd.DataFrame) -> records.StudyState | None:
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
    old_budget, new_budget = state.manifest["budget"], manifest["budget"]
    changes += [
        f"{key}: {old_budget[key]} -> {new_budget[key]}"
        for key in ("epochs", "seeds")
        if old_budget[key] != new_budget[key]
    ]
    if new_budget["trials"] < old_budget["trials"]:
        changes.append(f"trials: {old_budget['trials']} -> {new_budget['trials']} (only more can be added)")
    if new_budget["trials"] > old_budget["trials"] and state.test_opened:
        changes.append(
            f"trials: {old_budget['trials']} -> {new_budget['trials']}, but the test split has been opened: a new "
            "choice after that would be made with knowledge of it"
        )
    if changes:
        raise ResultsError(
            f"A results folder belongs to one declaration and its images, but {folder.root} was made with others:\n"
            + "\n".join(f"  {change[:300]}" for change in changes)
            + ("\nPut the images and their splits back as they were to go on with it. Or give" if images else "\nGive")
            + " --fresh to delete it and start again, or another --results to keep both."
            + (_OPENED if state.test_opened and not manifest["stand_in"] else "")
        )
    return state
