"""Where a study's images are: the user's folder, or a drawn stand-in in the cache."""

import sys
from pathlib import Path

from study.datasets import Dataset
from study.datasets.commands.drawing import draw_into
from study.datasets.commands.naming import usual_folder
from study.errors import DataError

# Raised whenever the drawings change: those in caches are then not found any more.
_STAND_IN_VERSION = 1


def data_folder(name: str, dataset: Dataset, given: Path | None) -> Path | None:
    """The dataset's folder, or None where it has to be drawn."""
    if given is None:
        usual = usual_folder(name)
        return usual if usual.is_dir() else None
    if not given.is_dir():
        raise DataError(f"--data must be a folder, but {given} is not one. {dataset.title}: {dataset.how_to_get}")
    return given


def stand_in_folder(name: str, dataset: Dataset, cache: Path, seed: int) -> Path:
    """The drawn stand-in of that seed, drawn now if it is not in the cache."""
    folder = cache / "stand-in" / f"{name}-v{_STAND_IN_VERSION}-{seed}"
    if folder.exists():
        return folder
    num_images = sum(sum(by_class.values()) for by_class in dataset.stand_in.values())
    print(f"There is no {usual_folder(name)}: drawing {num_images} stand-in images ...", file=sys.stderr, flush=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        draw_into(name, dataset, folder, seed=seed)
    except OSError:
        # Another process may have drawn the same images meanwhile.
        if not folder.exists():
            raise
    return folder
