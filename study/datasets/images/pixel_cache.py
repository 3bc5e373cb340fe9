"""Every image is read, checked and resized once, into one uint8 array that all trials of a machine share.

The array lies in a cache folder, named by the hash of the files' contents, the size and the version of this code.
It is written under another name and renamed when it is whole, so a half-written cache is never read; who is interrupted
goes on where it was. Trials map it into memory: the operating system keeps one copy, however many trials read it.
"""

import hashlib
import json
import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from study.datasets import readers
from study.datasets.images import near_duplicates, picture
from study.datasets.images.near_duplicates import SamePictures, Scale
from study.datasets.images.progress import progress
from study.datasets.images.unfinished_cache import Unfinished
from study.datasets.readers import HEAD_BYTES, Readers
from study.errors import DataError
from study.records.locks import file_lock

# Raised whenever what this module keeps of a file changes: old caches are then not found any more.
_VERSION = 5
_NUM_NAMED = 10
# What has read the images of a cache that doesn't say it, as old ones don't.
_FIRST_READER, _FIRST_READERS = "pillow", {"pillow": "1"}
# Images that are read between two notes of what is on disk: a few seconds.
_NUM_AT_A_TIME = 1000

Format = tuple[str, int, int]


@dataclass(frozen=True)
class ImageStore:
    """The images of a dataset folder at one size.

    Attributes:
        path: the .npy file: uint8 (N, size, size, 3), RGB.
        thumbnails: another one: uint8 (N, 64, 64), grey, however large the images are.
        paths: the N relative paths, in the order of the array.
        sha256: of each file's content, same order.
        pixels_sha256: of each picture before it is resized, see `picture.fingerprint`, same order.
        formats: "L" for grey or "RGB", width and height in px of each upright image before it is resized, same order.
        unreadable: relative path -> why it couldn't be read; these are not in the array.
        data_hash: of all contents.
        read_by: name of each reader that read images -> how many, see `study.datasets.readers`.
    """

    path: Path
    thumbnails: Path
    paths: tuple[str, ...]
    sha256: tuple[str, ...]
    pixels_sha256: tuple[str, ...]
    formats: tuple[Format, ...]
    unreadable: dict[str, str]
    data_hash: str
    read_by: Mapping[str, int]

    def open(self) -> NDArray[np.uint8]:
        """The array, mapped into memory read-only."""
        pixels: NDArray[np.uint8] = np.load(self.path, mmap_mode="r")
        return pixels

    def same_pictures(self) -> SamePictures:
        """Rows of images that show the same picture, copies with equal pixels aside, see `look_alikes`."""

        def look(rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
            sides = [min(width, height) for _, width, height in (self.formats[row] for row in rows)]
            side_px = int(np.median(sides)) if sides else near_duplicates.THUMBNAIL_PX
            found = near_duplicates.same_pictures(np.load(self.thumbnails, mmap_mode="r")[rows], side_px)
            return {"pairs": rows[found.pairs], "likeness": found.likeness, "scale": np.array(found.scale)}

        found = self._found("same", look)
        return SamePictures(np.sort(found["pairs"], axis=1), found["likeness"], Scale(*found["scale"].tolist()))

    def similar_pictures(self) -> list[tuple[int, int]]:
        """Rows of images that are alike, see `look_alikes`; of copies with equal pixels the first stands for all."""
        found = self._found(
            "similar", lambda rows: {"pairs": rows[near_duplicates.similar_pictures(self.open()[rows])]}
        )
        return [(int(a), int(b)) for a, b in np.sort(found["pairs"], axis=1)]

    def _found(
        self, kind: str, look: Callable[[NDArray[np.int64]], dict[str, NDArray[Any]]]
    ) -> dict[str, NDArray[Any]]:
        """Looked for once, then kept beside the pixels."""
        kept = self.path.with_name(f"{self.path.stem}-{kind}-v{near_duplicates.VERSION}.npz")
        if not kept.exists():
            # One of each picture, in an order of contents: what is found must not hang on the files' names.
            first = {sha256: row for row, sha256 in reversed(list(enumerate(self.pixels_sha256)))}
            rows = np.array([first[sha256] for sha256 in sorted(first)], np.int64)
            partial = kept.with_suffix(f".{uuid.uuid4().hex}.partial.npz")
            np.savez(partial, allow_pickle=False, **look(rows))
            partial.replace(kept)
        with np.load(kept) as found:
            return dict(found)


@dataclass(frozen=True, kw_only=True)
class _Read:
    """A file that could be read: what is kept of it, and its pixels."""

    reader: str
    sha256: str
    pixels_sha256: str
    format: Format
    pixels: NDArray[np.uint8]
    thumbnail: NDArray[np.uint8]


@dataclass(frozen=True)
class _Job:
    """What is to be read, and how; see `prepare`."""

    root: Path
    paths: tuple[str, ...]
    size_px: int
    trimmed: bool
    window: picture.Window | None
    cache: Path
    readers: Readers

    @property
    def kind(self) -> str:
        window = "-".join(map(str, self.window)) if self.window else ""
        return "-".join(filter(None, [str(self.size_px), "trimmed" if self.trimmed else "", window]))

    @property
    def index(self) -> Path:
        return self.cache / f"index-{_digest(str(self.root.resolve()), *self.paths)[:16]}-{self.kind}.json"

    @property
    def readers_mark(self) -> str:
        """What tells images that are being read from those that other readers would have read."""
        if self.readers.identities == _FIRST_READERS:
            return ""
        return _digest(*(f"{name} {identity}" for name, identity in self.readers.identities.items()))[:16]

    def reader_of(self, path: str) -> str:
        """The name of the reader that would read a file now; "" for none."""
        try:
            with (self.root / path).open("rb") as file:
                return self.readers.reader_of(file.read(HEAD_BYTES), path)
        except readers.UNREADABLE:
            return ""

    def read(self, path: str) -> _Read | str:
        """A file's image, or why it can't be read."""
        try:
            content = (self.root / path).read_bytes()
            found, reader = self.readers.read(content, path)
            image = picture.in_8_bits(found, self.window)
        except readers.UNREADABLE as error:
            return readers.why_unreadable(error)
        framed = picture.trim(image) if self.trimmed else image
        return _Read(
            reader=reader,
            sha256=hashlib.sha256(content).hexdigest(),
            pixels_sha256=picture.fingerprint(image),
            format=(image.mode, image.width, image.height),
            pixels=picture.resize(framed, size_px=self.size_px),
            thumbnail=picture.thumbnail(image, size_px=near_duplicates.THUMBNAIL_PX),
        )


def prepare(
    root: Path,
    paths: list[str],
    *,
    size_px: int,
    cache: Path,
    trimmed: bool = False,
    window: picture.Window | None = None,
    show_progress: bool = True,
) -> ImageStore:
    """Reads, checks and resizes the images, or finds them in the cache.

    Args:
        root: the dataset's folder.
        paths: image files relative to it.
        size_px: side of the resized images.
        cache: folder of the cache; made if need be.
        trimmed: whether dark margins are cut away first, see `picture.trim`.
        window: of images with more than 8 bits, see `picture.in_8_bits`.
        show_progress: whether to draw a progress bar on stderr.
    """
    cache.mkdir(parents=True, exist_ok=True)
    job = _Job(root, tuple(paths), size_px, trimmed, window, cache, readers.known())
    stamps = [_stamp(root / path) for path in paths]
    signature = _digest(*stamps)
    return _load(job, signature) or _build(job, signature, stamps, show_progress)


def require_readable(store: ImageStore, *, skip: bool) -> None:
    """Raises DataError if images couldn't be read, unless the user asked to go on without them."""
    if not store.unreadable or skip:
        return
    named = [f"  {path}: {reason}" for path, reason in list(store.unreadable.items())[:_NUM_NAMED]]
    more = len(store.unreadable) - len(named)
    total = len(store.paths) + len(store.unreadable)
    raise DataError(
        f"Every image must be readable, but {len(store.unreadable)} of {total} are not:\n"
        + "\n".join([*named, *([f"  and {more} more"] if more else [])])
        + "\nMend or remove them, or give --skip-unreadable: the study then goes on without them and the report "
        "lists them."
    )


def _load(job: _Job, signature: str) -> ImageStore | None:
    if not job.index.exists():
        return None
    index = json.loads(job.index.read_text())
    files = [job.cache / index[name] for name in ("pixels", "thumbnails")]
    if index["signature"] != signature or not all(file.exists() for file in files):
        return None
    # Files that couldn't be read are tried again: the disk may have been at fault.
    if any(job.read(path) != reason for path, reason in index["unreadable"].items()):
        return None
    if index.get("readers", _FIRST_READERS) != job.readers.identities:
        if not _would_be_read_alike(job, index):
            return None
        # Next time the files needn't be looked into.
        index["readers"] = dict(job.readers.identities)
        _write(job, index)
    return _store(job, index)


def _would_be_read_alike(job: _Job, index: dict[str, Any]) -> bool:
    """Whether the readers that there are now would read each image as those did that there were then."""
    then, now, by = index.get("readers", _FIRST_READERS), job.readers.identities, _read_by(index)
    if any(then[name] != now.get(name) for name in set(by)):
        return False
    return all(job.reader_of(path) == name for path, name in zip(index["paths"], by, strict=True))


def _read_by(index: dict[str, Any]) -> list[str]:
    """The name of the reader of each image."""
    by: list[str] = index.get("read_by") or [_FIRST_READER] * len(index["paths"])
    return by


def _store(job: _Job, index: dict[str, Any]) -> ImageStore:
    return ImageStore(
        path=job.cache / index["pixels"],
        thumbnails=job.cache / index["thumbnails"],
        paths=tuple(index["paths"]),
        sha256=tuple(index["sha256"]),
        pixels_sha256=tuple(index["pixels_sha256"]),
        formats=tuple((mode, width, height) for mode, width, height in index["formats"]),
        unreadable=index["unreadable"],
        data_hash=index["data_hash"],
        read_by=dict(sorted(Counter(_read_by(index)).items())),
    )


def _build(job: _Job, signature: str, stamps: list[str], show_progress: bool) -> ImageStore:
    """Reads what no earlier build that was interrupted has read; see `Unfinished`."""
    # Two studies may want the same cache at the same time: the second one waits and finds it.
    with file_lock(job.index.with_suffix(".lock")):
        return _load(job, signature) or _read_all(job, signature, stamps, show_progress)


def _read_all(job: _Job, signature: str, stamps: list[str], show_progress: bool) -> ImageStore:
    unfinished = Unfinished(
        job.cache / f"unfinished-{job.index.stem}",
        num_images=len(job.paths),
        size_px=job.size_px,
        thumbnail_px=near_duplicates.THUMBNAIL_PX,
    )
    stamps = [f"{stamp}{job.readers_mark}" for stamp in stamps]
    stale = [row for row, stamp in enumerate(stamps) if unfinished.known.get(row, {}).get("stamp") != stamp]
    unreadable: dict[str, str] = {}
    filled: dict[int, dict[str, Any]] = {}
    for row, found in progress(_read_in_turn(job, stale), total=len(stale), show=show_progress):
        if isinstance(found, str):
            unreadable[job.paths[row]] = found
        else:
            unfinished.pixels[row], unfinished.thumbnails[row] = found.pixels, found.thumbnail
            filled[row] = _noted(found, stamps[row])
        if len(filled) >= _NUM_AT_A_TIME:
            unfinished.keep(filled)
            filled.clear()
    unfinished.keep(filled)
    return _publish(job, unfinished, unreadable, signature)


def _read_in_turn(job: _Job, rows: list[int]) -> Iterator[tuple[int, _Read | str]]:
    # Threads suffice: Pillow releases the interpreter lock while it decodes and resizes.
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        # Not all at once: what is read and not taken yet would fill the memory.
        for start in range(0, len(rows), _NUM_AT_A_TIME):
            some = rows[start : start + _NUM_AT_A_TIME]
            yield from zip(some, pool.map(job.read, (job.paths[row] for row in some)), strict=True)
    finally:
        # Who is interrupted does not wait until all that is queued has been read.
        pool.shutdown(cancel_futures=True)


def _noted(found: _Read, stamp: str) -> dict[str, Any]:
    return {
        "stamp": stamp,
        "reader": found.reader,
        "sha256": found.sha256,
        "pixels_sha256": found.pixels_sha256,
        "format": found.format,
    }


def _publish(job: _Job, unfinished: Unfinished, unreadable: dict[str, str], signature: str) -> ImageStore:
    rows = [row for row, path in enumerate(job.paths) if path not in unreadable]
    noted = [unfinished.known[row] for row in rows]
    sha256 = [each["sha256"] for each in noted]
    read_by = [each.get("reader", _FIRST_READER) for each in noted]
    # What another reader makes of the same files is another array.
    made_of = [_read_as(job, each, reader) for each, reader in zip(sha256, read_by, strict=True)]
    name = f"v{_VERSION}-{_digest(*made_of)[:16]}-{job.kind}.npy"
    index: dict[str, Any] = {
        "signature": signature,
        "pixels": f"pixels-{name}",
        "thumbnails": f"thumbnails-{name}",
        "paths": [job.paths[row] for row in rows],
        "sha256": sha256,
        "pixels_sha256": [each["pixels_sha256"] for each in noted],
        "formats": [each["format"] for each in noted],
        "unreadable": unreadable,
        # Of the contents alone: no other version of this code calls the same images others.
        "data_hash": hashlib.sha256("\n".join(sorted(sha256)).encode()).hexdigest(),
        "read_by": read_by,
        "readers": dict(job.readers.identities),
    }
    unfinished.publish(rows, pixels=job.cache / index["pixels"], thumbnails=job.cache / index["thumbnails"])
    _write(job, index)
    return _store(job, index)


def _read_as(job: _Job, sha256: str, reader: str) -> str:
    """What stands for the pixels of a content: of what Pillow reads the content alone, as in old caches."""
    identity = job.readers.identities[reader]
    return sha256 if _FIRST_READERS.get(reader) == identity else f"{sha256} {reader} {identity}"


def _write(job: _Job, index: dict[str, Any]) -> None:
    partial = job.index.with_suffix(f".{uuid.uuid4().hex}.partial")
    partial.write_text(json.dumps(index))
    partial.replace(job.index)


def _stamp(path: Path) -> str:
    """What changes with a file's content, without reading it.

    Whoever puts a file back with the time that it had before (`cp -p`, `rsync -a`) can't set the time of that change.
    """
    try:
        stat = path.stat()
    except OSError:
        # Why it can't be read is told when that is tried.
        return ""
    return f"{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join([str(_VERSION), *parts]).encode()).hexdigest()
