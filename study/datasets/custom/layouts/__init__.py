"""Layouts of one's own images, one file each, found by file name: `custom/layouts/<name>.py` defines `LAYOUT`.

A layout says what tells the class of each image, and its split and group: the folder that it lies in, a row of a table.
Published datasets need none of these: their file says where everything is, see `study.datasets.Dataset.scan`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from numpy import uint8
from numpy.typing import NDArray

from study import registry
from study.datasets import Sample
from study.spec import OwnImages

KIND = registry.Kind(name="layout", package=__name__, attribute="LAYOUT")


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a user says of images of which nothing else is known.

    Attributes:
        name: of the study.
        root: the folder of the images.
        table: the file that says which image is of which class; None where none was given.
        columns: "image", "label", "group" and "split" -> column of the table; "" where it is to be found.
    """

    name: str
    root: Path
    table: Path | None
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Scanned:
    """What lies in a folder.

    Attributes:
        samples: one an image.
        notes: what a reader of the report must know of it, a sentence each.
    """

    samples: list[Sample]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OwnLayout:
    """One way in which labelled images lie in a folder. It goes by names alone and reads no pixels.

    Attributes:
        title: in a few words, for people.
        recognizes: (folder, table or None) -> whether they are to be read as this layout, at a glance. Whether they are
            whole is for the next two to say.
        understand: what was given -> what a study file would declare of it, the classes in their natural order. Raises
            DataError where it can't be told.
        scan: (folder, declaration) -> its samples, in the same order each time. Raises DataError where the folder isn't
            as declared, such as when images were moved since.
        in_words: (folder, declaration) -> lines on what tells what, and on what lies there and isn't used.
        guess: what is supposed of groups, in a clause; "" where they are named.
        example: (empty folder, [(class, uint8 (H, W) pixels)]) -> table or None: writes grey images of two classes in
            this layout, for the contract tests of what is shipped.
        asked_last: whether other layouts are asked before, as it recognizes whatever they don't.
    """

    title: str
    recognizes: Callable[[Path, Path | None], bool]
    understand: Callable[[Given], OwnImages]
    scan: Callable[[Path, OwnImages], Scanned]
    in_words: Callable[[Path, OwnImages], Sequence[str]]
    guess: str = ""
    example: Callable[[Path, Sequence[tuple[str, NDArray[uint8]]]], Path | None] | None = None
    asked_last: bool = False


def layout_of(root: Path, table: Path | None) -> OwnLayout:
    """The first layout that recognizes a folder and a table: class folders, or a table of labels, if no other does."""
    layouts: list[OwnLayout] = [KIND.find(name) for name in KIND.names()]
    in_order = sorted(layouts, key=lambda layout: layout.asked_last)
    return next(layout for layout in in_order if layout.recognizes(root, table))


def declared_layout(root: Path, own: OwnImages) -> OwnLayout:
    """The layout of images that are declared, which may lie elsewhere than the declaration says."""
    return layout_of(root, Path(own.table.file) if own.table else None)
