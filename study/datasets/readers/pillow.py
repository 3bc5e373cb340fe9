"""What Pillow reads: PNG, JPEG, TIFF, BMP and rarer formats, of one picture, in grey, colours or 16 bits of grey."""

import io
import struct
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from study.datasets.readers import ImageReader, ReadImage

# Pillow only warns of an image of more than 89 million pixels, and refuses one of twice that.
_BOMBS = (Image.DecompressionBombWarning, Image.DecompressionBombError)
warnings.simplefilter("error", Image.DecompressionBombWarning)
# What Pillow raises where the file is at fault.
_UNREADABLE = (OSError, ValueError, SyntaxError, *_BOMBS)
_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
# The first bytes of a TGA file tell nothing.
_KNOWN_BY_NAME = (*_SUFFIXES, ".tga")
_SIGNATURE_BYTES = 16
_READY = ("RGB", "L")
# Pillow's names for grey levels of 16 bits; as "I", of 32 bits, it reads some of them.
_DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I")
_TURNED_INTO = {"1": "L", "P": "RGB", "CMYK": "RGB", "YCbCr": "RGB"}
_WITH_ALPHA = {"RGBA": "RGB", "LA": "L", "PA": "RGB", "P": "RGB", "RGB": "RGB", "L": "L"}
# The other pictures of such a file are previews, or the view of a second lens.
_MAIN_PICTURE_FIRST = ("MPO",)
# The formats are all registered here, in the order in which Pillow tries them, before several threads ask for them.
Image.preinit()
Image.init()


def _can_read(head: bytes, name: str) -> bool:
    signature = head[:_SIGNATURE_BYTES]
    return name.lower().endswith(_KNOWN_BY_NAME) or any(_accepts(kind, signature) for kind in Image.OPEN)


def _accepts(kind: str, signature: bytes) -> bool:
    factory, accept = Image.OPEN[kind]
    if accept is None or (isinstance(factory, type) and issubclass(factory, ImageFile.StubImageFile)):
        # It would try any file, or knows the format's name and can't read it.
        return False
    try:
        # In words Pillow says which part of itself is missing.
        return accept(signature) is True
    except (SyntaxError, IndexError, TypeError, struct.error):
        # As Pillow does: the file is shorter than the signature.
        return False


def _read(content: bytes) -> ReadImage:
    """The decoded image: 8 bits of grey or RGB, or the levels of a deeper grey image.

    Palettes and CMYK become RGB, and a layer of transparency that hides nothing is dropped.

    Raises:
        ValueError: it can't be told what the image looks like: it is transparent in part or has several pictures. Or it
            is truncated, no image that Pillow can read, or absurdly large, which the header says before anything is
            decoded.
    """
    try:
        return _decoded(content)
    except UnidentifiedImageError as error:
        # Pillow names the object in memory that it was given.
        raise ValueError("cannot identify the image's format") from error
    except _UNREADABLE as error:
        raise ValueError(str(error) or type(error).__name__) from error


def _decoded(content: bytes) -> ReadImage:
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
        metadata = {"format": image.format or "", "colour mode": image.mode}
    return ReadImage(np.asarray(_grey_or_rgb(upright)), metadata)


def _grey_or_rgb(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        opacity = image.convert("RGBA").getchannel("A")
        if opacity.getextrema() != (255, 255):
            raise ValueError(f"transparent in part (colour mode {image.mode}); lay it on the background that it has")
        if image.mode in _WITH_ALPHA:
            return image.convert("RGBA").convert(_WITH_ALPHA[image.mode])
    if image.mode in (*_READY, *_DEEP):
        return image
    if image.mode in _TURNED_INTO:
        return image.convert(_TURNED_INTO[image.mode])
    raise ValueError(f"colour mode {image.mode}, of which it isn't known how it looks; save it as RGB or grey")


def _example(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


READER = ImageReader(
    title="PNG, JPEG, TIFF and BMP",
    suffixes=_SUFFIXES,
    can_read=_can_read,
    read=_read,
    example=_example,
    asked_last=True,
)
