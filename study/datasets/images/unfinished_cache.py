"""An image cache that is being built: what has been read is on disk, so that an interrupted build goes on."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

Array = np.memmap[Any, np.dtype[np.uint8]]

_PIXELS, _THUMBNAILS, _LOG = "pixels.npy", "thumbnails.npy", "read.jsonl"


class Unfinished:
    """Arrays with a row for each file, and a log of the rows that are filled. One process at a time may open it.

    Attributes:
        pixels: uint8 (N, S, S, 3).
        thumbnails: uint8 (N, T, T).
        known: row -> what was logged of it, by this process or one before it.
    """

    def __init__(self, folder: Path, *, num_images: int, size_px: int, thumbnail_px: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / _LOG
        shapes = {_PIXELS: (num_images, size_px, size_px, 3), _THUMBNAILS: (num_images, thumbnail_px, thumbnail_px)}
        arrays = {name: _opened(folder / name, shape) for name, shape in shapes.items()}
        self.known: dict[int, dict[str, Any]] = {}
        if any(array is None for array in arrays.values()):
            # Rows that are logged are nothing without the arrays.
            self._log.unlink(missing_ok=True)
        else:
            self.known = _read_log(self._log)
        self.pixels, self.thumbnails = (
            _created(folder / name, shapes[name]) if array is None else array for name, array in arrays.items()
        )
        self._folder = folder

    def keep(self, rows: Mapping[int, dict[str, Any]]) -> None:
        """Logs that these rows are filled, once they are on disk: a power cut leaves none that is only said to be."""
        self.pixels.flush()
        self.thumbnails.flush()
        with self._log.open("a") as file:
            file.writelines(json.dumps([row, about]) + "\n" for row, about in rows.items())
            file.flush()
            os.fsync(file.fileno())
        self.known |= rows

    def publish(self, rows: list[int], *, pixels: Path, thumbnails: Path) -> None:
        """Moves the arrays, with these rows alone, to where they are to be; nothing of the build is left."""
        for name, array, final in ((_PIXELS, self.pixels, pixels), (_THUMBNAILS, self.thumbnails, thumbnails)):
            if len(rows) < len(array):
                _keep_rows(self._folder / name, array, rows)
            (self._folder / name).replace(final)
        # With what an earlier process may have left that was killed just here.
        shutil.rmtree(self._folder)


def _opened(path: Path, shape: tuple[int, ...]) -> Array | None:
    try:
        # Opened to be written, a file that was cut off would be made as long as its header says.
        np.load(path, mmap_mode="r")
        array = np.lib.format.open_memmap(path, mode="r+")
    except (OSError, ValueError):
        return None
    return array if array.shape == shape and array.dtype == np.uint8 else None


def _created(path: Path, shape: tuple[int, ...]) -> Array:
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)


def _read_log(log: Path) -> dict[int, dict[str, Any]]:
    """Its whole lines; one that was cut off while it was written is cut away."""
    known: dict[int, dict[str, Any]] = {}
    num_bytes = 0
    if not log.exists():
        return known
    with log.open("r+b") as file:
        for line in file:
            try:
                row, about = json.loads(line)
            except ValueError:
                break
            known[row] = about
            num_bytes += len(line)
        file.truncate(num_bytes)
    return known


def _keep_rows(path: Path, array: Array, rows: list[int]) -> None:
    """Closes the gaps, a part at a time: the array may be larger than the memory."""
    shorter = path.with_suffix(".shorter.npy")
    kept = _created(shorter, (len(rows), *array.shape[1:]))
    step = 10_000
    for start in range(0, len(rows), step):
        kept[start : start + step] = array[rows[start : start + step]]
    kept.flush()
    shorter.replace(path)
