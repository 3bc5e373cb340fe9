"""What `--image-size` says: one side in pixels for all networks, or one for a network that it names."""

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class AskedSizes:
    """Sides in pixels that were asked for.

    Attributes:
        of_all: for every network that has none of its own here; None where none was asked for.
        of_each: architecture -> its own.
    """

    of_all: int | None
    of_each: Mapping[str, int]

    def of(self, pair: str, *, declared: int) -> int:
        """That of a network; what is declared for it where none was asked for."""
        return self.of_each.get(pair, declared if self.of_all is None else self.of_all)


def asked_sizes(texts: Iterable[str]) -> AskedSizes:
    """What several values of `--image-size` say together: "PX" or "NAME=PX" each; of two for the same, the later one.

    Raises:
        argparse.ArgumentTypeError: a text is neither.
    """
    # By the name of the network, and "" for all.
    sizes = dict(map(_parsed, texts))
    return AskedSizes(sizes.pop("", None), sizes)


def image_size_text(text: str) -> str:
    """The text, if it is a value of `--image-size`.

    Raises:
        argparse.ArgumentTypeError: it isn't.
    """
    _parsed(text)
    return text


def _parsed(text: str) -> tuple[str, int]:
    name, equals, side = str(text).rpartition("=")
    if not (side.isascii() and side.isdigit()) or (equals and not name):
        raise argparse.ArgumentTypeError(f"must be a whole number of pixels, or NAME=PIXELS, but is {text}")
    return name, int(side)
