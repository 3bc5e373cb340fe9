"""What a sample of the images says of all: colour or grey, how large, and which grey levels of 16-bit ones are used."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from study.datasets import Sample
from study.datasets.images import decoding
from study.errors import DataError

NUM_LOOKED_AT = 200
_LOOKED_AT_PX = 64
# Colour casts of a scanner, and JPEG, leave channels of a grey picture this far apart.
_GREY_LEVELS_APART = 8
# Of all pixels that are looked at, so many are darker than black or brighter than white.
_BEYOND_WINDOW_PERCENT = 0.1


@dataclass(frozen=True)
class Look:
    """What the images that were looked at have in common.

    Attributes:
        num: how many could be read.
        num_colour: how many of them have colour.
        num_deep: how many have more than 8 bits.
        side_px: the median of their shorter sides.
        smallest: width and height of the smallest, by area.
        largest: of the largest.
        window: the darkest and the brightest grey level in use, where there are more than 8 bits; else None.
    """

    num: int
    num_colour: int
    num_deep: int
    side_px: int
    smallest: tuple[int, int]
    largest: tuple[int, int]
    window: tuple[int, int] | None

    @property
    def grey(self) -> bool:
        """Whether none of them has colour."""
        return not self.num_colour


def look_at(root: Path, samples: Sequence[Sample]) -> Look:
    """Looks at up to 200 images, the same ones each time.

    Raises:
        DataError: none of them can be read.
    """
    chosen = sorted(samples, key=lambda s: hashlib.sha256(s.path.encode()).hexdigest())[:NUM_LOOKED_AT]
    sizes, lows, highs, num_colour = [], [], [], 0
    for sample in chosen:
        try:
            image, deep = _read((root / sample.path).read_bytes())
        except decoding.UNREADABLE:
            # All of these are told, with their reasons, once every image has been read.
            continue
        sizes.append(image.size)
        if deep is not None:
            lows.append(deep[0])
            highs.append(deep[1])
        num_colour += not _is_grey(image)
    if not sizes:
        raise DataError(
            f"The images must be readable, but of {len(chosen)} that were tried in {root} none is, for example "
            f"{chosen[0].path}. PNG, JPEG and TIFF can be read; DICOM and others must be saved as one of these."
        )
    by_area = sorted(sizes, key=lambda size: (size[0] * size[1], size))
    window = (min(lows), max(max(highs), min(lows) + 1)) if lows else None
    side = int(np.median([min(size) for size in sizes]))
    return Look(len(sizes), num_colour, len(lows), side, by_area[0], by_area[-1], window)


def _read(content: bytes) -> tuple[Image.Image, tuple[int, int] | None]:
    """An image, and the range of its grey levels if they have more than 8 bits."""
    with Image.open(io.BytesIO(content)) as image:
        if image.mode not in decoding.DEEP:
            return decoding.load(content), None
        levels = np.asarray(image)
    ends = np.percentile(levels, [_BEYOND_WINDOW_PERCENT, 100 - _BEYOND_WINDOW_PERCENT])
    window = int(ends[0]), max(int(np.ceil(ends[1])), int(ends[0]) + 1)
    return decoding.load(content, window), window


def _is_grey(image: Image.Image) -> bool:
    if image.mode == "L":
        return True
    small = np.asarray(image.resize((_LOOKED_AT_PX, _LOOKED_AT_PX)), dtype=np.int16)
    return bool(np.ptp(small, axis=2).max() <= _GREY_LEVELS_APART)
