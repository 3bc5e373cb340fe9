"""The files of a folder that are a user's, and not the operating system's."""

import os
from collections.abc import Iterator
from pathlib import Path

# What file browsers and archivers leave behind.
_LITTER = ("thumbs.db", "desktop.ini", "__macosx", "@eadir")


def entries(folder: Path) -> tuple[list[str], list[str]]:
    """The names of the folders and of the files in a folder, sorted; hidden ones and litter are passed over.

    `os.scandir` rather than a glob: names of folders may have brackets.
    """
    folders: list[str] = []
    files: list[str] = []
    with os.scandir(folder) as found:
        for entry in found:
            if entry.name.startswith(".") or entry.name.lower() in _LITTER:
                continue
            (folders if entry.is_dir() else files).append(entry.name)
    return sorted(folders), sorted(files)


def walk(folder: Path) -> Iterator[Path]:
    """All files within a folder, at any depth, in the order of their names."""
    folders, files = entries(folder)
    for name in files:
        yield folder / name
    for name in folders:
        yield from walk(folder / name)
