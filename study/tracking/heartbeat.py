"""A line a minute on stderr in long work that has nothing else to say, so that nobody takes it for hung."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Any, TextIO, cast

from study.wording import clock

_PERIOD_S = 60.0


@contextmanager
def heartbeat(what: str, *, period_s: float = _PERIOD_S) -> Iterator[None]:
    """Says that something is still being done whenever stderr has been silent for a while.

    A bar or a status line that is redrawn is no silence. On leaving, nothing is said any more.

    Args:
        what: is being done, as in "still drawing the report, 1:00".
        period_s: of silence before each line.
    """
    stream = _NotedStream(sys.stderr)
    over = threading.Event()
    thread = threading.Thread(target=_say, args=(stream, what, period_s, over), name="heartbeat", daemon=True)
    with redirect_stderr(cast(TextIO, stream)):
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


class _NotedStream:
    """A stream that notes when something was last written to it, and whether its last line is open, as that of a bar.

    Args:
        stream: that gets what is written.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        # Of its thread's own: a signal may be answered in words in the middle of another line.
        self._turn = threading.RLock()
        self.written_s, self._is_open = time.monotonic(), False

    def write(self, text: str) -> int:
        with self._turn:
            if text:
                self.written_s, self._is_open = time.monotonic(), not text.endswith("\n")
            return self._stream.write(text)

    def add_line(self, text: str) -> None:
        """Writes a line of its own: in a terminal in place of an open one, which is soon drawn again below."""
        with self._turn:
            clear = "" if not self._is_open else "\r\033[K" if self._stream.isatty() else "\n"
            self.write(f"{clear}{text}\n")
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _say(stream: _NotedStream, what: str, period_s: float, over: threading.Event) -> None:
    started_s = time.monotonic()
    while not over.wait(stream.written_s + period_s - time.monotonic()):
        if time.monotonic() - stream.written_s >= period_s:
            stream.add_line(f"still {what}, {clock(time.monotonic() - started_s)}")
