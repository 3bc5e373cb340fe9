"""Every image is read, checked and resized once, into one uint8 array that all trials of a machine share.

The array lies in a cache folder, named by the hash of the files' contents, the size and the version of this code.
It is written under another name and renamed when it is whole, so a half-written cache is never read. Trials map it
into memory: the operating system keeps one copy, however many trials read it.
"""

import hashlib
import io
import json
import os
import uuid
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from study.datasets.images.progress import progress
from study.errors import DataError

# Raised whenever the pixels that this module makes of a file change: old caches are then not found any more.
_VERSION = 2
# Pillow only warns of an image of more than 89 million pixels, and refuses one of twice that.
_BOMBS = (Image.DecompressionBombWarning, Image.DecompressionBombError)
# What reading a file and `load` raise where the file is at fault.
UNREADABLE = (OSError, ValueError, SyntaxError, *_BOMBS)
warnings.simplefilter("error", Image.DecompressionBombWarning)
_MODES = ("RGB", "L")
# A pixel is lit if it is brighter than this grey level and this share of the brightest; a line, if this share of it is.
_DARKEST_LIT, _SHARE_OF_BRIGHTEST, _SHARE_LIT = 12, 0.08, 0.03
_NUM_NAMED = 10


@dataclass(frozen=True)
class ImageStore:
    """The images of a dataset folder at one size.

    Attributes:
        path: the .npy file: uint8 (N, size, size, 3), RGB.
        paths: the N relative paths, in the order of the array.
        sha256: of each file's content, same order.
        pixels_sha256: of each picture before it is resized, see `fingerprint`, same order.
        unreadable: relative path -> why it couldn't be read; these are not in the array.
        data_hash: of all contents.
    """

    path: Path
    paths: tuple[str, ...]
    sha256: tuple[str, ...]
    pixels_sha256: tuple[str, ...]
    unreadable: dict[str, str]
    data_hash: str

    def open(self) -> NDArray[np.uint8]:
        """The array, mapped into memory read-only."""
        pixels: NDArray[np.uint8] = np.load(self.path, mmap_mode="r")
        return pixels


@dataclass(frozen=True)
class _Read:
    """A file that could be read. The pixels go into the array at once and are then let go."""

    path: str
    sha256: str
    pixels_sha256: str
    pixels: NDArray[np.uint8] | None


def load(content: bytes) -> Image.Image:
    """The decoded image, upright, in its own mode and size.

    Raises:
        ValueError: not an 8-bit grey or RGB image.
        OSError: truncated, or not an image that Pillow can read.
        Image.DecompressionBombWarning: absurdly large, which the header says before anything is decoded.
    """
    with Image.open(io.BytesIO(content)) as image:
        if image.mode not in _MODES:
            raise ValueError(f"colour mode {image.mode}, not one of {', '.join(_MODES)}")
        image.load()
        return ImageOps.exif_transpose(image)


def why_unreadable(error: Exception) -> str:
    """What is wrong with a file, in words that are the same each time."""
    # Pillow names the object in memory that it was given.
    if isinstance(error, UnidentifiedImageError):
        return "cannot identify the image's format"
    return str(error) or type(error).__name__


def fingerprint(image: Image.Image) -> str:
    """sha256 of an image's size and its pixels as RGB: the same for a picture that was saved in another format."""
    seen = hashlib.sha256(f"{image.width}x{image.height}".encode())
    seen.update(image.convert("RGB").tobytes())
    return seen.hexdigest()


def resize(image: Image.Image, *, size_px: int) -> NDArray[np.uint8]:
    """The pixels of an image, resized to a square: uint8 (size_px, size_px, 3), RGB."""
    # Pillow widens the filter to the scale, so thin membranes of a 1024 px patch are averaged, not skipped.
    resized = image.convert("RGB").resize((size_px, size_px), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.uint8)


def trim(image: Image.Image) -> Image.Image:
    """The image without its dark margins: an edge is cut off as far as less than 3 % of each line is lit.

    How much air there is around a head depends on who exported the slice, not on the patient.
    """
    grey = np.asarray(image.convert("L"))
    lit = grey > max(_DARKEST_LIT, _SHARE_OF_BRIGHTEST * float(np.percentile(grey[::4, ::4], 99)))
    rows, columns = (np.flatnonzero(lit.mean(axis=axis) > _SHARE_LIT) for axis in (1, 0))
    if not len(rows) or not len(columns):
        return image
    return image.crop((int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1))


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
        trimmed: whether dark margins are cut away first, see `trim`.
        show_progress: whether to draw a progress bar on stderr.
    """
    cache.mkdir(parents=True, exist_ok=True)
    kind = f"{size_px}-trimmed" if trimmed else str(size_px)
    index_path = cache / f"index-{_digest(str(root.resolve()), *paths)[:16]}-{kind}.json"
    signature = _digest(*(_stat_signature(root / path) for path in paths))
    return _load(index_path, signature, cache) or _build(
        root, paths, kind, size_px, trimmed, cache, index_path, signature, show_progress
    )


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


def _load(index_path: Path, signature: str, cache: Path) -> ImageStore | None:
    if not index_path.exists():
        return None
    index = json.loads(index_path.read_text())
    pixels = cache / index["pixels"]
    # Files that couldn't be read are tried again: the disk may have been at fault.
    if index["signature"] != signature or index["unreadable"] or not pixels.exists():
        return None
    paths, sha256, pixels_sha256 = (tuple(index[name]) for name in ("paths", "sha256", "pixels_sha256"))
    return ImageStore(pixels, paths, sha256, pixels_sha256, index["unreadable"], index["data_hash"])


def _build(
    root: Path,
    paths: list[str],
    kind: str,
    size_px: int,
    trimmed: bool,
    cache: Path,
    index_path: Path,
    signature: str,
    show_progress: bool,
) -> ImageStore:
    # A name of its own for each process: two studies may build the same cache at the same time.
    partial = cache / f"{uuid.uuid4().hex}.partial.npy"
    pixels = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=(len(paths), size_px, size_px, 3))

    def read(path: str) -> _Read | str:
        try:
            content = (root / path).read_bytes()
            image = load(content)
            framed = trim(image) if trimmed else image
            square = resize(framed, size_px=size_px)
            return _Read(path, hashlib.sha256(content).hexdigest(), fingerprint(image), square)
        except UNREADABLE as error:
            return why_unreadable(error)

    readable: list[_Read] = []
    unreadable: dict[str, str] = {}
    try:
        # Threads suffice: Pillow releases the interpreter lock while it decodes and resizes.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            results = pool.map(read, paths)
            shown = progress(results, total=len(paths), show=show_progress)
            for path, result in zip(paths, shown, strict=True):
                if isinstance(result, str):
                    unreadable[path] = result
                else:
                    pixels[len(readable)] = result.pixels
                    readable.append(replace(result, pixels=None))
        _shrink(partial, pixels, len(readable))
        return _publish(partial, readable, unreadable, kind, cache, index_path, signature)
    finally:
        partial.unlink(missing_ok=True)


def _shrink(partial: Path, pixels: np.memmap, num_images: int) -> None:
    """Makes the file whole on disk; rewritten only where unreadable images left rows over."""
    if num_images < len(pixels):
        np.save(partial, np.array(pixels[:num_images]))
    else:
        pixels.flush()


def _publish(
    partial: Path,
    readable: list[_Read],
    unreadable: dict[str, str],
    kind: str,
    cache: Path,
    index_path: Path,
    signature: str,
) -> ImageStore:
    paths, hashes = tuple(r.path for r in readable), tuple(r.sha256 for r in readable)
    pixels_sha256 = tuple(r.pixels_sha256 for r in readable)
    data_hash = _digest(*sorted(hashes))
    final = cache / f"pixels-v{_VERSION}-{_digest(*hashes)[:16]}-{kind}.npy"
    partial.replace(final)
    index = {
        "signature": signature,
        "pixels": final.name,
        "paths": paths,
        "sha256": hashes,
        "pixels_sha256": pixels_sha256,
        "unreadable": unreadable,
        "data_hash": data_hash,
    }
    partial_index = partial.with_suffix(".json")
    partial_index.write_text(json.dumps(index))
    partial_index.replace(index_path)
    return ImageStore(final, paths, hashes, pixels_sha256, unreadable, data_hash)


def _stat_signature(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_size}:{stat.st_mtime_ns}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join([str(_VERSION), *parts]).encode()).hexdigest()
