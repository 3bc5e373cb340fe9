"""What becomes of an image, whatever read it: shown in 8 bits, identified, trimmed and resized."""

import hashlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from study.datasets.readers import ReadImage

Window = tuple[int, int]
# A pixel is lit if it is brighter than this grey level and this share of the brightest; a line, if this share of it is.
_DARKEST_LIT, _SHARE_OF_BRIGHTEST, _SHARE_LIT = 12, 0.08, 0.03


def in_8_bits(image: ReadImage, window: Window | None = None) -> Image.Image:
    """The image as 8-bit grey ("L") or RGB.

    Args:
        image: as it was read.
        window: grey levels that become black and white where there are more than 8 bits; what lies beyond is cut off.

    Raises:
        ValueError: it has grey levels of more than 8 bits, and there is no window.
    """
    if not image.deep:
        return Image.fromarray(image.pixels)
    if window is None:
        mode = image.metadata.get("colour mode", image.pixels.dtype)
        raise ValueError(
            f"grey levels of more than 8 bits (colour mode {mode}), and no window says which of them are black and "
            "white"
        )
    levels = image.pixels.astype(np.float64)
    black, white = window
    scaled = np.clip((levels - black) / (white - black), 0, 1) * 255
    return Image.fromarray(np.rint(scaled).astype(np.uint8))


def fingerprint(image: Image.Image) -> str:
    """sha256 of an image's size and its pixels as RGB: the same for a picture that was saved in another format."""
    seen = hashlib.sha256(f"{image.width}x{image.height}".encode())
    seen.update(image.convert("RGB").tobytes())
    return seen.hexdigest()


def resize(image: Image.Image, *, size_px: int) -> NDArray[np.uint8]:
    """The pixels of an image, resized to a square: uint8 (size_px, size_px, 3), RGB."""
    # Pillow widens the filter to the scale, so thin membranes of a 1024 px patch are averaged, not skipped.
    resized = image.convert("RGB").resize((size_px, size_px), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.uint8)


def thumbnail(image: Image.Image, *, size_px: int) -> NDArray[np.uint8]:
    """A small grey image, from which look-alikes are told: uint8 (size_px, size_px)."""
    return np.asarray(image.convert("L").resize((size_px, size_px), Image.Resampling.BILINEAR), dtype=np.uint8)


def trim(image: Image.Image) -> Image.Image:
    """The image without its dark margins: an edge is cut off as far as less than 3 % of each line is lit.

    How much air there is around a head depends on who exported the slice, not on the patient.
    """
    grey = np.asarray(image.convert("L"))
    lit = grey > max(_DARKEST_LIT, _SHARE_OF_BRIGHTEST * float(np.percentile(grey[::4, ::4], 99)))
    rows, columns = (np.flatnonzero(lit.mean(axis=axis) > _SHARE_LIT) for axis in (1, 0))
    if not len(rows) or not len(columns):
        return image
    return image.crop((int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1))
