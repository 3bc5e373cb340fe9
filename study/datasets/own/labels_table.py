"""A CSV file that says of each image of a folder which class it is of."""

import csv
import re
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from pathlib import Path, PurePosixPath

import pandas as pd

from study.datasets import Sample
from study.datasets.images.layouts import IMAGE_SUFFIXES
from study.datasets.own.class_folders import SIDES
from study.datasets.own.files import walk
from study.datasets.own.folder_names import side_of
from study.datasets.own.naming import in_order, require_distinct
from study.errors import DataError, UnknownNameError
from study.spec import own_images
from study.spec.own_images import MAX_CLASSES

# What such columns are called, in the order in which they are looked for.
_USUAL = {
    "image": ("image", "image_path", "path", "file", "filename", "file_name", "image_id", "image_name", "id"),
    "label": ("label", "labels", "class", "target", "diagnosis", "dx", "category"),
    "group": ("patient", "patient_id", "subject", "subject_id", "case", "case_id", "slide", "slide_id", "group"),
    "split": ("split", "fold", "set", "subset"),
}
_NUM_NAMED = 3


def find_columns(file: Path, *, image: str = "", label: str = "", group: str = "", split: str = "") -> dict[str, str]:
    """What is in which column of a table: those that were named, else those that are called as such usually are.

    Returns:
        "image", "label", "group" and "split" -> column; "" where there is none.

    Raises:
        DataError: the table can't be read, or its columns for images and labels can't be told.
        UnknownNameError: a column that was named isn't there.
    """
    table = read(file)
    named = {"image": image, "label": label, "group": group, "split": split}
    found: dict[str, str] = {}
    for kind, name in named.items():
        if name and name not in table.columns:
            raise UnknownNameError(f"column in {file} called", name, table.columns)
        usual = [column for usual in _USUAL[kind] for column in table.columns if _is_called(column, usual)]
        found[kind] = name or next((column for column in usual if column not in named.values()), "")
    for kind in ("image", "label"):
        if not found[kind]:
            raise DataError(
                f"A table needs a column for the {kind}, but which of those of {file} it is can't be told: "
                f"{', '.join(table.columns)}. Give --{kind}-column."
            )
    # A column called "split" or "fold" may count something else. One that says train, val or test anywhere must do so
    # in each row: a slip would otherwise put the images of a given test split into training.
    if not split and found["split"] and set(SIDES).isdisjoint(map(side_of, table[found["split"]].fillna(""))):
        found["split"] = ""
    return found


def _is_called(column: str, usual: str) -> bool:
    """Whatever its case, blanks, underscores and hyphens are."""
    return re.sub(r"[\W_]+", "", column.casefold()) == usual.replace("_", "")


def unused_splits(file: Path) -> list[str]:
    """Why columns that are called as splits usually are weren't taken for such: one clause each."""
    table = read(file)
    found = []
    for column in (name for name in table.columns if any(_is_called(name, usual) for usual in _USUAL["split"])):
        values = ", ".join(map(repr, sorted(set(table[column].fillna("")))[:_NUM_NAMED]))
        found.append(f"column {column!r}, which says {values} and nowhere train, val or test (--split-column)")
    return found


def classes_of(file: Path, column: str) -> tuple[str, ...]:
    """The labels that a table uses, in their natural order.

    Raises:
        DataError: a label is missing, or there are too few or too many of them to be classes.
    """
    labels = _texts(read(file), file, column, "a label")
    classes = in_order(labels.unique())
    if len(classes) < 2:
        raise DataError(f"At least two classes are needed, but {column!r} in {file} says {classes[0]!r} in every row.")
    if len(classes) > MAX_CLASSES:
        raise DataError(
            f"There may be up to {MAX_CLASSES} classes, but {column!r} in {file} has {len(classes)} different values "
            f"in {len(labels)} rows, such as {', '.join(map(repr, classes[:_NUM_NAMED]))}. Give another "
            "--label-column, or make classes of its values."
        )
    require_distinct(classes, file)
    return tuple(classes)


def scan(root: Path, declared: own_images.Table, classes: Sequence[str]) -> tuple[list[Sample], int]:
    """A sample for each row of a table, and how many images of the folder stand in no row.

    Raises:
        DataError: rows and files don't match, or a row lacks what it must have.
    """
    file = root / declared.file
    table = read(file)
    for name in filter(None, (declared.image, declared.label, declared.group, declared.split)):
        if name not in table.columns:
            raise UnknownNameError(f"column in {file} called", name, table.columns)
    names = _texts(table, file, declared.image, "an image")
    labels = _texts(table, file, declared.label, "a label")
    unknown = labels[~labels.isin(list(classes))]
    if len(unknown):
        raise DataError(
            f"Each label must be one of {', '.join(classes)}, but {file} has {unknown.iloc[0]!r} in row "
            f"{_row(unknown)}. Mend it, or add it to the classes."
        )
    paths = _matched(root, file, names)
    groups = _texts(table, file, declared.group, "a group") if declared.group else [""] * len(table)
    sides = _sides(table, file, declared.split) if declared.split else ["train"] * len(table)
    target_of = {name: target for target, name in enumerate(classes)}
    samples = [
        Sample(path, SIDES[side], target_of[label], group)
        for path, side, label, group in zip(paths, sides, labels, groups, strict=True)
    ]
    images = {p.relative_to(root).as_posix() for p in walk(root) if p.suffix.lower() in IMAGE_SUFFIXES}
    return sorted(samples, key=lambda sample: sample.path), len(images.difference(paths))


def read(file: Path) -> pd.DataFrame:
    """A table of text; columns are parted by commas, semicolons or tabs.

    Raises:
        DataError: there is no such file, it is no table, or it has no row.
    """
    if not file.is_file():
        raise DataError(f"--labels must be a CSV file, but {file} is none.")
    try:
        with file.open(encoding="utf-8-sig") as lines, warnings.catch_warnings():
            # Of rows that are longer than the header pandas would drop the end, and only warn.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            header = lines.readline()
            separator = max(",;\t", key=header.count)
            names = next(csv.reader([header], delimiter=separator), [])
            lines.seek(0)
            table = pd.read_csv(lines, sep=separator, dtype=object, keep_default_na=False, index_col=False)
    except (OSError, ValueError, csv.Error, pd.errors.ParserWarning) as error:
        reason = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
        raise DataError(f"--labels must be a CSV file in UTF-8, but {file} can't be read: {reason}.") from error
    if table.empty:
        raise DataError(f"--labels must have a row for each image, but {file} has none.")
    # Of the second one pandas would make "label.1".
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise DataError(f"Each column needs a name of its own, but {file} has {twice[0]!r} twice. Take one out.")
    return table


def _texts(table: pd.DataFrame, file: Path, column: str, what: str) -> pd.Series:
    """A column's values, none of which may be missing."""
    # A row that is too short has NaN in its last columns, whatever else is said.
    values = table[column].fillna("").astype(str).str.strip()
    missing = values[values == ""]
    if len(missing):
        raise DataError(
            f"Each row needs {what}, but {len(missing)} of {len(table)} have none in {column!r}, the first of them row "
            f"{_row(missing)} of {file}. Fill it in, or take the row out."
        )
    return values


def _matched(root: Path, file: Path, names: pd.Series) -> list[str]:
    """The path of each row's image in the folder."""
    known: dict[str, set[str]] = defaultdict(set)
    for path in walk(root):
        relative = path.relative_to(root)
        for called in (relative.as_posix(), relative.with_suffix("").as_posix(), path.name, path.stem):
            known[called].add(relative.as_posix())
    cleaned = names.str.replace("\\", "/").str.removeprefix("./")
    # The path itself counts before another file that is only called so.
    matches = [{n} if n in known.get(n, ()) else known.get(n) or _ends_of(n, known) for n in cleaned]
    wrong = [row for row, found in enumerate(matches) if len(found) != 1]
    if wrong:
        row, found = wrong[0], matches[wrong[0]]
        several = f"there are {len(found)}: {', '.join(sorted(found)[:_NUM_NAMED])}"
        remedy = "Give its path in the folder." if found else "Mend the row, or take it out."
        raise DataError(
            f"Each row must name one file in {root}, but of {names.iloc[row]!r} (row {row + 2} of {file}) "
            f"{several if found else 'there is none'}; so it is with {len(wrong)} of {len(matches)} rows. {remedy}"
        )
    paths = [path for found in matches for path in found]
    again = pd.Series(paths)
    again = again[again.duplicated()]
    if len(again):
        raise DataError(
            f"Each image must stand in one row, but {again.iloc[0]!r} stands in row {_row(again)} of {file} again"
            f"{f', and {len(again) - 1} more do' if len(again) > 1 else ''}. Take the extra rows out."
        )
    return paths


def _ends_of(name: str, known: Mapping[str, Set[str]]) -> Set[str]:
    """The files of which a path on another machine ends with the whole path in the folder."""
    return {path for path in known.get(PurePosixPath(name).name, ()) if f"/{name}".endswith(f"/{path}")}


def _sides(table: pd.DataFrame, file: Path, column: str) -> list[str]:
    texts = _texts(table, file, column, "a split")
    sides = [side_of(text) for text in texts]
    for row, side in enumerate(sides):
        if side not in SIDES:
            raise DataError(
                f"A split must be train, val or test, but {column!r} in row {row + 2} of {file} is "
                f"{texts.iloc[row]!r}. Mend it, give another --split-column, or give this one another name: splits are "
                "then drawn."
            )
    return sides


def _row(values: pd.Series) -> int:
    """The line of the file in which the first of these values stands: the header is line 1."""
    return int(values.index[0]) + 2
