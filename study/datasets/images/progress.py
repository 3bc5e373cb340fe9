"""The bar that is shown while files are read."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


def progress(items: Iterable[Item], what: str = "Reading images", *, total: int, show: bool = True) -> Iterator[Item]:
    """The items, while a bar on stderr counts them."""
    return iter(
        tqdm(
            items,
            what,
            total,
            unit=" images",
            disable=not show,
            # What is done in a moment needs no bar; in a log file one redrawn ten times a second is hundreds of lines.
            delay=0.5 if sys.stderr.isatty() else 10,
            mininterval=0.1 if sys.stderr.isatty() else 10,
        )
    )
