"""Memory that an actor no longer needs goes back to the operating system between two trials."""

import ctypes


def give_back_memory() -> None:
    """Frees what earlier trials have left in this process.

    Each trial runs on a thread of its own, and glibc keeps what a thread has freed for the next one of the same arena.
    After half an hour an actor held 5.1 GB, of which 3.1 GB were free. Other C libraries need no such call.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
