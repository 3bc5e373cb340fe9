"""Where a study's images are: the user's folder, or a drawn stand-in in the cache."""

import hashlib
import sys
from pathlib import Path

from study.datasets import Dataset
from study.datasets.commands.drawing import draw_into
from study.datasets.commands.naming import usual_folder
from study.datasets.images.progress import progress
from study.errors import DataError
from study.records.storage import Storage

# Raised whenever the drawings change: those in caches are then not found any more.
_STAND_IN_VERSION = 1


def data_folder(name: str, dataset: Dataset, given: Path | str | None, cache: Path) -> Path | None:
    """The dataset's folder on this machine, or None where it has to be drawn.

    Args:
        name: of the dataset.
        dataset: of that name.
        given: a folder, or the URI of one on a storage, which is then copied into the cache.
        cache: folder.

    Raises:
        DataError: what was given is no folder, or has no files.
        StorageError: it can't be read.
    """
    if isinstance(given, str):
        return _fetched(given, cache)
    folder = given or dataset.folder
    if folder is None:
        usual = usual_folder(name)
        return usual if usual.is_dir() else None
    if not folder.is_dir():
        raise DataError(f"--data must be a folder, but {folder} is not one. {dataset.title}: {dataset.how_to_get}")
    return folder


def _fetched(uri: str, cache: Path) -> Path:
    folder = cache / "data" / hashlib.sha256(uri.encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    Storage(uri).mirror(folder, progress=lambda files, total: progress(files, "Fetching images", total=total))
    if not any(folder.iterdir()):
        raise DataError(f"--data must hold images, but there are no files in {uri}. Is its name right?")
    return folder


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
