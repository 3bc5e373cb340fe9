"""Walks the folder layouts in which the datasets are published."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from study.datasets import Sample, readers
from study.datasets.readers import Readers
from study.errors import DataError


def image_files(folder: Path, known: Readers) -> Iterator[Path]:
    """The files directly in a folder that are called as images are, by name. Hidden files are passed over.

    `os.scandir` rather than a glob: published class folders have brackets in their names.
    """
    with os.scandir(folder) as entries:
        found = sorted(e.name for e in entries if e.is_file())
    for name in found:
        if known.looks_like_image(name) and not name.startswith("."):
            yield folder / name


def class_folders(root: Path, *, sides: Mapping[str, str], targets: Mapping[str, int]) -> list[Sample]:
    """Samples of a layout `<side folder>/<class folder>/<image>`.

    Args:
        root: the dataset's folder.
        sides: side folder -> "development" or "test"; "" is the dataset's folder itself.
        targets: class folder -> target.

    Raises:
        DataError: a class folder is missing or has no image.
    """
    samples = []
    known = readers.known()
    for side_folder, side in sides.items():
        for class_folder, target in targets.items():
            folder = root / side_folder / class_folder
            if not folder.is_dir():
                raise DataError(
                    f"Each class needs its folder, but {folder} does not exist. "
                    f"Expected in {root}: {_expected(tuple(sides), tuple(targets))}."
                )
            files = list(image_files(folder, known))
            if not files:
                raise DataError(f"Each class folder needs images ({', '.join(known.suffixes)}), but {folder} has none.")
            samples += [Sample(file.relative_to(root).as_posix(), side, target) for file in files]
    return samples


def naming_of(root: Path, *, sides: Sequence[str], namings: Sequence[Sequence[str]]) -> Sequence[str]:
    """The one of several published namings of the class folders that a folder follows.

    Args:
        root: the dataset's folder.
        sides: its side folders.
        namings: names of the class folders, one sequence a published version; no name stands in two.

    Raises:
        DataError: there are class folders of no version, or of several.
    """
    found = {
        naming: [f"{side}/{name}" for side in sides for name in namings[naming] if (root / side / name).is_dir()]
        for naming in range(len(namings))
    }
    present = [naming for naming, folders in found.items() if folders]
    if not present:
        versions = "; or ".join(_expected(sides, names) for names in namings)
        raise DataError(f"Each class needs its folder, but {root} has none of them. Expected in it: {versions}.")
    if len(present) > 1:
        examples = " and ".join(found[naming][0] for naming in present)
        raise DataError(
            f"The class folders must be those of one published version, but {root} holds {examples}, of different "
            "ones. Unpack each version into a folder of its own."
        )
    return namings[present[0]]


def _expected(sides: Sequence[str], folders: Sequence[str]) -> str:
    inside = ", ".join(folders)
    return f"{', '.join(sides)}, each with {inside}" if any(sides) else inside
