"""A run's files where the machines of a cluster share no folder: each keeps its own copies, the storage has them all.

The log grows by appending, which an object of S3 can't; so it is stored in pieces, each named by the byte with which it
begins. Without a storage every method does nothing: all machines then see the same folder.
"""

import threading
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path, PurePosixPath
from types import TracebackType

from study.errors import ResultsError, StorageError
from study.records import RunFolder, StudyState, read_events
from study.records.storage import Storage

_LOG = "events"
# How long an event may exist on the driver's disk alone: what it tells happens again, if that disk is lost.
_PERIOD_S = 2.0


@lru_cache(maxsize=8)
def _opened(uri: str) -> Storage:
    """Connecting takes a moment, and a process asks for the same storage for each trial."""
    return Storage(uri)


class RunFiles:
    """The files of one run.

    Args:
        folder: this machine's copies.
        uri: of the run's folder in the storage; "" where `folder` itself is shared.
    """

    def __init__(self, folder: RunFolder, uri: str) -> None:
        self.folder = folder
        self.storage = _opened(uri) if uri else None

    def keep(self, path: Path) -> None:
        """Puts a file of this machine into the storage."""
        if self.storage is not None:
            self.storage.put(path, self._name(path))

    def fetch(self, path: Path, *, anew: bool = False) -> None:
        """Gets a file that this machine may not have; what is nowhere stays away.

        Args:
            path: where it belongs.
            anew: also where it is here: another machine may have written it again.
        """
        if self.storage is not None and (anew or not path.exists()):
            self.storage.get(self._name(path), path)

    def drop(self, path: Path) -> None:
        """Removes a file, or a folder with all that is in it, from the storage."""
        if self.storage is not None:
            self.storage.delete(self._name(path))

    def fetch_checkpoints(self, trial: str) -> None:
        """Gets the checkpoints of a trial that began on another machine."""
        if self.storage is not None:
            for name in self.storage.sizes(self._name(self.folder.checkpoints(trial))):
                self.fetch(self.folder.root / name, anew=True)

    def drop_folder(self, name: str) -> None:
        """Removes a folder of the run, with all that is in it, from the storage."""
        if self.storage is not None:
            self.storage.delete_folder(name)

    def fetch_log(self) -> None:
        """Brings the log of this machine up to date.

        Raises:
            ResultsError: this machine's log and the stored one are of different sessions.
        """
        if self.storage is None:
            return
        stored = _stored_log(self.storage)
        path = self.folder.events
        own = path.read_bytes() if path.exists() else b""
        if own.startswith(stored):
            return
        if not stored.startswith(own[: own.rfind(b"\n") + 1]):
            raise ResultsError(
                f"A run has one history, but {self.folder.root} tells another one than {self.storage.uri}. Give "
                "--fresh to delete both and start again, or remove the one that is wrong."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(stored)

    def has_log(self) -> bool:
        """Whether the run has begun, on this machine or in the storage."""
        return any(read_events(self.folder.events)) or bool(self.storage is not None and self.storage.sizes(_LOG))

    def fetch_kept(self, state: StudyState) -> None:
        """Gets what the trials of a log have kept: weights, predictions, explanations."""
        if self.storage is None:
            return
        for trial in state.trials.values():
            files = trial.result.get("files", {})
            for name in self.folder.damaged(files):
                self.storage.get(name, self.folder.root / name)

    def keep_kept(self, state: StudyState) -> None:
        """Puts there what the trials of a log have kept and the storage lacks: earlier sessions may have had none."""
        if self.storage is None:
            return
        names = [name for trial in state.trials.values() for name in trial.result.get("files", {})]
        folders = {str(PurePosixPath(name).parent) for name in names}
        there = {name for folder in folders for name in self.storage.sizes("" if folder == "." else folder)}
        self.keep_all(self.folder.root / name for name in names if name not in there)

    def keep_all(self, paths: Iterable[Path]) -> None:
        """Puts those of the files that exist into the storage."""
        for path in paths:
            if path.is_file():
                self.keep(path)

    def forget(self) -> None:
        """Removes the whole run from the storage."""
        if self.storage is not None:
            self.storage.delete_folder()

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder.root).as_posix()


def _stored_log(storage: Storage) -> bytes:
    """The pieces of the log one after the other."""
    log = b""
    for name in storage.sizes(_LOG):
        begin, piece = int(Path(name).stem), storage.read(name)
        if log[begin : begin + len(piece)] == piece:
            # Part of a larger one, and not deleted before the session ended that made it.
            continue
        if begin != len(log):
            raise ResultsError(
                f"The pieces of a log must follow one another, but {name} in {storage.uri} begins at {begin}, not "
                f"at {len(log)}. Two sessions may have run at once. Give --fresh to start again."
            )
        log += piece
    return log


class LogMirror:
    """Puts what is appended to a log into the storage, on a thread of its own, within seconds.

    Args:
        files: of the run, its log brought up to date.
    """

    def __init__(self, files: RunFiles) -> None:
        self._storage, self._path = files.storage, files.folder.events
        self._end = 0
        self._over, self._turn = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._repeat, name="log-mirror", daemon=True)

    def __enter__(self) -> "LogMirror":
        if self._storage is not None:
            log = _stored_log(self._storage)
            self._end = len(log)
            first, *others = self._storage.sizes(_LOG) or [""]
            if others:
                # One piece of many sessions' many.
                self._storage.put_bytes(log, first)
                for name in others:
                    self._storage.delete(name)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Puts the rest there.

        Raises:
            StorageError: it could not be written.
        """
        if self._storage is not None:
            self._over.set()
            self._thread.join()
            self.flush()

    def flush(self) -> None:
        """Returns once all that is in the log now is in the storage.

        Raises:
            StorageError: it could not be written.
            ResultsError: another session has gone on with the run; nothing of this one is written over that.
        """
        if self._storage is None:
            return
        with self._turn:
            with self._path.open("rb") as log:
                log.seek(self._end)
                added = log.read()
            added = added[: added.rfind(b"\n") + 1]
            if added:
                self._require_own(self._storage)
                self._storage.put_bytes(added, f"{_LOG}/{self._end:012d}.jsonl")
                self._end += len(added)

    def _require_own(self, storage: Storage) -> None:
        end = max((int(Path(name).stem) + size for name, size in storage.sizes(_LOG).items()), default=0)
        if end > self._end:
            raise ResultsError(
                f"One session at a time may go on with a run, but another one has, in {storage.uri}. What this one did "
                f"since is in {self._path} alone. To go on with the other, remove that file and give the same command."
            )

    def _repeat(self) -> None:
        while not self._over.wait(_PERIOD_S):
            # What can't be reached for a while is tried again; if it can't at the end, the end says so.
            with suppress(StorageError, ResultsError, OSError):
                self.flush()
