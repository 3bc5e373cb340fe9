"""Image readers, one file each, found by file name: `study/datasets/readers/<name>.py` defines `READER`.

A reader turns the bytes of a file into pixels. What is done with pixels whatever read them (the window of grey levels,
trimming, resizing) is in `study.datasets.images.picture`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from study import registry
from study.errors import DeclarationError, StudyError

KIND = registry.Kind(name="image reader", package=__name__, attribute="READER")
# Of a file, so many bytes are enough to tell its format: HDF5 may put its signature as far back as byte 2048.
HEAD_BYTES = 4096
# What a reader raises of a file that it can't read, and the file system of one that isn't there.
UNREADABLE = (OSError, ValueError)
_DICOM_AT = 128


@dataclass(frozen=True, eq=False)
class ReadImage:
    """What an image file holds, upright and in its own size.

    Attributes:
        pixels: uint8 (H, W), grey from 0 black to 255 white; or uint8 (H, W, 3), RGB; or integers of another type
            (H, W), grey levels of more than 8 bits, of which a window must say which are black and white.
        metadata: what else the file tells of the image, name -> value, both for people. "colour mode" and "format" are
            the file's own.
    """

    pixels: NDArray[np.integer[Any]]
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def deep(self) -> bool:
        """Whether there are more than 256 grey levels."""
        return self.pixels.dtype != np.uint8


@dataclass(frozen=True, kw_only=True)
class ImageReader:
    """Reads the images of some file formats.

    A package that nothing but this reader needs is imported by `read`, not by the file: readers of other formats must
    work without it.

    Attributes:
        title: the formats, for people, such as "PNG, JPEG and TIFF".
        suffixes: how the names of such files usually end, in lower case and with the dot. In a folder of other files,
            images are told by them.
        can_read: (first bytes, file name) -> whether this reader should read the file. There are up to `HEAD_BYTES`
            first bytes, or none. All readers are first asked with "" for the name: then the bytes alone must tell.
            With a name, one of the usual suffixes is enough.
        read: the file's content -> its image. Raises OSError or ValueError where the content is damaged or it can't be
            told how the image looks; the message completes the sentence "can't be read: ...". Runs in several threads.
        version: to be raised when the pixels of a file become others: old caches are then not used any more.
        example: uint8 (H, W) -> the content of a file of these grey levels, for the contract tests of what is shipped.
        asked_last: whether other readers are asked before, as those of one format are before one of many.
    """

    title: str
    suffixes: tuple[str, ...]
    can_read: Callable[[bytes, str], bool]
    read: Callable[[bytes], ReadImage]
    version: int = 1
    example: Callable[[NDArray[np.uint8]], bytes] | None = None
    asked_last: bool = False


@dataclass(frozen=True)
class Readers:
    """All readers that there are at a time: the one place where it is decided which of them reads a file.

    Attributes:
        by_name: in the order in which they are asked.
        identities: name -> what changes when a reader may give other pixels of the same file.
    """

    by_name: Mapping[str, ImageReader]
    identities: Mapping[str, str]

    @property
    def suffixes(self) -> tuple[str, ...]:
        """How the names of files usually end that one of the readers reads."""
        return tuple(dict.fromkeys(suffix for reader in self.by_name.values() for suffix in reader.suffixes))

    @property
    def titles(self) -> str:
        """What can be read, for people."""
        return "; ".join(reader.title for reader in self.by_name.values())

    def looks_like_image(self, name: str) -> bool:
        """Whether a file is called as the images of one of the readers are."""
        return name.lower().endswith(self.suffixes)

    def reader_of(self, head: bytes, path: str) -> str:
        """The name of the reader of a file: the first one that knows its first bytes, else the first one of its name.

        Args:
            head: up to `HEAD_BYTES` first bytes.
            path: of which the last part counts.

        Raises:
            ValueError: no reader can read it.
            DeclarationError: a reader fails when it is asked.
        """
        for called in ("", PurePath(path).name):
            for name, reader in self.by_name.items():
                with _own_errors(name, path):
                    if reader.can_read(head, called):
                        return name
            if head[_DICOM_AT : _DICOM_AT + 4] == b"DICM":
                raise ValueError("DICOM isn't read; save it as PNG or TIFF, of 8 or 16 bits")
        asked = "; ".join(f"{name}: {reader.title}" for name, reader in self.by_name.items())
        raise ValueError(f"cannot identify the image's format, which no reader knows ({asked})")

    def read(self, content: bytes, path: str) -> tuple[ReadImage, str]:
        """The image that a file holds, and the name of the reader that read it.

        Raises:
            OSError: damaged, see the reader.
            ValueError: no reader can read it, it is damaged, or it can't be told how it looks.
            DeclarationError: a reader fails otherwise, or gives what is no image.
        """
        name = self.reader_of(content[:HEAD_BYTES], path)
        with _own_errors(name, path):
            image = self.by_name[name].read(content)
        _require_image(image, name, path)
        return image, name


def known() -> Readers:
    """All readers, those of one format before those of many. Looks through installed packages: not for each image.

    Raises:
        DeclarationError: the file of one can't be run or doesn't define it.
    """
    found: dict[str, ImageReader] = {name: KIND.find(name) for name in KIND.names()}
    in_order = sorted(found, key=lambda name: (found[name].asked_last, name))
    return Readers(
        by_name={name: found[name] for name in in_order},
        identities={name: _identity(name, found[name]) for name in in_order},
    )


def why_unreadable(error: Exception) -> str:
    """What is wrong with a file, of an error in `UNREADABLE`."""
    return str(error) or type(error).__name__


def _identity(name: str, reader: ImageReader) -> str:
    # Who changes a file of their own again and again will not think of its version.
    source = KIND.source_of(name)
    return f"{reader.version}-{sha256(source.encode()).hexdigest()[:16]}" if source else str(reader.version)


@contextmanager
def _own_errors(name: str, path: str) -> Iterator[None]:
    """What a reader isn't meant to raise is a fault of the reader, not of the file."""
    try:
        yield
    except (*UNREADABLE, StudyError):
        raise
    except Exception as error:
        raise DeclarationError(
            "An image reader must raise OSError or ValueError where it can't read a file, but of "
            f"{path} the reader {name} raises {registry.described(error)}. Mend the reader."
        ) from error


def _require_image(image: object, name: str, path: str) -> None:
    pixels = image.pixels if isinstance(image, ReadImage) else image
    given = f"{pixels.dtype} {pixels.shape}" if isinstance(pixels, np.ndarray) else f"a {type(pixels).__name__}"
    if isinstance(pixels, np.ndarray) and pixels.size and _are_pixels(pixels):
        return
    raise DeclarationError(
        "An image reader must give grey levels, integers (height, width), or colours, uint8 (height, width, 3), "
        f"but of {path} the reader {name} gives {given}. Mend the reader."
    )


def _are_pixels(pixels: NDArray[Any]) -> bool:
    if pixels.ndim == 2:
        return np.issubdtype(pixels.dtype, np.integer)
    return pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype == np.uint8
