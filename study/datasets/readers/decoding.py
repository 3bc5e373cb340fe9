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
_READY = ("RGB", "L")
# Pillow's names for grey levels of 16 bits; as "I", of 32 bits, it reads some of them.
DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I")
_TURNED_INTO = {"1": "L", "P": "RGB", "CMYK": "RGB", "YCbCr": "RGB"}
_WITH_ALPHA = {"RGBA": "RGB", "LA": "L", "PA": "RGB", "P": "RGB", "RGB": "RGB", "L": "L"}
# The other pictures of such a file are previews, or the view of a second lens.
_DICOM_AT = 128
_MAIN_PICTURE_FIRST = ("MPO",)

Window = tuple[int, int]
# A pixel is lit if it is brighter than this grey level and this share of the brightest; a line, if this share of it is.
_DARKEST_LIT, _SHARE_OF_BRIGHTEST, _SHARE_LIT = 12, 0.08, 0.03


def load(content: bytes, window: Window | None = None) -> Image.Image:
    """The decoded image, upright, in its own size, as 8-bit grey ("L") or RGB.

    Palettes and CMYK become RGB, and a layer of transparency that hides nothing is dropped.

    Args:
        content: of the file.
        window: grey levels that become black and white where there are more than 8 bits; what lies beyond is cut off.

    Raises:
        ValueError: it can't be told what the image looks like: it is transparent in part, has several pictures, or grey
            levels of more than 8 bits without a window.
        OSError: truncated, or not an image that Pillow can read.
        Image.DecompressionBombWarning: absurdly large, which the header says before anything is decoded.
    """
    require_no_dicom(content)
    with Image.open(io.BytesIO(content)) as image:
        try:
            num_pictures = 1 if image.format in _MAIN_PICTURE_FIRST else getattr(image, "n_frames", 1)
        except Exception as error:
            # Where one picture of a TIFF ends, the next one may be promised by damaged bytes.
            raise ValueError(f"how many pictures it holds can't be told ({error})") from error
        if num_pictures > 1:
            raise ValueError(f"{num_pictures} pictures in one file; save each as a file of its own")
        image.load()
        try:
            upright = ImageOps.exif_transpose(image)
        except Exception as error:
            # Damaged EXIF data make Pillow fail in many ways, and how the picture is to be turned is then unknown.
            raise ValueError(f"its EXIF data can't be read ({error})") from error
    return _in_8_bits(upright, window)


def require_no_dicom(content: bytes) -> None:
    """Raises ValueError where a file is DICOM, which Pillow would call no image at all."""
    if content[_DICOM_AT : _DICOM_AT + 4] == b"DICM":
        raise ValueError("DICOM isn't read; save it as PNG or TIFF, of 8 or 16 bits")


def _in_8_bits(image: Image.Image, window: Window | None) -> Image.Image:
    if image.has_transparency_data:
        opacity = image.convert("RGBA").getchannel("A")
        if opacity.getextrema() != (255, 255):
            raise ValueError(f"transparent in part (colour mode {image.mode}); lay it on the background that it has")
        if image.mode in _WITH_ALPHA:
            return image.convert("RGBA").convert(_WITH_ALPHA[image.mode])
    if image.mode in _READY:
        return image
    if image.mode in DEEP:
        if window is None:
            raise ValueError(
                f"grey levels of more than 8 bits (colour mode {image.mode}), and no window says which of them are "
                "black and white"
            )
        levels = np.asarray(image).astype(np.float64)
        black, white = window
        scaled = np.clip((levels - black) / (white - black), 0, 1) * 255
        return Image.fromarray(np.rint(scaled).astype(np.uint8))
    if image.mode in _TURNED_INTO:
        return image.convert(_TURNED_INTO[image.mode])
    raise ValueError(f"colour mode {image.mode}, of which it isn't known how it looks; save it as RGB or grey")


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
