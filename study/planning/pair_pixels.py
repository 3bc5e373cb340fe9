"""The pixels that the network of a pair sees: the images at its size, and what follows from those of train."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from study.datasets.images import pixel_cache
from study.datasets.images.pixel_cache import ImageStore
from study.errors import DataError
from study.evaluation.appearance import Appearance
from study.planning.dataset_split import DatasetSplit
from study.training.data import Images, Standardization

_NUM_FOR_APPEARANCE = 2000


@dataclass(frozen=True)
class PairPixels:
    """The images of a study at the size that a pair's network takes. Pairs of one size share them.

    Attributes:
        size_px: side of the images.
        store: the decoded images: at every size the same ones in the same order.
        train_rows: int64 (N,) where the training images stand in it.
    """

    size_px: int
    store: ImageStore
    train_rows: npt.NDArray[np.int64]

    @cached_property
    def standardization(self) -> Standardization:
        """Of the training images."""
        return Images(self.store.path, torch.device("cpu")).statistics(self.train_rows)

    def appearance(self) -> dict[str, Any]:
        """How the training images look, so that `predict` can tell which images don't; of at most 2,000 of them."""
        every = -(-len(self.train_rows) // _NUM_FOR_APPEARANCE)
        return Appearance.of(self.store.open(), np.sort(self.train_rows[::every])).record()


def pixels_at(sizes_px: Collection[int], images: DatasetSplit, root: Path, cache: Path) -> dict[int, PairPixels]:
    """A study's images at several sizes, each of which is decoded once.

    Args:
        sizes_px: sides in pixels.
        images: the study's, at the size that they were split at.
        root: folder of the data set.
        cache: folder of the decoded images.

    Raises:
        DataError: an image can't be read at one of the sizes, or has changed since the others were made.
    """
    rows = images.train_rows
    found = {images.size_px: images.store}
    for size_px in sorted({*sizes_px} - {images.size_px}):
        found[size_px] = _same_at(size_px, images, root, cache)
    return {size_px: PairPixels(size_px, store, rows) for size_px, store in found.items()}


def _same_at(size_px: int, images: DatasetSplit, root: Path, cache: Path) -> ImageStore:
    dataset, first = images.dataset, images.store
    store = pixel_cache.prepare(
        root, list(first.paths), size_px=size_px, cache=cache, trimmed=dataset.trimmed, window=dataset.window
    )
    if store.unreadable:
        path, reason = next(iter(store.unreadable.items()))
        raise DataError(
            f"Images must be readable at each size of the study, but {len(store.unreadable)} of those at "
            f"{images.size_px} px can't be read at {size_px} px, the first of them {path}: {reason}. Mend or remove "
            "them, or give one --image-size for all networks."
        )
    if store.data_hash != first.data_hash:
        raise DataError(
            f"Images must be the same at each size of the study, but files in {root} changed between those at "
            f"{images.size_px} px and those at {size_px} px. Give the command again when nothing writes there."
        )
    return store
