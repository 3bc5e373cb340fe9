"""The files of a run, and how they are written so that a crash leaves each of them whole."""

import hashlib
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from filelock import Timeout

from study.errors import ResultsError, UnknownNameError
from study.records.locks import file_lock


@dataclass(frozen=True)
class RunFolder:
    """The paths of one run. Creating the object creates nothing on disk."""

    root: Path

    @property
    def events(self) -> Path:
        return self.root / "events.jsonl"

    @property
    def manifest(self) -> Path:
        return self.root / "study.json"

    @property
    def splits(self) -> Path:
        return self.root / "splits.csv"

    @property
    def left_out(self) -> Path:
        """Images that were left out beside the test images for which they were, a few of them."""
        return self.root / "left_out.png"

    @property
    def parts(self) -> Path:
        """Copies of the parts of one's own that the run uses; see `study.parts`."""
        return self.root / "parts"

    @property
    def trials(self) -> Path:
        return self.root / "trials.csv"

    @property
    def seed_runs(self) -> Path:
        return self.root / "seed_runs.csv"

    @property
    def epochs(self) -> Path:
        return self.root / "epochs.csv"

    @property
    def optuna_journal(self) -> Path:
        return self.root / "optuna.journal"

    @property
    def tensorboard(self) -> Path:
        return self.root / "tensorboard"

    def checkpoints(self, trial: str) -> Path:
        return self.root / "checkpoints" / trial

    def weights(self, trial: str) -> Path:
        """The best epoch's weights of a finished seed run."""
        return self.root / "weights" / f"{trial}.pt"

    def pretrained(self, pair: str) -> Path:
        """The weights that a pretrained pair starts from."""
        return self.root / "pretrained" / f"{pair}.pt"

    def predictions(self, trial: str, split: str) -> Path:
        """Columns path, group, split, target and `p_<class>` for each class, one row an image."""
        return self.root / "predictions" / f"{trial}-{split}.csv"

    @property
    def explanations(self) -> Path:
        """Small pictures, maps and times that a report shows; see `Explanations`."""
        return self.root / "explanations.json"

    def why_it_ended(self, trial: str, rank: int = 0) -> Path:
        """Where a process of a trial that hangs leaves what it was doing before it ends itself."""
        return self.checkpoints(trial) / f"if-hung-{rank}.txt"

    def hashes(self, paths: Iterable[Path]) -> dict[str, str]:
        """Path within the folder -> SHA-256, as a `completed` event holds it."""
        return {path.relative_to(self.root).as_posix(): sha256_of(path) for path in paths}

    def damaged(self, hashes: Mapping[str, str]) -> list[str]:
        """Which of these files are missing or not what they were when they were written."""
        return [
            name
            for name, sha256 in hashes.items()
            if not (self.root / name).is_file() or sha256_of(self.root / name) != sha256
        ]


def find_run(name: str, results: Path) -> RunFolder:
    """The folder of a run's records.

    Args:
        name: of the run, or the path of its study file. The run on drawn images is meant where there is no other.
        results: the folder of all records.

    Raises:
        UnknownNameError: there is none of that name.
        ResultsError: there is none at all.
    """
    run = Path(name).stem if name.endswith(".py") else name
    known = known_runs(results)
    for each in (run, f"{run}-standin"):
        if each in known:
            return RunFolder(results / each)
    if not known:
        raise ResultsError(
            f"A run's records are needed, but there are none in {results}. Run the study first (python -m study.run "
            "NAME), or give --results."
        )
    raise UnknownNameError(f"run in {results}", run, known)


def known_runs(results: Path) -> list[str]:
    """The names of all runs that have records in a folder."""
    return sorted(path.parent.name for path in results.glob("*/events.jsonl"))


@contextmanager
def exclusive(folder: RunFolder) -> Iterator[None]:
    """Keeps every other process from running the same study into the same folder.

    The operating system ends the lock with the process, however that ends.

    Raises:
        ResultsError: another process has it.
    """
    path = folder.root.with_name(f"{folder.root.name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = file_lock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        raise ResultsError(
            f"A results folder can be written by one process at a time, but {folder.root} is in use. Wait for that "
            "run to end, or give another --results."
        ) from error
    try:
        yield
    finally:
        lock.release()


def write_atomically(path: Path, content: str | bytes) -> None:
    """Writes a file by way of a temporary name: a crash leaves the old file or the new one, never a part.

    Text becomes UTF-8 with Unix line ends, whatever the machine's locale is.
    """
    with written_whole(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write into, which takes its name only once all of it is on the disk.

    The temporary name is this process's own, on whatever machine: what is left of a killed session, or of one whose
    network is gone, may still be writing the same file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{socket.gethostname()}-{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Puts a folder's list of names on the disk: without it a power cut may take a new file's name back."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
