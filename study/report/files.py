"""Writes the files of a report, each of them whole or not at all."""

import os
from collections.abc import Mapping
from pathlib import Path


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file by way of a temporary name, so that a crash leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 with Unix line ends, whatever the machine's locale is."""
    write_bytes(path, text.encode("utf-8"))


def replace_figures(folder: Path, figures: Mapping[str, bytes]) -> None:
    """Makes the PNG files of a folder exactly these: an earlier drawing may have had more of them."""
    for name, content in figures.items():
        write_bytes(folder / name, content)
    for old in sorted(folder.glob("*.png")):
        if old.name not in figures:
            old.unlink()
