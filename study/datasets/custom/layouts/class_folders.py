"""A folder for each class, in the folder itself or in folders called train, val and test.

Within a class folder, images may lie in further folders: one for each patient or slide, where that is plausible
(`layout_checks`). Folders of the same name in two classes are of the same patient. A folder called "images" or the like
or as its class is, as unpacking an archive leaves it, says nothing, and is passed over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from numpy import uint8
from numpy.typing import NDArray
from PIL import Image

from study.datasets import Sample, Side, readers
from study.datasets.custom import layout_checks
from study.datasets.custom.files import entries, walk
from study.datasets.custom.folder_names import SPLITS, says_nothing, sides_of
from study.datasets.custom.layouts import Given, OwnLayout, Scanned
from study.datasets.custom.naming import in_order, require_distinct
from study.errors import DataError
from study.spec import OwnImages
from study.spec.own_images import MAX_CLASSES

SIDES = {"train": Side.DEVELOPMENT, "val": Side.VALIDATION, "test": Side.TEST}


@dataclass(frozen=True)
class Found:
    """Where the class folders are.

    Attributes:
        sides: folder of class folders -> "train", "val" or "test"; {"": "train"} where they lie in the folder itself.
        classes: their names, in their natural order.
        grouped: whether images lie in folders within the class folders.
    """

    sides: Mapping[str, str]
    classes: tuple[str, ...]
    grouped: bool


def find_layout(root: Path) -> Found:
    """The layout of a folder of which nothing is known.

    Raises:
        DataError: it has none that could be meant.
    """
    folders, files = entries(root)
    if not folders:
        raise DataError(_no_folders(root, files))
    known = sides_of(folders)
    sides = known or {"": "train"}
    if known:
        _check_sides(root, known, folders)
    per_side = {side: entries(root / side)[0] for side in sides}
    classes = in_order({name for names in per_side.values() for name in names})
    layout_checks.require_classes(root, classes)
    if not classes:
        raise DataError(_no_class_folders(root, list(sides), files))
    _check_number(root, classes, files)
    within = _within(root, per_side)
    layout_checks.require_patients(root, within)
    layout_checks.require_labelled(root, sides, per_side)
    for side, names in per_side.items():
        missing = [name for name in classes if name not in names]
        if missing:
            raise DataError(
                f"Each class needs a folder in each of {', '.join(sides)}, but {root / side} has none for "
                f"{', '.join(map(repr, missing[:5]))}. Make it, or take the class out of the others."
            )
    # Given splits share their classes, and hardly a patient.
    if len(sides) == 1:
        layout_checks.require_no_patients(root, classes)
    require_distinct(classes, root)
    return Found(sides, tuple(classes), grouped=any(within.values()))


def _within(root: Path, per_side: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Class -> the folders in its folders, in all splits."""
    found: dict[str, list[str]] = {name: [] for names in per_side.values() for name in names}
    for side, names in per_side.items():
        for name in names:
            found[name] += layout_checks.folders_within(root, root / side / name)
    return found


def scan(root: Path, *, sides: Mapping[str, str], classes: tuple[str, ...]) -> list[Sample]:
    """Every file in the class folders, whether or not it is an image: what can't be read is told when it is read.

    Raises:
        DataError: a class has no folder or no file, a folder belongs to no class, an image lies beside the folders.
    """
    samples = []
    known = readers.known()
    for side, name in sides.items():
        folders, files = entries(root / side) if (root / side).is_dir() else ([], [])
        if not folders:
            raise DataError(f"Images must lie in a folder for each class, but {root / side} has no folders.")
        unknown = [folder for folder in folders if folder not in classes and not (side == "" and folder in sides)]
        if unknown:
            raise DataError(
                f"Each folder must be a class's, but {root / side / unknown[0]} is none of {', '.join(classes)}. "
                "Add it to the classes, or move it away."
            )
        stray = [file for file in files if known.looks_like_image(file)]
        if stray:
            raise DataError(
                f"Each image must lie in the folder of its class, but {len(stray)} lie beside them in {root / side}, "
                f"for example {stray[0]!r}. Move them into a class's folder, or away."
            )
        for target, class_name in enumerate(classes):
            samples += _of_class(root, root / side / class_name, SIDES[name], target)
    return samples


def _of_class(root: Path, folder: Path, side: str, target: int) -> list[Sample]:
    if not folder.is_dir():
        raise DataError(f"Each class needs its folder, but there is no {folder}.")
    found = [Sample(path.relative_to(root).as_posix(), side, target, _group(path, folder)) for path in walk(folder)]
    if not found:
        raise DataError(f"Each class folder needs images, but {folder} is empty. Fill it, or take it away.")
    return found


def _group(path: Path, class_folder: Path) -> str:
    """The folder within the class folder that an image lies in, at whatever depth; "" for none."""
    folders = path.relative_to(class_folder).parts[:-1]
    return next((name for name in folders if not says_nothing(name, class_folder.name)), "")


def _check_sides(root: Path, known: Mapping[str, str], folders: list[str]) -> None:
    others = [name for name in folders if name not in known]
    if others:
        raise DataError(
            f"Class folders lie beside each other or within train, val and test, but {root} has both: "
            f"{', '.join(known)} and {', '.join(others[:5])}. Move one kind away. If "
            f"{next(iter(known))!r} is a class, rename it, such as class_{next(iter(known))}."
        )
    for side in SPLITS:
        same = [name for name, found in known.items() if found == side]
        if len(same) > 1:
            raise DataError(f"There may be one {side} folder, but {root} has {' and '.join(same)}. Move one away.")
    if "train" not in known.values():
        raise DataError(f"Images to train on are needed, but {root} has only {', '.join(known)}. Add a folder train.")


def _check_number(root: Path, classes: list[str], files: list[str]) -> None:
    if len(classes) < 2:
        raise DataError(
            f"At least two classes are needed, with a folder each, but {root} has {len(classes)}"
            f" ({', '.join(classes)}). Is it the folder above or below that is meant?{_a_table(root, files)}"
        )
    if len(classes) > MAX_CLASSES:
        raise DataError(
            f"There may be up to {MAX_CLASSES} classes, with a folder each, but {root} has {len(classes)} folders. If "
            "they are patients, put them into a folder for each class, or name the classes in a table (--labels)."
        )


def _no_class_folders(root: Path, sides: list[str], files: list[str]) -> str:
    """Why folders of splits can't be read that hold images, but no folders."""
    known = readers.known()
    holds = [f"{root / side} holds {sum(map(known.looks_like_image, entries(root / side)[1])):,}" for side in sides]
    hint = _a_table(root, files) or " Sort the images into folders, or name their classes in a CSV file (--labels)."
    return (
        "The images of a given split must lie in folders of the classes, but "
        f"{' and '.join(holds)} images in no class folder.{hint}"
    )


def _a_table(root: Path, files: list[str]) -> str:
    """Names a table that lies beside the folders; the likeliest one, as a competition has several."""
    tables = [name for name in files if name.lower().endswith((".csv", ".tsv"))]
    likely = [name for name in tables if "train" in name.lower() or "label" in name.lower()]
    found = next(iter(likely or tables), "")
    return f" A table may say which image is of which class: --labels {root / found}." if found else ""


def _no_folders(root: Path, files: list[str]) -> str:
    arrays = [name for name in files if name.lower().endswith((".npz", ".npy", ".h5", ".hdf5"))]
    hint = _a_table(root, files)
    if arrays and not hint:
        hint = (
            f" Arrays such as {arrays[0]} aren't read: save each image as a PNG file, in a folder of its class; where "
            "splits are given, such as train_images, in train/CLASS, val/CLASS and test/CLASS."
        )
    return (
        f"--images must hold a folder of images for each class, or train, val and test with such folders, but {root} "
        f"has no folders.{hint or ' Sort the images into folders, or name their classes in a CSV file (--labels).'}"
    )


def _understand(given: Given) -> OwnImages:
    found = find_layout(given.root)
    return OwnImages(
        name=given.name,
        folder=str(given.root.resolve()),
        classes=found.classes,
        sides=found.sides,
        group_meaning="folder" if found.grouped else "",
    )


def _in_words(root: Path, own: OwnImages) -> list[str]:
    del own
    tables = [name for name in entries(root)[1] if name.lower().endswith((".csv", ".tsv"))]
    return [f"NOT USED   {name}: a table is read where it is given (--labels)" for name in tables]


def _example(root: Path, images: Sequence[tuple[str, NDArray[uint8]]]) -> None:
    for number, (name, pixels) in enumerate(images):
        (root / name).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(root / name / f"{number}.png")


LAYOUT = OwnLayout(
    title="a folder for each class",
    recognizes=lambda _root, table: table is None,
    understand=_understand,
    scan=lambda root, own: Scanned(scan(root, sides=own.sides, classes=own.classes)),
    in_words=_in_words,
    guess="each folder within a class is one patient or slide",
    example=_example,
    asked_last=True,
)
