"""Ends a worker process that hangs, so that its slot is not lost for the rest of a study."""

import faulthandler
import time
from pathlib import Path
from types import TracebackType

_MIN_PERIOD_S = 1.0


class Watchdog:
    """Ends this process if too much time passes between two steps of a training, and writes down where it hung.

    It runs on a thread of the interpreter's own that needs no lock: code that hangs while it holds the interpreter
    (a driver's deadlock, a network file system that is gone) is ended too. There is one in a process.

    Args:
        path: gets the stack of every thread when it fires, its first line says for how long nothing happened; empty
            or gone otherwise.
        after_s: time without a `beat` that means the process hangs; it must be well above the longest step.
    """

    def __init__(self, path: Path, after_s: float) -> None:
        self.path, self.after_s = path, after_s
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w")
        self._armed_at_s = 0.0

    def beat(self) -> None:
        """Something has happened. Cheap: the clock is set anew once in a while only."""
        now_s = time.monotonic()
        if now_s - self._armed_at_s > min(_MIN_PERIOD_S, self.after_s / 10):
            faulthandler.dump_traceback_later(self.after_s, exit=True, file=self._file)
            self._armed_at_s = now_s

    def pause(self) -> None:
        """What follows may take as long as it likes, until the next `beat`."""
        faulthandler.cancel_dump_traceback_later()
        self._armed_at_s = 0.0

    def __enter__(self) -> "Watchdog":
        self.beat()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.pause()
        self._file.close()
        self.path.unlink(missing_ok=True)
