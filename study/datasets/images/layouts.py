"""Walks the folder layouts in which the datasets are published."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from study.datasets import Sample
from study.errors import DataError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")


def image_files(folder: Path) -> Iterator[Path]:
    """The image files directly in a folder, by name. Hidden files are passed over.

    `os.scandir` rather than a glob: published class folders have brackets in their names.
    """
    with os.scandir(folder) as entries:
        found = sorted(e.name for e in entries if e.is_file())
    for name in found:
        if name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith("."):
            yield folder / name


def class_folders(root: Path, *, sides: Mapping[str, str], targets: Mapping[str, int]) -> list[Sample]:
    """Samples of a layout `<side folder>/<class folder>/<image>`.

    Args:
        root: the dataset's folder.
        sides: side folder -> "development" or "test".
        targets: class folder -> target.

    Raises:
        DataError: a class folder is missing or has no image.
    """
    samples = []
    for side_folder, side in sides.items():
        for class_folder, target in targets.items():
            folder = root / side_folder / class_folder
            if not folder.is_dir():
                raise DataError(
                    f"Each class needs its folder, but {folder} does not exist. Expected in {root}: "
                    f"{', '.join(sides)}, each with {', '.join(targets)}."
                )
            files = list(image_files(folder))
            if not files:
                raise DataError(f"Each class folder needs images ({', '.join(IMAGE_SUFFIXES)}), but {folder} has none.")
            samples += [Sample(file.relative_to(root).as_posix(), side, target) for file in files]
    return samples
