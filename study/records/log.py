"""The event log: one JSON object a line, append-only."""

import errno
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from study.errors import ResultsError
from study.records.folder import sync_folder

Event = dict[str, Any]


# Of these a power cut may take the last few, if they came within a moment: what they tell happens again.
_REPEATABLE = ("started", "epoch")
_MOMENT_S = 0.2


class EventLog:
    """Appends events to a file. One writer at a time, see `exclusive`.

    An event is with the operating system before `append` returns, so that the end of this process loses none; and it is
    on the disk, but for starts and epochs that follow one another within a fifth of a second: waiting for the disk
    would be most of what a short trial costs.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._drop_torn_line()
        # Unbuffered: of a line that a full disk refused, nothing may be left to be written later.
        self._file = path.open("ab", buffering=0)
        self._synced_at_s = 0.0
        sync_folder(path.parent)

    def append(self, event: str, **values: Any) -> Event:
        """Adds an event.

        Raises:
            OSError: it could not be written, e.g. on a full disk; the log then ends with the event before it.
        """
        record = {"event": event, "time": round(time.time(), 3), **values}
        line = (json.dumps(record, allow_nan=True) + "\n").encode()
        end = self._file.tell()
        try:
            if self._file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
            if event not in _REPEATABLE or time.monotonic() - self._synced_at_s > _MOMENT_S:
                os.fsync(self._file.fileno())
                self._synced_at_s = time.monotonic()
        except OSError:
            self._file.truncate(end)
            raise
        return record

    def close(self) -> None:
        self._file.close()

    def _drop_torn_line(self) -> None:
        """A power cut may leave half a line; appending to it would damage the next event too."""
        if not self.path.exists():
            return
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with self.path.open("r+b") as file:
                file.truncate(whole)


def read_events(path: Path) -> Iterator[Event]:
    """The events of a log, oldest first. A torn last line is left out.

    Raises:
        ResultsError: a line in the middle can't be read, so something else than a crash damaged the file.
    """
    if not path.exists():
        return
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if not isinstance(event, dict) or "event" not in event or "time" not in event:
            raise ResultsError(
                f"Each line of {path} must be one JSON object with an event and its time, but line {number} is "
                f"{line[:60]!r}. Restore the file from a backup, or start again with --fresh."
            )
        yield event
