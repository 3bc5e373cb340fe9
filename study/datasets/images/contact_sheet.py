"""Groups of images, each side by side, to be looked at."""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

_GAP_PX, _NUM_PAIRS, _CAPTION_PX = 10, 6, 14


def groups_png(
    pixels: NDArray[np.uint8], groups: Sequence[Sequence[int]], *, captions: Sequence[str] = (), side_px: int = 72
) -> bytes:
    """A PNG of the groups, line by line, with a gap between two groups; six pairs fill a line.

    Args:
        pixels: uint8 (N, S, S, 3).
        groups: at least one; rows of the images of each.
        captions: of each group a few letters, to stand above it; none for no captions.
        side_px: of each image on the sheet.
    """
    max_width = _NUM_PAIRS * (2 * side_px + _GAP_PX) - _GAP_PX
    places: list[tuple[int, int, int]] = []
    corners: list[tuple[int, int]] = []
    above = _CAPTION_PX if captions else 0
    x, y = 0, above
    for group in groups:
        if x and x + len(group) * side_px > max_width:
            x, y = 0, y + side_px + _GAP_PX + above
        corners.append((x, y - above))
        for row in group:
            # A group that is longer than a line goes on below, without a gap.
            if x + side_px > max_width:
                x, y = 0, y + side_px
            places.append((row, x, y))
            x += side_px
        x += _GAP_PX
    sheet = Image.new("RGB", (max(x for _, x, _ in places) + side_px, y + side_px), "white")
    for row, x, y in places:
        sheet.paste(Image.fromarray(pixels[row]).resize((side_px, side_px), Image.Resampling.BILINEAR), (x, y))
    pen = ImageDraw.Draw(sheet)
    for corner, caption in zip(corners, captions, strict=False):
        pen.text(corner, caption, fill="black")
    file = io.BytesIO()
    sheet.save(file, "PNG", optimize=True)
    return file.getvalue()
