"""Keeps two drivers from writing to one run in a storage: a lock file of one machine says nothing to the others."""

import _thread
import json
import os
import socket
import sys
import threading
import time
import uuid
from contextlib import suppress
from types import TracebackType
from typing import Any

from study.errors import ResultsError, StorageError
from study.records.storage import Storage

_NAME = "owner.json"
# Who has it says so three times as often; one that has been silent for so long has ended.
_SILENCE_S = 30.0


class Lease:
    """A run's folder in a storage belongs to this process while it is entered.

    A process that could not say so for a while and finds that another one has taken over is interrupted, as by Ctrl-C.

    Args:
        storage: the folder; None where there is none, and nothing to be done.
        silence_s: after which another process counts as ended.

    Raises:
        ResultsError: on entering, if another process has it. It takes `silence_s` to see that one has ended.
    """

    def __init__(self, storage: Storage | None, *, silence_s: float = _SILENCE_S) -> None:
        self._storage, self._silence_s = storage, silence_s
        self._id, self._who = uuid.uuid4().hex, f"process {os.getpid()} on {socket.gethostname()}"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name="lease", daemon=True)

    def __enter__(self) -> "Lease":
        if self._storage is not None:
            self._wait_for_others(self._storage)
            self._say(self._storage)
            # Of several that come at once the last one's word stays.
            time.sleep(self._silence_s / 20)
            self._require(self._storage)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._storage is not None:
            self._over.set()
            self._thread.join()
            with suppress(StorageError):
                if self._is_own(self._storage):
                    self._storage.delete(_NAME)

    def _wait_for_others(self, storage: Storage) -> None:
        first = _read(storage)
        if not first:
            return
        print(f"{storage.uri} was in use by {first['who']}; waiting to see whether it still is ...", file=sys.stderr)
        time.sleep(self._silence_s)
        if _read(storage) != first:
            self._require(storage)

    def _require(self, storage: Storage) -> None:
        """Raises ResultsError if another process has said that the folder is its own."""
        if not self._is_own(storage):
            raise ResultsError(
                f"One process at a time may go on with a run, but {_read(storage).get('who')} is at work in "
                f"{storage.uri}. Wait for its end, or end it."
            )

    def _is_own(self, storage: Storage) -> bool:
        """Also where nobody has said anything."""
        return bool(_read(storage).get("id", self._id) == self._id)

    def _say(self, storage: Storage) -> None:
        record = {"id": self._id, "who": self._who, "time": time.time()}
        storage.put_bytes(json.dumps(record).encode(), _NAME)

    def _repeat(self) -> None:
        while self._storage is not None and not self._over.wait(self._silence_s / 3):
            # What can't be reached for a while is tried again.
            with suppress(StorageError):
                if not self._is_own(self._storage):
                    who = _read(self._storage).get("who")
                    print(f"{self._storage.uri} is in use by {who} now; ending here ...", file=sys.stderr)
                    _thread.interrupt_main()
                    return
                self._say(self._storage)


def _read(storage: Storage) -> dict[str, Any]:
    if _NAME not in storage.sizes():
        return {}
    found: dict[str, Any] = json.loads(storage.read(_NAME))
    return found
