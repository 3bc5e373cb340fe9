"""What networks are scored on: a split of the study's own images, or other images with the same classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from study.datasets.images import splits
from study.training.data import SplitRows


@dataclass(frozen=True, kw_only=True)
class EvaluationSet:
    """Labelled images on which networks are scored.

    Attributes:
        name: "train", "val" or "test" for the study's own splits; predictions are kept, and read, under it.
        samples: columns path, group, target, sha256 and row (the same in each pixel array), one row an image.
        pixels: pair -> the images at the size that its network takes, an array uint8 (N, s, s, 3) on this machine.
    """

    name: str
    samples: pd.DataFrame
    pixels: Mapping[str, Path]

    @classmethod
    def of_split(cls, split: str, table: pd.DataFrame, pixels: Mapping[str, Path]) -> "EvaluationSet":
        """The images of a split.

        Args:
            split: its name.
            table: of the images of all splits, with a column split.
            pixels: pair -> the pixel array that the rows are of.
        """
        return cls(name=split, samples=table[table["split"] == split], pixels=pixels)

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def hash(self) -> str:
        """SHA-256 of the images' contents and labels, by which the ledger of openings knows the set.

        It is that of a test split of these images, whatever the set is called: another name for images that were
        looked at before doesn't make them new.
        """
        return splits.split_hash(self.samples.assign(split=splits.TEST))

    @property
    def rows(self) -> SplitRows:
        """Where the images stand in the pixel array."""
        # Copies: a table's own columns are read-only, which torch does not take.
        rows, targets = (self.samples[name].to_numpy("int64", copy=True) for name in ("row", "target"))
        return SplitRows(rows=rows, targets=targets)
