"""A workload on the machine that carries it out: its images and its files are there, or are brought there."""

import os
import tempfile
from dataclasses import replace
from pathlib import Path

from study.errors import DataError, ResultsError
from study.planning.workload import Workload
from study.records import RunFolder
from study.records.locks import file_lock
from study.records.run_files import RunFiles
from study.records.storage import Storage


def on_this_machine(workload: Workload, pair: str = "") -> Workload:
    """The workload with the paths of this machine. The first process on it that needs the images gets them for all.

    Args:
        workload: with the paths of the driver's machine.
        pair: whose images alone are needed; "" for those of every pair, and those that thumbnails are made of.

    Raises:
        DataError: the images are not here and nowhere to be had.
        ResultsError: the run's folder is meant to be shared, but is not here.
    """
    own = replace(workload, folder=own_folder(workload))
    if not workload.storage and not RunFolder(workload.folder).events.exists():
        raise ResultsError(
            f"All machines of a cluster must see one results folder, but {workload.folder} is not on this one. Give a "
            "--results on a file system that they share, or --storage s3://bucket/folder."
        )
    arrays = workload.pair_pixels if not pair else {pair: workload.pair_pixels[pair]}
    here = {name: replace(each, path=_pixels(each.path, workload)) for name, each in arrays.items()}
    pixels = workload.pixels if pair else _pixels(workload.pixels, workload)
    return replace(own, pixels=pixels, pair_pixels=here)


def own_folder(workload: Workload) -> Path:
    """The run's folder on this machine."""
    return _scratch() / workload.folder if workload.storage else workload.folder


def files_of(workload: Workload) -> RunFiles:
    """The run's files, seen from this machine."""
    return RunFiles(RunFolder(workload.folder), workload.storage)


def _scratch() -> Path:
    """A folder of this machine and this user that may be lost at any time."""
    # By number: the user of a container may have no name.
    return Path(tempfile.gettempdir()) / f"medical-image-study-{os.getuid()}"


def _pixels(on_driver: Path, workload: Workload) -> Path:
    """An array of decoded images on this machine."""
    if on_driver.exists():
        return on_driver
    path = _scratch() / on_driver.name
    path.parent.mkdir(parents=True, exist_ok=True)
    # Several trials begin at once on a machine.
    with file_lock(path.with_suffix(".lock")):
        if path.exists() or (workload.pixels_from and Storage(workload.pixels_from).get(path.name, path)):
            return path
    where = workload.pixels_from or "no storage"
    raise DataError(
        f"Each machine needs the decoded images, but {on_driver} is not on this one and {path.name} not in "
        f"{where}. Give --results on a file system that all machines share, or --storage."
    )
