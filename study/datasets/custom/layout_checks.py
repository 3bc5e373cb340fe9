"""Folders that are no classes, and folders within classes that are no patients: refused rather than misread."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from study.datasets import readers
from study.datasets.custom import folder_names
from study.datasets.custom.files import entries, walk
from study.datasets.custom.naming import in_order
from study.errors import DataError

# Magnifications, views and series are fewer than these, and so are classes; patients rarely are.
_MANY = 12
_MANY_PATIENTS_FOR_CLASSES = 5
# Fewer may be called as masks by chance.
_FEWEST_MASKS, _SHARE_OF_MASKS = 3, 0.05
_NUM_NAMED = 4
_A_TABLE = (
    "name each image, its class and its patient in a table (--labels FILE.csv, with columns image, label, patient)"
)


def require_labelled(root: Path, sides: Mapping[str, str], per_side: Mapping[str, Sequence[str]]) -> None:
    """Refuses a split whose images are in no class's folder, as those of the test split of a competition are.

    Args:
        root: the folder of the splits.
        sides: folder -> "train", "val" or "test".
        per_side: folder -> the folders in it.
    """
    trained_on = {name for side, names in per_side.items() if sides[side] == "train" for name in names}
    for side, names in per_side.items():
        if sides[side] == "train" or not trained_on.isdisjoint(names) or not trained_on:
            continue
        known = readers.known()
        images = sum(known.looks_like_image(path.name) for path in walk(root / side))
        holds = f"holds {images:,} images in none of them" if images else "holds no images"
        later = f" What a finished study says of them: python -m study.predict NAME {side}" if images else ""
        raise DataError(
            f"The images of a given split must lie in folders of the classes ({named(sorted(trained_on))}), but "
            f"{root / side} {holds}. Move it out of {root}: the study is then trained on the other images, and "
            f"{sides[side]} is drawn from them.{later}"
        )


def require_classes(root: Path, names: Sequence[str]) -> None:
    """Refuses folders that are called as what is no class: masks, splits of classes, parts of a download, patients."""
    masks = folder_names.mask_classes(names)
    if masks:
        raise DataError(
            f"Each folder must be a class's, but {named(masks)} in {root} {_are(masks)} called as masks are, not "
            f"as a class. Move {_them(masks)} out of {root}; if the class folders lie within the folder of the "
            f"images, give that one as --images; if it is a class, rename it, such as with_{masks[0]}."
        )
    unlabelled = [name for name in names if folder_names.is_unlabelled(name)]
    if unlabelled:
        raise DataError(
            f"Each folder must be a class's, but {named(unlabelled)} in {root} says that no class is known. Move it "
            "out of the folder: python -m study.predict answers for its images when the study is finished."
        )
    sides: dict[str, dict[str, str]] = defaultdict(dict)
    for name in names:
        of_class, side = folder_names.class_and_side(name)
        if side:
            sides[of_class].setdefault(side, name)
    parted = next((list(found.values()) for found in sides.values() if len(found) > 1), None)
    if parted:
        raise DataError(
            f"Each folder must be a class's, but {named(parted)} in {root} are called as splits of one class are. "
            f"Make folders train, val and test with the same class folders in each, or {_A_TABLE}; a column split "
            "may say train, val or test."
        )
    if names and all(map(folder_names.is_part, names)):
        raise DataError(
            f"Each folder must be a class's, but all in {root} are called as parts of one download are: "
            f"{named(names)}. Name the class of each image in a table (--labels FILE.csv), or sort the images into a "
            "folder for each class."
        )


def require_no_patients(root: Path, names: Sequence[str]) -> None:
    """Refuses folders that are called as patients are where classes are looked for."""
    if len(names) >= _MANY_PATIENTS_FOR_CLASSES and all(map(folder_names.is_patient, names)):
        raise DataError(
            f"Each folder must be a class's, but all {len(names)} in {root} are called as patients are: "
            f"{named(names)}. Move them into a folder for each class, or {_A_TABLE}; if they are the classes, "
            f"rename them, such as class_{names[0]}."
        )


def folders_within(root: Path, class_folder: Path) -> list[str]:
    """The folders in a class folder that may be patients; those that say nothing are looked into.

    Raises:
        DataError: one holds masks, at whatever depth.
    """
    for folder in _all_folders(class_folder):
        if folder_names.is_mask_folder(folder.name) and not folder_names.says_nothing(folder.name, class_folder.name):
            raise DataError(
                f"Each file must be an image of its class, but {folder} is called as a folder of masks is, and what is "
                f"in it would be trained on as images. Move all such folders out of {root}."
            )
    return list(_candidates(class_folder, class_folder.name))


def require_patients(root: Path, within: Mapping[str, Sequence[str]]) -> None:
    """Refuses folders within classes that can hardly be patients: these are many, and most are of one class.

    Args:
        root: the folder of the images.
        within: class -> the folders in its folder, see `folders_within`.
    """
    num_classes = Counter(name for names in within.values() for name in set(names))
    if not num_classes:
        return
    _require_no_splits(root, within)
    names = in_order(num_classes)
    few = len(names) < _MANY or len(names) <= len(within)
    shared = [name for name in names if num_classes[name] > 1]
    if few and 2 * len(shared) > len(names) and not all(map(folder_names.may_be_patient, names)):
        raise DataError(_same_few_names(root, within, names, len(shared)))
    unlike = [name for name in names if folder_names.is_magnification(name)] or (
        names if few and not any(letter.isdecimal() for name in names for letter in name) else []
    )
    if unlike:
        raise DataError(
            f"A folder within a class is taken for one patient or slide, but {named(unlike)} in {root} "
            f"{_are(unlike)} not called as patients are, which have numbers. If they are none, put "
            f"what is in them directly into the folder of their class, or make each of them a class. To name patients, "
            f"{_A_TABLE}."
        )


def require_no_masks_among(root: Path, paths: Sequence[str]) -> None:
    """Refuses masks that lie beside their images, which only their file names tell apart."""
    masks = folder_names.masks_among(paths)
    if masks and len(masks) >= min(_FEWEST_MASKS, _SHARE_OF_MASKS * len(paths)):
        mask, image = next(iter(masks.items()))
        raise DataError(
            f"Each file must be an image of its class, but {len(masks):,} of {len(paths):,} in {root} are called as "
            f"masks of others are, for example {mask} beside {image}, and would be trained on as images. Move them "
            "out of the folder (with a table, take out their rows)."
        )


def named(names: Sequence[str]) -> str:
    """The first of some names, in quotes."""
    more = f" and {len(names) - _NUM_NAMED} more" if len(names) > _NUM_NAMED else ""
    return ", ".join(map(repr, names[:_NUM_NAMED])) + more


def _all_folders(folder: Path) -> Iterator[Path]:
    for name in entries(folder)[0]:
        yield folder / name
        yield from _all_folders(folder / name)


def _candidates(folder: Path, class_name: str) -> Iterator[str]:
    for name in entries(folder)[0]:
        if folder_names.says_nothing(name, class_name):
            yield from _candidates(folder / name, class_name)
        else:
            yield name


def _require_no_splits(root: Path, within: Mapping[str, Sequence[str]]) -> None:
    for name, folders in within.items():
        sides = folder_names.sides_of(folders)
        if sides and (len(sides) == len(set(folders)) or "train" in sides.values()):
            splits = list(sides)
            moved = f"{splits[0]}/{name}"
            raise DataError(
                f"Given splits must lie above the class folders, but {named(splits)} lie within the class {name!r} of "
                f"{root}, and would be taken for patients. Move {name}/{splits[0]} to {moved}, and so on, until "
                f"{root} holds the splits alone."
            )


def _same_few_names(root: Path, within: Mapping[str, Sequence[str]], names: Sequence[str], num_shared: int) -> str:
    outer = list(within)
    first = "the inner ones are the classes and the outer ones patients, folds or parts of the data"
    second = "the inner ones are views, magnifications or series, put what is in them directly into their class folder"
    if len(outer) > len(names):
        remedy = f"If {first}, {_A_TABLE}. If {second}."
    elif all(any(letter.isdecimal() for letter in name) for name in names):
        remedy = (
            f"If the inner ones are patients or slides, {_A_TABLE}. If {second}. If {first}, such a table says so, "
            "too; or give one of the outer ones as --images."
        )
    else:
        remedy = (
            f"If {second}; to name patients, {_A_TABLE}. If {first}, such a table says so, too; or give one "
            "of the outer ones as --images."
        )
    return (
        f"A folder within a class is taken for one patient or slide, but those in {root} have the same few names in "
        f"several classes: {named(names)}{'' if num_shared == len(names) else f' ({num_shared} of them)'} within "
        f"{named(outer)}. {remedy}"
    )


def _are(names: Sequence[str]) -> str:
    return "are" if len(names) > 1 else "is"


def _them(names: Sequence[str]) -> str:
    return "them" if len(names) > 1 else "it"
