"""Datasets, one file each, found by file name: `study/datasets/<name>.py` defines `DATASET`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from study import registry

DEVELOPMENT, TEST = "development", "test"

Counts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Sample:
    """One labelled image file.

    Attributes:
        path: relative to the dataset's folder, with forward slashes.
        side: "test" for the official test split, "development" for the rest.
        target: index into the dataset's classes.
        group: images of one group (patient, slide) must stay in one split; "" where unknown.
    """

    path: str
    side: str
    target: int
    group: str = ""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """What is known of a dataset before its files are read.

    Attributes:
        title: name in reports.
        classes: class names; the target is the index. With two classes the second is the positive one.
        modality: decides what augmentation may do: "ihc", "mri" (see `study.training.augmentation`).
        licence: in a few words.
        source: where it is published.
        how_to_get: what a user does to have it, in one or two sentences.
        expected: published number of images: side -> class -> count; "all" stands for every side or class.
        group_meaning: what a group of images stands for; "" where patients and slides are unknown.
        scan: folder -> its samples. Raises DataError where the folder doesn't have the dataset's layout.
        draw: (folder, counts, seed) -> None: draws a stand-in in the dataset's own layout, `counts` like
            `stand_in`.
        stand_in: how many images a stand-in has: side -> class -> count.
    """

    title: str
    classes: tuple[str, ...]
    modality: str
    licence: str
    source: str
    how_to_get: str
    expected: Counts
    scan: Callable[[Path], list[Sample]]
    draw: Callable[[Path, Counts, int], None]
    stand_in: Counts
    group_meaning: str = ""

    @property
    def binary(self) -> bool:
        return len(self.classes) == 2

    @property
    def num_logits(self) -> int:
        """One logit for a binary dataset, else one a class."""
        return 1 if self.binary else len(self.classes)


def names() -> list[str]:
    """All datasets."""
    return registry.names(__name__)


def find(name: str) -> Dataset:
    """The dataset of that name.

    Raises:
        UnknownNameError: there is none.
    """
    dataset: Dataset = registry.find(__name__, name, attribute="DATASET", kind="dataset")
    return dataset
