"""A dataset's images, read and divided into splits, and what the records say of that."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from study.datasets import Dataset, Sample, Side
from study.datasets.images import groups, pixel_cache, splits
from study.planning.options import Options
from study.records.manifest import DuplicatesRecord, LikenessRecord


@dataclass(frozen=True, kw_only=True)
class DatasetSplit:
    """Images and their splits.

    Attributes:
        dataset: that they are of.
        published: all of it.
        samples: those that are asked for, and not known to be bad.
        size_px: side at which they were decoded.
        store: the decoded pixels of those that can be read.
        grouping: what of it belongs together.
        table: split of each, see `splits.split`.
    """

    dataset: Dataset
    published: list[Sample]
    samples: list[Sample]
    size_px: int
    store: pixel_cache.ImageStore
    grouping: groups.Grouping
    table: pd.DataFrame

    @property
    def train_rows(self) -> npt.NDArray[np.int64]:
        """Where the training images stand in the array of pixels, in the order of the table."""
        row_of = {path: row for row, path in enumerate(self.store.paths)}
        paths = self.table.loc[self.table["split"] == splits.TRAIN, "path"]
        return np.array([row_of[path] for path in paths], np.int64)

    @property
    def train_counts(self) -> list[int]:
        """Training images of each class."""
        return list(splits.class_counts(self.table, self.dataset.classes)[splits.TRAIN].values())

    @property
    def names_hash(self) -> str:
        """Of names and labels."""
        return splits.names_hash(self.table)

    @property
    def test_hash(self) -> str:
        """Of the test split."""
        return splits.split_hash(self.table, [splits.TEST])

    def record(self) -> dict[str, Any]:
        """What follows from the images: fields of the manifest, by name."""
        bad = {s.path: self.dataset.excluded[s.path] for s in self.published if s.path in self.dataset.excluded}
        reasons = self.table["reason"].value_counts()
        sides = {s.side for s in self.samples}
        scale = self.store.same_pictures().scale
        return {
            "names_hash": self.names_hash,
            "test_hash": self.test_hash,
            "data_hash": self.store.data_hash,
            "split_hash": splits.split_hash(self.table),
            "counts": splits.class_counts(self.table, self.dataset.classes),
            "left_out": {str(reason): int(num) for reason, num in reasons.items() if reason != ""},
            "given_splits": tuple(name for side, name in splits.DECLARED.items() if side in sides),
            "duplicates": DuplicatesRecord.from_json(groups.counts(_readable(self.samples, self.store), self.store)),
            "likeness": LikenessRecord(
                usual=round(scale.usual, 3), likely=round(scale.likely, 3), sure=round(scale.sure, 3)
            ),
            "read_by": dict(self.store.read_by),
            "skipped": tuple(f"{path}: {reason}" for path, reason in (bad | self.store.unreadable).items()),
        }

    def groups_known(self, meaning: str) -> tuple[str, int]:
        """What a group stands for, "" where no image has one, and how many have none."""
        ungrouped = sum(not s.group for s in self.samples)
        return meaning if ungrouped < len(self.samples) else "", ungrouped


def split_dataset(
    dataset: Dataset, root: Path, published: list[Sample], options: Options, *, image_size: int, val_fraction: float
) -> DatasetSplit:
    """Reads the images of a folder and divides them.

    Args:
        dataset: whose layout the folder has.
        root: the folder.
        published: its samples.
        options: whether the official test split stays closed, what stays together, whether files may be skipped.
        image_size: side in pixels to which images are resized.
        val_fraction: share of the development images that becomes val.

    Raises:
        DataError: images can't be read, or a class lacks images for a split.
    """
    samples = [s for s in published if s.path not in dataset.excluded and not (options.holdout and s.side == Side.TEST)]
    store = pixel_cache.prepare(
        root,
        sorted(s.path for s in samples),
        size_px=image_size,
        cache=options.cache,
        trimmed=dataset.trimmed,
        window=dataset.window,
    )
    pixel_cache.require_readable(store, skip=options.skip_unreadable)
    grouping = groups.of(options.way, _readable(samples, store), store)
    table = splits.split(
        grouping.samples,
        grouping.sha256,
        classes=dataset.classes,
        val_fraction=val_fraction,
        seed=options.seed,
        links=grouping.links,
    )
    return DatasetSplit(
        dataset=dataset,
        published=published,
        samples=samples,
        size_px=image_size,
        store=store,
        grouping=grouping,
        table=table,
    )


def _readable(samples: list[Sample], store: pixel_cache.ImageStore) -> list[Sample]:
    """Those that the store has, in its order."""
    by_path = {s.path: s for s in samples}
    return [by_path[path] for path in store.paths]
