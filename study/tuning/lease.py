"""Keeps two drivers from writing to one run in a storage: a lock file of one machine says nothing to the others."""

import json
import os
import socket
import sys
import threading
import time
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

    Args:
        storage: the folder; None where there is none, and nothing to be done.
        silence_s: after which another process counts as ended.

    Raises:
        ResultsError: on entering, if another process has it. It takes `silence_s` to see that one has ended.
    """

    def __init__(self, storage: Storage | None, *, silence_s: float = _SILENCE_S) -> None:
        self._storage, self._silence_s = storage, silence_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name="lease", daemon=True)

    def __enter__(self) -> "Lease":
        if self._storage is not None:
            self._wait_for_others(self._storage)
            self._say(self._storage)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._storage is not None:
            self._over.set()
            self._thread.join()
            with suppress(StorageError):
                self._storage.delete(_NAME)

    def _wait_for_others(self, storage: Storage) -> None:
        first = _read(storage)
        if not first:
            return
        print(f"{storage.uri} was in use by {first['who']}; waiting to see whether it still is ...", file=sys.stderr)
        time.sleep(self._silence_s)
        if _read(storage) not in ({}, first):
            raise ResultsError(
                f"One process at a time may go on with a run, but {first['who']} is at work in {storage.uri}. Wait for "
                "its end, or end it."
            )

    def _say(self, storage: Storage) -> None:
        who = f"process {os.getpid()} on {socket.gethostname()}"
        storage.put_bytes(json.dumps({"who": who, "time": time.time()}).encode(), _NAME)

    def _repeat(self) -> None:
        while self._storage is not None and not self._over.wait(self._silence_s / 3):
            # Tried again soon; while the storage can't be reached nobody else can write there either.
            with suppress(StorageError):
                self._say(self._storage)


def _read(storage: Storage) -> dict[str, Any]:
    if _NAME not in storage.sizes():
        return {}
    found: dict[str, Any] = json.loads(storage.read(_NAME))
    return found
