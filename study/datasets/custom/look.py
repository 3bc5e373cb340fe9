"""What a sample of the images says of all: colour or grey, how large, and which grey levels of 16-bit ones are used."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from study.datasets import Sample, readers
from study.datasets.images.picture import in_8_bits
from study.datasets.readers import Readers, ReadImage
from study.errors import DataError

NUM_LOOKED_AT = 200
_LOOKED_AT_PX = 64
# Colour casts of a scanner, and JPEG, leave channels of a grey picture this far apart.
_GREY_LEVELS_APART = 8
# Of an image's pixels, so many are darker than its black or brighter than its white.
_BEYOND_WINDOW_PERCENT = 0.1
# So many of the images may lie beyond the window, where it is then this many times narrower.
_SHARE_BEYOND_WINDOW, _TIMES_NARROWER = 0.1, 4
_FEWEST_TO_TELL = 5
# So few grey levels are no photograph: masks and label maps have them, and colours of 12 bits that were saved as 16.
_FEW_LEVELS = 16
_LARGEST_SHARE_DIM = 1 / 3


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
        window: the darkest and the brightest grey level in use, where there are more than 8 bits; else None. A few
            images that differ grossly from the others don't widen it.
        beyond: paths of those that have levels outside of the window, which are cut off.
        few_levels: paths of those of which the networks see no more than 16 grey levels.
    """

    num: int
    num_colour: int
    num_deep: int
    side_px: int
    smallest: tuple[int, int]
    largest: tuple[int, int]
    window: tuple[int, int] | None
    beyond: tuple[str, ...] = ()
    few_levels: tuple[str, ...] = ()

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
    asked = readers.known()
    seen, why = _seen(root, chosen, asked)
    if not seen:
        raise DataError(
            f"The images must be readable, but of {len(chosen)} that were tried in {root} none is, for example "
            f"{why}. {asked.titles} can be read; others must be saved as PNG or TIFF, of 8 or 16 bits and without "
            "negative levels. A table must then name the new files."
        )
    by_area = sorted((one.size for one in seen), key=lambda size: (size[0] * size[1], size))
    ranges = {one.path: one.deep for one in seen if one.deep is not None}
    window = _window(root, ranges) if ranges else None
    return Look(
        num=len(seen),
        num_colour=sum(not one.grey for one in seen),
        num_deep=len(ranges),
        side_px=int(np.median([min(size) for size in by_area])),
        smallest=by_area[0],
        largest=by_area[-1],
        window=window,
        beyond=tuple(path for path, (low, high) in ranges.items() if window and (low < window[0] or high > window[1])),
        few_levels=tuple(one.path for one in seen if _levels_seen(one, window) <= _FEW_LEVELS),
    )


@dataclass(frozen=True)
class _Seen:
    """One image: its width and height, the range of its levels if they have more than 8 bits, how many are seen."""

    path: str
    size: tuple[int, int]
    deep: tuple[int, int] | None
    num_levels: int
    grey: bool


def _seen(root: Path, samples: Sequence[Sample], asked: Readers) -> tuple[list[_Seen], str]:
    """Those that can be read, by path, and why the first of the others can't."""
    seen, why = [], ""
    for sample in sorted(samples, key=lambda s: s.path):
        try:
            image, deep = _shown(asked.read((root / sample.path).read_bytes(), sample.path)[0])
        except readers.UNREADABLE as error:
            # All of these are told, with their reasons, once every image has been read.
            why = why or f"{sample.path} ({readers.why_unreadable(error)})"
            continue
        num_levels = int(np.count_nonzero(image.convert("L").histogram()))
        seen.append(_Seen(sample.path, image.size, deep, num_levels, _is_grey(image)))
    return seen, why


def _window(root: Path, ranges: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    """Black and white for images of more than 8 bits, from the darkest and the brightest level that each uses.

    Raises:
        DataError: an image has negative levels, or no window shows enough of most images.
    """
    for path, (low, high) in ranges.items():
        if low < 0:
            raise DataError(
                f"Grey levels must be 0 or more, but {root / path} uses {low} to {high}, as CT in Hounsfield units "
                "does. Save the images as PNG or TIFF of 16-bit whole numbers without a sign: add 1024 to each level, "
                "for example, and make what is still negative 0."
            )
    lows, highs = (np.sort(np.array([ends[place] for ends in ranges.values()])) for place in (0, 1))
    black = int(np.median(highs) - _reach(np.median(highs) - lows))
    white = int(np.median(lows) + _reach(highs[::-1] - np.median(lows)))
    window = black, max(white, black + 1)
    # An image that has few levels itself looks the same through any window.
    rich = {path: ends for path, ends in ranges.items() if ends[1] - ends[0] > _FEW_LEVELS}
    dim = [path for path, ends in rich.items() if _num_levels(window, *ends) <= _FEW_LEVELS]
    if len(dim) > _LARGEST_SHARE_DIM * len(ranges):
        raise DataError(
            f"One window of grey levels must show most images, but those of more than 8 bits in {root} use levels from "
            f"{window[0]} to {window[1]}, and of 256 shades between these {len(dim)} of {len(ranges)} that were "
            f"looked at show no more than {_FEW_LEVELS}, for example {dim[0]}. Save them on one "
            "scale, or each with 8 bits, its own darkest level as 0 and its brightest as 255."
        )
    return window


def _reach(distances: NDArray[np.float64]) -> float:
    """How far the window must reach from the middle for all images, or all but a few that are far from the others.

    Args:
        distances: of each image, the longest first.
    """
    spared = max(1, int(_SHARE_BEYOND_WINDOW * len(distances))) if len(distances) >= _FEWEST_TO_TELL else 0
    usual = max(float(distances[spared]), 1.0)
    if distances[0] <= _TIMES_NARROWER * usual:
        return float(distances[0])
    # Of those that may be spared, all that lie no further out than others stay in.
    return float(next(distance for distance in distances if distance <= _TIMES_NARROWER / 2 * usual))


def _levels_seen(one: _Seen, window: tuple[int, int] | None) -> int:
    return min(one.num_levels, _num_levels(window, *one.deep)) if one.deep and window else one.num_levels


def _num_levels(window: tuple[int, int], low: int, high: int) -> int:
    """How many of 256 grey levels an image uses through a window."""
    ends = np.clip((np.array([low, high]) - window[0]) / (window[1] - window[0]), 0, 1) * 255
    return int(ends[1] - ends[0]) + 1


def _shown(image: ReadImage) -> tuple[Image.Image, tuple[int, int] | None]:
    """An image, through a window of its own if it has more than 8 bits, and that window."""
    if not image.deep:
        return in_8_bits(image), None
    ends = np.percentile(image.pixels, [_BEYOND_WINDOW_PERCENT, 100 - _BEYOND_WINDOW_PERCENT])
    window = int(ends[0]), max(int(np.ceil(ends[1])), int(ends[0]) + 1)
    return in_8_bits(image, window), window


def _is_grey(image: Image.Image) -> bool:
    if image.mode == "L":
        return True
    small = np.asarray(image.resize((_LOOKED_AT_PX, _LOOKED_AT_PX)), dtype=np.int16)
    return bool(np.ptp(small, axis=2).max() <= _GREY_LEVELS_APART)
