"""Every image is read, checked and resized once, into one uint8 array that all trials of a machine share.

The array lies in a cache folder, named by the hash of the files' contents, the size and the version of this code.
It is written under another name and renamed when it is whole, so a half-written cache is never read. Trials map it
into memory: the operating system keeps one copy, however many trials read it.
"""

import hashlib
import json
import os
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from study.datasets.images import decoding, look_alikes
from study.datasets.images.progress import progress
from study.errors import DataError

# Raised whenever what this module keeps of a file changes: old caches are then not found any more.
_VERSION = 4
_NUM_NAMED = 10

Format = tuple[str, int, int]


@dataclass(frozen=True)
class ImageStore:
    """The images of a dataset folder at one size.

    Attributes:
        path: the .npy file: uint8 (N, size, size, 3), RGB.
        thumbnails: another one: uint8 (N, 64, 64), grey, however large the images are.
        paths: the N relative paths, in the order of the array.
        sha256: of each file's content, same order.
        pixels_sha256: of each picture before it is resized, see `decoding.fingerprint`, same order.
        formats: Pillow's colour mode, width and height in px of each upright image before it is resized, same order.
        unreadable: relative path -> why it couldn't be read; these are not in the array.
        data_hash: of all contents.
    """

    path: Path
    thumbnails: Path
    paths: tuple[str, ...]
    sha256: tuple[str, ...]
    pixels_sha256: tuple[str, ...]
    formats: tuple[Format, ...]
    unreadable: dict[str, str]
    data_hash: str

    def open(self) -> NDArray[np.uint8]:
        """The array, mapped into memory read-only."""
        pixels: NDArray[np.uint8] = np.load(self.path, mmap_mode="r")
        return pixels

    def same_pictures(self) -> list[tuple[int, int]]:
        """Rows of images that show the same picture, copies with equal pixels aside, see `look_alikes`."""
        return self._found("same")

    def similar_pictures(self) -> list[tuple[int, int]]:
        """Rows of images that are alike, see `look_alikes`; of copies with equal pixels the first stands for all."""
        return self._found("similar")

    def _found(self, kind: Literal["same", "similar"]) -> list[tuple[int, int]]:
        """Looked for once, then kept beside the pixels."""
        kept = self.path.with_name(f"{self.path.stem}-{kind}.npy")
        if not kept.exists():
            # One of each picture, in an order of contents: what is found must not hang on the files' names.
            first = {sha256: row for row, sha256 in reversed(list(enumerate(self.pixels_sha256)))}
            rows = np.array([first[sha256] for sha256 in sorted(first)], np.int64)
            if kind == "same":
                found = look_alikes.same_pictures(np.load(self.thumbnails, mmap_mode="r")[rows])
            else:
                found = look_alikes.similar_pictures(self.open()[rows])
            partial = kept.with_suffix(f".{uuid.uuid4().hex}.partial.npy")
            np.save(partial, np.sort(rows[found], axis=1))
            partial.replace(kept)
        return [(int(a), int(b)) for a, b in np.load(kept)]


@dataclass(frozen=True, kw_only=True)
class _Read:
    """A file that could be read. The pixels go into the array at once and are then let go."""

    path: str
    sha256: str
    pixels_sha256: str
    format: Format
    pixels: NDArray[np.uint8] | None
    thumbnail: NDArray[np.uint8] | None


@dataclass(frozen=True)
class _Job:
    """What is to be read, and how; see `prepare`."""

    root: Path
    paths: tuple[str, ...]
    size_px: int
    trimmed: bool
    cache: Path

    @property
    def kind(self) -> str:
        return f"{self.size_px}-trimmed" if self.trimmed else str(self.size_px)

    @property
    def index(self) -> Path:
        return self.cache / f"index-{_digest(str(self.root.resolve()), *self.paths)[:16]}-{self.kind}.json"

    def read(self, path: str) -> _Read | str:
        """A file's image, or why it can't be read."""
        try:
            content = (self.root / path).read_bytes()
            image = decoding.load(content)
            framed = decoding.trim(image) if self.trimmed else image
            square = decoding.resize(framed, size_px=self.size_px)
            thumbnail = decoding.thumbnail(image, size_px=look_alikes.THUMBNAIL_PX)
        except decoding.UNREADABLE as error:
            return decoding.why_unreadable(error)
        return _Read(
            path=path,
            sha256=hashlib.sha256(content).hexdigest(),
            pixels_sha256=decoding.fingerprint(image),
            format=(image.mode, image.width, image.height),
            pixels=square,
            thumbnail=thumbnail,
        )


def prepare(
    root: Path,
    paths: list[str],
    *,
    size_px: int,
    cache: Path,
    trimmed: bool = False,
    show_progress: bool = True,
) -> ImageStore:
    """Reads, checks and resizes the images, or finds them in the cache.

    Args:
        root: the dataset's folder.
        paths: image files relative to it.
        size_px: side of the resized images.
        cache: folder of the cache; made if need be.
        trimmed: whether dark margins are cut away first, see `decoding.trim`.
        show_progress: whether to draw a progress bar on stderr.
    """
    cache.mkdir(parents=True, exist_ok=True)
    job = _Job(root, tuple(paths), size_px, trimmed, cache)
    signature = _digest(*(_stamp(root / path) for path in paths))
    return _load(job, signature) or _build(job, signature, show_progress)


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
    pixels, thumbnails = (job.cache / index[name] for name in ("pixels", "thumbnails"))
    # Files that couldn't be read are tried again: the disk may have been at fault.
    if index["signature"] != signature or index["unreadable"] or not (pixels.exists() and thumbnails.exists()):
        return None
    return ImageStore(
        path=pixels,
        thumbnails=thumbnails,
        paths=tuple(index["paths"]),
        sha256=tuple(index["sha256"]),
        pixels_sha256=tuple(index["pixels_sha256"]),
        formats=tuple((mode, width, height) for mode, width, height in index["formats"]),
        unreadable=index["unreadable"],
        data_hash=index["data_hash"],
    )


def _build(job: _Job, signature: str, show_progress: bool) -> ImageStore:
    # Names of their own for each process: two studies may build the same cache at the same time.
    partial = [job.cache / f"{uuid.uuid4().hex}.partial.npy" for _ in range(2)]
    small = look_alikes.THUMBNAIL_PX
    shapes = [(len(job.paths), job.size_px, job.size_px, 3), (len(job.paths), small, small)]
    arrays = [
        np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
        for path, shape in zip(partial, shapes, strict=True)
    ]
    readable: list[_Read] = []
    unreadable: dict[str, str] = {}
    try:
        # Threads suffice: Pillow releases the interpreter lock while it decodes and resizes.
        pool = ThreadPoolExecutor(os.cpu_count())
        try:
            results = progress(pool.map(job.read, job.paths), total=len(job.paths), show=show_progress)
            for path, result in zip(job.paths, results, strict=True):
                if isinstance(result, str):
                    unreadable[path] = result
                else:
                    arrays[0][len(readable)], arrays[1][len(readable)] = result.pixels, result.thumbnail
                    readable.append(replace(result, pixels=None, thumbnail=None))
        finally:
            # Who is interrupted does not wait until all that is queued has been read.
            pool.shutdown(cancel_futures=True)
        for file, array in zip(partial, arrays, strict=True):
            _shrink(file, array, len(readable))
        return _publish(job, partial, readable, unreadable, signature)
    finally:
        for file in partial:
            file.unlink(missing_ok=True)


def _shrink(partial: Path, array: np.memmap, num_images: int) -> None:
    """Makes the file whole on disk; rewritten only where unreadable images left rows over."""
    if num_images < len(array):
        np.save(partial, np.array(array[:num_images]))
    else:
        array.flush()


def _publish(
    job: _Job, partial: Sequence[Path], readable: list[_Read], unreadable: dict[str, str], signature: str
) -> ImageStore:
    paths, sha256 = tuple(r.path for r in readable), tuple(r.sha256 for r in readable)
    pixels_sha256, formats = tuple(r.pixels_sha256 for r in readable), tuple(r.format for r in readable)
    # Of the contents alone: no other version of this code calls the same images others.
    data_hash = hashlib.sha256("\n".join(sorted(sha256)).encode()).hexdigest()
    name = f"v{_VERSION}-{_digest(*sha256)[:16]}-{job.kind}.npy"
    final, thumbnails = (job.cache / f"{kind}-{name}" for kind in ("pixels", "thumbnails"))
    partial[0].replace(final)
    partial[1].replace(thumbnails)
    index = {
        "signature": signature,
        "pixels": final.name,
        "thumbnails": thumbnails.name,
        "paths": paths,
        "sha256": sha256,
        "pixels_sha256": pixels_sha256,
        "formats": formats,
        "unreadable": unreadable,
        "data_hash": data_hash,
    }
    partial_index = partial[0].with_suffix(".json")
    partial_index.write_text(json.dumps(index))
    partial_index.replace(job.index)
    return ImageStore(final, thumbnails, paths, sha256, pixels_sha256, formats, unreadable, data_hash)


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
