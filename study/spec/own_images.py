"""Images of one's own, as a study file declares them: nothing else is known of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from study.errors import DeclarationError, UnknownNameError

SIDES = ("train", "val", "test")
# What augmentation may do with the images, see `study.training.augmentation_policies`.
MODALITIES = ("grey", "colour", "mri", "ihc", "he", "blood")
MAX_CLASSES = 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A CSV file with a row for each image.

    Attributes:
        file: its path, relative to the folder of the images, or absolute.
        image: the column that names the image: its path in the folder, or its file name with or without suffix, if
            only one file is called so.
        label: the column of the class.
        group: the column of what must stay in one split (patient, slide); "" where there is none.
        split: the column that says "train", "val" or "test"; "" where splits are to be drawn.
    """

    file: str
    image: str
    label: str
    group: str = ""
    split: str = ""


@dataclass(frozen=True, kw_only=True)
class OwnImages:
    """A folder of images with a label each.

    Attributes:
        name: in records, reports and caches: letters, digits, "_" and "-".
        folder: where they are, relative to the folder in which the command is given, or absolute; --data replaces it.
        classes: names of the classes, which are also the names of their folders, or the labels in the table. With two,
            the second is the positive one.
        modality: what augmentation may do: "grey" and "colour" are not flipped; "mri", "ihc", "he", "blood".
        sides: folder of class folders -> "train", "val" or "test"; {"": "train"} where the class folders lie in the
            folder itself. What is in no folder of their own is drawn: val, and test, from "train". Not with a table.
        table: where a table says which image is what.
        window: grey levels that become black and white in images of more than 8 bits; None where there are none.
        group_meaning: what a group stands for, such as "patient".
        licence: in a few words.
        source: in a few words.
    """

    name: str
    folder: str
    classes: tuple[str, ...]
    modality: str = "colour"
    sides: Mapping[str, str] = field(default_factory=lambda: {"": "train"})
    table: Table | None = None
    window: tuple[int, int] | None = None
    group_meaning: str = ""
    licence: str = "not stated"
    source: str = "images of one's own"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise DeclarationError(
                f"A name has letters, digits, '_' and '-', and begins with a letter or digit, but is {self.name!r}."
            )
        if not 2 <= len(self.classes) <= MAX_CLASSES:
            raise DeclarationError(f"There must be 2 to {MAX_CLASSES} classes, but there are {len(self.classes)}.")
        twice = [name for name in self.classes if self.classes.count(name) > 1]
        if twice:
            raise DeclarationError(f"Each class needs a name of its own, but {twice[0]!r} stands there twice.")
        if self.modality not in MODALITIES:
            raise UnknownNameError("modality", self.modality, MODALITIES)
        for side in self.sides.values():
            if side not in SIDES:
                raise UnknownNameError("side", side, SIDES)
        if "train" not in self.sides.values():
            raise DeclarationError(f'One of the sides must be "train", but they are {dict(self.sides)}.')
        if self.window is not None and not 0 <= self.window[0] < self.window[1]:
            raise DeclarationError(f"window must be (black, white) with 0 <= black < white, but is {self.window}.")
