"""Reads every image of a folder once and keeps what `check` tells of it."""

import hashlib
import json
import os
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from study.datasets.images import decoding
from study.datasets.images.progress import progress

# Raised whenever what is kept of a file changes: old notes are then not found any more.
_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """What is known of an image file that was read.

    Attributes:
        sha256: of its content, "" if it couldn't be read.
        pixels_sha256: of its size and its pixels as upright RGB: the same for a picture saved in another format.
        mode: Pillow's colour mode.
        width_px: of the upright image.
        height_px: of the upright image.
        unreadable: why it couldn't be read, "" if it could.
    """

    sha256: str = ""
    pixels_sha256: str = ""
    mode: str = ""
    width_px: int = 0
    height_px: int = 0
    unreadable: str = ""


def read_all(root: Path, paths: Sequence[str], *, cache: Path | None, show_progress: bool = True) -> list[FileFacts]:
    """Reads the images, in the order of the paths.

    Args:
        root: the dataset's folder.
        paths: image files relative to it.
        cache: where facts are kept; files whose size and time are as they were are not read again. None reads all.
        show_progress: whether to draw a progress bar on stderr.
    """
    notes = None if cache is None else cache / f"facts-v{_VERSION}-{_digest(root)}.json"
    kept = _load(notes) if notes else {}
    stamps = [_stamp(root / path) for path in paths] if notes else [""] * len(paths)

    def read(number: int) -> FileFacts:
        path = paths[number]
        if stamps[number] and kept.get(path, {}).get("stamp") == stamps[number]:
            return FileFacts(**kept[path]["facts"])
        return read_file(root / path)

    # Threads suffice: Pillow and hashlib release the interpreter lock while they decode and hash.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            facts = list(progress(pool.map(read, range(len(paths))), total=len(paths), show=show_progress))
        except BaseException:
            # An interrupted check must not go on until all that is queued has been read.
            pool.shutdown(cancel_futures=True)
            raise
    if notes:
        _save(notes, paths, stamps, facts)
    return facts


def read_file(path: Path) -> FileFacts:
    """Reads one image file; whatever is wrong with it is told, not raised."""
    try:
        content = path.read_bytes()
        image = decoding.load(content)
    except decoding.UNREADABLE as error:
        return FileFacts(unreadable=decoding.why_unreadable(error))
    return FileFacts(
        sha256=hashlib.sha256(content).hexdigest(),
        pixels_sha256=decoding.fingerprint(image),
        mode=image.mode,
        width_px=image.width,
        height_px=image.height,
    )


def _load(notes: Path) -> dict[str, Any]:
    # Notes are only there to save time: what can't be read is as good as missing.
    try:
        kept = json.loads(notes.read_text())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _save(notes: Path, paths: Sequence[str], stamps: Sequence[str], facts: Sequence[FileFacts]) -> None:
    notes.parent.mkdir(parents=True, exist_ok=True)
    # Files that couldn't be read are tried again: the disk may have been at fault.
    kept = {
        path: {"stamp": stamp, "facts": asdict(fact)}
        for path, stamp, fact in zip(paths, stamps, facts, strict=True)
        if not fact.unreadable
    }
    partial = notes.with_name(f"{uuid.uuid4().hex}.partial.json")
    try:
        partial.write_text(json.dumps(kept))
        partial.replace(notes)
    finally:
        partial.unlink(missing_ok=True)


def _stamp(path: Path) -> str:
    try:
        stat = path.stat()
    except OSError:
        return ""
    return f"{stat.st_size}:{stat.st_mtime_ns}"


def _digest(root: Path) -> str:
    return hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]
