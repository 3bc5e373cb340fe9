"""`download`: gets a dataset from Kaggle and puts it where studies look for it."""

import importlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from study.datasets import Dataset
from study.datasets.commands.naming import require_free, require_parent
from study.errors import DataError, StudyError

# A zip made from a folder unpacks into that folder, sometimes twice.
_MAX_DEPTH = 2
# Where kagglehub notes that it is done.
_KAGGLEHUB_NOTES = ".complete"


def download(name: str, dataset: Dataset, out: Path) -> None:
    """Downloads a dataset with kagglehub into a new folder and reads its layout.

    Raises:
        StudyError: it isn't on Kaggle, kagglehub isn't installed, or Kaggle doesn't hand it out.
        DataError: `out` holds something already, or what came doesn't have the dataset's layout.
    """
    if not dataset.kaggle:
        raise StudyError(f"Only datasets on Kaggle can be downloaded, but {name} isn't there. {dataset.how_to_get}")
    require_free(out)
    kagglehub = _kagglehub(dataset)
    require_parent(out)
    print(f"Licence: {dataset.licence}")
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        downloaded = Path(scratch) / "files"
        _fetch(kagglehub, dataset, downloaded)
        num_images = place(dataset, downloaded, out)
    print(f"{out}: {num_images} images of {dataset.title}")
    print(f"Next: python -m study.datasets check {name} --data {out}")


def place(dataset: Dataset, downloaded: Path, out: Path) -> int:
    """Moves what was downloaded to its folder and returns the number of images there.

    Raises:
        DataError: it doesn't have the dataset's layout. It is moved all the same, for the user to look at.
    """
    shutil.rmtree(downloaded / _KAGGLEHUB_NOTES, ignore_errors=True)
    for folder in _folders(downloaded, _MAX_DEPTH):
        try:
            num_images = len(dataset.scan(folder))
        except DataError:
            continue
        folder.replace(out)
        return num_images
    downloaded.replace(out)
    try:
        return len(dataset.scan(out))
    except DataError as error:
        raise DataError(
            f"What Kaggle gave was put into {out}, but doesn't have the layout that is known. {error}"
        ) from error


def _folders(folder: Path, depth: int) -> Iterator[Path]:
    """The folder and those in it, the outer ones first."""
    level = [folder]
    for _ in range(depth + 1):
        yield from level
        level = [inner for outer in level for inner in sorted(outer.iterdir()) if inner.is_dir()]


def _kagglehub(dataset: Dataset) -> ModuleType:
    try:
        return importlib.import_module("kagglehub")
    except ImportError as error:
        raise StudyError(
            "Downloading needs the package kagglehub, but it is not installed. Install it (uv sync --extra kaggle), or "
            f"go by hand: {dataset.how_to_get}"
        ) from error


def _fetch(kagglehub: ModuleType, dataset: Dataset, folder: Path) -> None:
    is_dataset = "/" in dataset.kaggle
    fetch = kagglehub.dataset_download if is_dataset else kagglehub.competition_download
    try:
        # Into a folder of ours: kagglehub's cache belongs to the user's other programs as well.
        fetch(dataset.kaggle, output_dir=str(folder))
    except Exception as error:  # kagglehub's errors have no common base.
        raise StudyError(
            f"Kaggle must hand out {dataset.kaggle}, but: {_first_line(error)}. Is the network there, does "
            "~/.kaggle/kaggle.json hold your API token (https://www.kaggle.com/settings)"
            f"{'' if is_dataset else ', and did you accept the competition rules'}? Or go by hand: {dataset.how_to_get}"
        ) from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__
