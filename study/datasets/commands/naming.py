"""Which dataset a name on the command line means, and where its images usually lie."""

from pathlib import Path

from study import datasets, registry
from study.datasets import Dataset
from study.errors import DataError, UnknownNameError

_STUDIES = "search_spaces"


def find_dataset(name: str) -> tuple[str, Dataset]:
    """A dataset and its own name, by that name, by a study's or by the path of a study file.

    Raises:
        UnknownNameError: there is neither a dataset nor a study of that name.
    """
    if name in datasets.names():
        return name, datasets.find(name)
    if name.endswith(".py"):
        study = registry.load_file(Path(name), attribute="STUDY", kind="study")
    else:
        studies = registry.names(_STUDIES)
        if name not in studies:
            raise UnknownNameError("dataset or study", name, {*datasets.names(), *studies})
        study = registry.find(_STUDIES, name, attribute="STUDY", kind="study")
    return study.dataset_name, datasets.of(study.dataset)


def usual_folder(name: str, dataset: Dataset | None = None) -> Path:
    """Where a study looks for a dataset when it isn't told."""
    return (dataset.folder if dataset else None) or Path("data") / name


def require_free(folder: Path) -> None:
    """Raises DataError if something is there already: nothing is overwritten, nothing mixed."""
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if folder.exists() or folder.is_symlink():
        raise DataError(f"--out must be a new or an empty folder, but {folder} is neither. Give another --out.")


def require_parent(folder: Path) -> None:
    """Makes the folder that a new one is to lie in, or raises DataError if that can't be."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"--out must lie in a folder that can be written to, but {folder.parent} is none: {error.strerror}. "
            "Give another --out."
        ) from error
