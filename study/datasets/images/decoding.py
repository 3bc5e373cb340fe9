"""One image file: decoded, identified, trimmed and resized."""

import hashlib
import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

# Pillow only warns of an image of more than 89 million pixels, and refuses one of twice that.
_BOMBS = (Image.DecompressionBombWarning, Image.DecompressionBombError)
# What reading a file and `load` raise where the file is at fault.
UNREADABLE = (OSError, ValueError, SyntaxError, *_BOMBS)
warnings.simplefilter("error", Image.DecompressionBombWarning)
_MODES = ("RGB", "L")
# A pixel is lit if it is brighter than this grey level and this share of the brightest; a line, if this share of it is.
_DARKEST_LIT, _SHARE_OF_BRIGHTEST, _SHARE_LIT = 12, 0.08, 0.03


def load(content: bytes) -> Image.Image:
    """The decoded image, upright, in its own mode and size.

    Raises:
        ValueError: not an 8-bit grey or RGB image.
        OSError: truncated, or not an image that Pillow can read.
        Image.DecompressionBombWarning: absurdly large, which the header says before anything is decoded.
    """
    with Image.open(io.BytesIO(content)) as image:
        if image.mode not in _MODES:
            raise ValueError(f"colour mode {image.mode}, not one of {', '.join(_MODES)}")
        image.load()
        try:
            return ImageOps.exif_transpose(image)
        except Exception as error:
            # Damaged EXIF data make Pillow fail in many ways, and how the picture is to be turned is then unknown.
            raise ValueError(f"its EXIF data can't be read ({error})") from error


def why_unreadable(error: Exception) -> str:
    """What is wrong with a file, in words that are the same each time."""
    # Pillow names the object in memory that it was given.
    if isinstance(error, UnidentifiedImageError):
        return "cannot identify the image's format"
    return str(error) or type(error).__name__


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
