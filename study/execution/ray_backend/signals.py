"""Ctrl-C, and the signal with which machines and queues take their resources back."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# A signal to a whole group of processes may come twice: `uv run` passes it on to its child, which has had it.
_SAME_S = 1.0


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Turns the first signal into a flag, so that no record is torn; the second one interrupts at once.

    Yields:
        Whether there was a signal.
    """
    received: list[float] = []

    def handle(number: int, frame: FrameType | None) -> None:
        del number, frame
        now_s = time.monotonic()
        if received and now_s - received[0] < _SAME_S:
            return
        received.append(now_s)
        if len(received) > 1:
            raise KeyboardInterrupt
        print("\nStopping ... (Ctrl-C once more leaves at once, without a report)", file=sys.stderr, flush=True)

    before: dict[int, Any] = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
