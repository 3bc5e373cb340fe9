"""Locks that keep processes of one machine apart."""

from pathlib import Path

from filelock import FileLock


def file_lock(path: Path) -> FileLock:
    """A lock that one process at a time can hold; entering it waits until it is free.

    The operating system ends it with the process that holds it, however that ends. The file stays, empty.

    Args:
        path: of a file that is made for this; its folder is there.
    """
    # Where a file system knows no locks, a file that merely lies there would outlive a process that is killed.
    return FileLock(path, fallback_to_soft=False)
