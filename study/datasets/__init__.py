"""Datasets, one file each, found by file name: `study/datasets/<name>.py` defines `DATASET`."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from study import registry
from study.spec import OwnImages

KIND = registry.Kind(name="dataset", package=__name__, attribute="DATASET")


class Side(StrEnum):
    """What a dataset's publisher means an image for. A study's splits follow from it, but are its own."""

    DEVELOPMENT = "development"
    VALIDATION = "validation"
    TEST = "test"


# As dataset files write them, where no split is near.
DEVELOPMENT: str = Side.DEVELOPMENT
VALIDATION: str = Side.VALIDATION
TEST: str = Side.TEST

Counts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Sample:
    """One labelled image file.

    Attributes:
        path: relative to the dataset's folder, with forward slashes.
        side: "test" and "validation" for official splits, "development" for the rest.
        target: index into the dataset's classes.
        group: images of one group (patient, slide) must stay in one split; "" where unknown.
    """

    path: str
    side: str
    target: int
    group: str = ""


@dataclass(frozen=True, kw_only=True)
class Edition:
    """One published version of a dataset.

    Attributes:
        title: what tells it from the others, in a few words; "" where there is only one.
        source: where it is published.
        expected: published number of images: side -> class -> count; "all" stands for every side or class.
    """

    title: str = ""
    source: str
    expected: Counts


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """What is known of a dataset before its files are read.

    Attributes:
        title: name in reports.
        classes: class names; the target is the index. With two classes the second is the positive one.
        modality: decides what augmentation may do: "ihc", "he", "blood", "mri"
            (see `study.training.augmentation_policies`).
        licence: in a few words.
        editions: its published versions, the best known first.
        how_to_get: what a user does to have it, in one or two sentences.
        ordinal: whether the classes are in an order, so that a miss may be near or far.
        trimmed: whether dark margins around the picture are cut away before it is resized.
        kaggle: "owner/name" of a Kaggle dataset or "name" of a Kaggle competition, "" where it is not there.
        excluded: path of an image that is published but known to be bad -> why. It is left out, and said so.
        group_meaning: what a group stands for where samples have one (patient, slide).
        scan: folder -> its samples. Raises DataError where the folder doesn't have the dataset's layout.
        draw: (folder, counts, seed) -> None: draws a stand-in in the dataset's own layout, `counts` like
            `stand_in`.
        stand_in: how many images a stand-in has: side -> class -> count.
        folder: where it lies; None where that is data/<dataset>, or a stand-in is drawn.
        window: of images with more than 8 bits, see `images.picture.in_8_bits`.
        look_alikes_confirmed: whether somebody has looked at what the leakage check links in the published images and
            found copies, so that a study needn't stop and ask, however many they are.
    """

    title: str
    classes: tuple[str, ...]
    modality: str
    licence: str
    editions: tuple[Edition, ...]
    how_to_get: str
    scan: Callable[[Path], list[Sample]]
    draw: Callable[[Path, Counts, int], None]
    stand_in: Counts
    ordinal: bool = False
    trimmed: bool = False
    kaggle: str = ""
    excluded: Mapping[str, str] = field(default_factory=dict)
    group_meaning: str = ""
    folder: Path | None = None
    window: tuple[int, int] | None = None
    look_alikes_confirmed: bool = False

    @property
    def binary(self) -> bool:
        return len(self.classes) == 2

    @property
    def num_logits(self) -> int:
        """One logit for a binary dataset, else one a class."""
        return 1 if self.binary else len(self.classes)


def names() -> list[str]:
    """All datasets."""
    return KIND.names()


def find(name: str) -> Dataset:
    """The dataset of that name.

    Raises:
        UnknownNameError: there is none.
    """
    dataset: Dataset = KIND.find(name)
    return dataset


def of(declared: str | OwnImages) -> Dataset:
    """The dataset that a study declares.

    Raises:
        UnknownNameError: there is none of that name.
    """
    if isinstance(declared, str):
        return find(declared)
    # It reads this module.
    from study.datasets.custom.dataset import dataset_of

    return dataset_of(declared)


def edition_of(dataset: Dataset, samples: Sequence[Sample]) -> Edition:
    """The edition whose published counts come closest to the samples' (the first one on ties)."""
    found = Counter((sample.side, dataset.classes[sample.target]) for sample in samples)

    def distance(edition: Edition) -> int:
        return sum(
            abs(count - sum(n for at, n in found.items() if _covers((side, name), at)))
            for side, by_class in edition.expected.items()
            for name, count in by_class.items()
        )

    return min(dataset.editions, key=distance)


def _covers(published: tuple[str, str], at: tuple[str, str]) -> bool:
    return all(wanted in ("all", value) for wanted, value in zip(published, at, strict=True))
