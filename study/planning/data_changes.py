"""What has become of a run's images, names, labels and splits since it was made.

The log knows them by hashes, which say that something changed; which files, says the run's splits.csv.
"""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from study.datasets.images import splits
from study.records import Manifest, RunFolder
from study.wording import counted

HASHES = ("data_hash", "names_hash", "split_hash")


def described(folder: RunFolder, old: Manifest, new: Manifest, table: pd.DataFrame) -> list[str]:
    """What of the images differs from those that a run was made with: one line a kind of change, [] for none.

    Args:
        folder: of the run.
        old: its manifest, as the log has it; that of an earlier version may lack the hash of the names.
        new: the manifest of the images that are there now.
        table: their splits, see `splits.split`.
    """
    # Early versions recorded no hash of the names.
    if (old.data_hash, old.names_hash or new.names_hash, old.split_hash) == (
        new.data_hash,
        new.names_hash,
        new.split_hash,
    ):
        return []
    before = as_recorded(folder.splits, old)
    if before is None:
        return [f"images or splits: not the same; {folder.splits.name}, which would tell more, is missing or changed"]
    found = _changes(before, table)
    if found:
        return found
    if old.data_hash != new.data_hash:
        return ["images: the same pictures, but not the same files: saved anew, or hashed by an earlier version"]
    return ["splits: the same images, but split in another way"]


def edited(path: Path, table: pd.DataFrame) -> str:
    """What to tell of a splits.csv that isn't what is about to be written there; "" if it is, or there is none."""
    if not path.exists():
        return ""
    found = path.read_text(encoding="utf-8", errors="replace").splitlines()[1:]
    wanted = dict(zip(table.to_csv(index=False).splitlines()[1:], table["path"], strict=False))
    known = {*found}
    missing = [name for row, name in wanted.items() if row not in known]
    strange = [row.partition(",")[0] for row in found if row and row not in wanted]
    if not missing and not strange:
        return ""
    return (
        f"{path} is not as this study wrote it: {counted(max(len(missing), len(strange)), 'row')} changed, the first "
        f"that of {[*missing, *strange][0]}. It is written again, for splits are never read from it: they follow from "
        "the images, --seed and --groups."
    )


def as_recorded(path: Path, manifest: Manifest) -> pd.DataFrame | None:
    """The splits that the log has the hashes of, or None if the file holds others or can't be read."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError):
        return None
    if not {"path", "sha256", "target", "split"} <= {*table}:
        return None
    names = splits.names_hash(table)
    if splits.split_hash(table) != manifest.split_hash or names != (manifest.names_hash or names):
        return None
    return table


def _changes(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    """A line for each kind of change, with the first image that it happened to."""
    old, new = (dict(zip(table["path"], table["sha256"], strict=True)) for table in (before, after))
    labels, now = (dict(zip(table["path"], table["target"].astype(str), strict=True)) for table in (before, after))
    renamed = _renamed(old, new)
    moved = {*renamed.values()}
    other = [name for name in new if name not in renamed and new[name] != old.get(name)]
    kinds = {
        "with another picture than before": [name for name in other if name in old],
        "missing or unreadable": [name for name in old if name not in new and name not in moved],
        "added": [name for name in other if name not in old],
        "under another name": [f"{name}, which was {renamed[name]}" for name in renamed],
        "with another label": [name for name in new if new[name] == old.get(name) and now[name] != labels[name]],
    }
    return [f"{counted(len(names), 'image')} {kind}, the first: {min(names)}" for kind, names in kinds.items() if names]


def _renamed(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """New -> old name of the pictures (name -> hash) that lie in another file than they did."""
    left = defaultdict(list)
    for name, picture in old.items():
        if new.get(name) != picture:
            left[picture].append(name)
    renamed = {}
    for name, picture in new.items():
        if old.get(name) != picture and left[picture]:
            renamed[name] = left[picture].pop(0)
    return renamed
