"""Pairs of images side by side, to be looked at."""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_PX, _GAP_PX, _NUM_COLUMNS = 72, 10, 6


def pairs_png(pixels: NDArray[np.uint8], pairs: Sequence[tuple[int, int]]) -> bytes:
    """A PNG of the pairs, row by row.

    Args:
        pixels: uint8 (N, S, S, 3).
        pairs: at least one; rows of the left and of the right image.
    """
    num_rows = -(-len(pairs) // _NUM_COLUMNS)
    width = min(len(pairs), _NUM_COLUMNS) * (2 * _PX + _GAP_PX) - _GAP_PX
    sheet = Image.new("RGB", (width, num_rows * (_PX + _GAP_PX) - _GAP_PX), "white")
    for place, pair in enumerate(pairs):
        x, y = place % _NUM_COLUMNS * (2 * _PX + _GAP_PX), place // _NUM_COLUMNS * (_PX + _GAP_PX)
        for side, row in enumerate(pair):
            image = Image.fromarray(pixels[row]).resize((_PX, _PX), Image.Resampling.BILINEAR)
            sheet.paste(image, (x + side * _PX, y))
    file = io.BytesIO()
    sheet.save(file, "PNG", optimize=True)
    return file.getvalue()
