"""A CSV file that says of each image of a folder which class it is of."""

import csv
import re
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from pathlib import Path

import pandas as pd
from numpy import uint8
from numpy.typing import NDArray
from PIL import Image

from study.datasets import Sample, readers
from study.datasets.custom import several_labels
from study.datasets.custom.files import walk
from study.datasets.custom.folder_names import side_of, sides_of
from study.datasets.custom.layouts import Given, OwnLayout, Scanned
from study.datasets.custom.layouts.class_folders import SIDES
from study.datasets.custom.naming import in_order, require_distinct
from study.errors import DataError, UnknownNameError
from study.spec import OwnImages, Table
from study.spec.own_images import MAX_CLASSES

# What such columns are called, in the order in which they are looked for.
_USUAL = {
    "image": (
        "image",
        "image_path",
        "path",
        "file",
        "filename",
        "file_name",
        "image_id",
        "image_name",
        "image_index",
        "id",
    ),
    "label": ("label", "labels", "class", "target", "diagnosis", "dx", "category", "finding_labels"),
    "group": ("patient", "patient_id", "subject", "subject_id", "case", "case_id", "slide", "slide_id", "group"),
    "split": ("split", "fold", "set", "subset"),
}
_NUM_NAMED = 3
_FLAGS_OF_SPLITS = ("test", "is_test", "is_train", "is_val", "train")
_MAY_BE_GROUP = re.compile(
    r"patient|subject|person|participant|lesion|slide|(?<![a-z])(?:pid|case|study)(?![a-z])", re.IGNORECASE
)
_UNNAMED = re.compile(r"Unnamed: \d+")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
# Grades, scores and stages have up to so many steps, and not always whole ones.
_MOST_GRADES = 12
# What programs write where there is no value.
_NO_VALUE = ("nan", "null", "na", "n/a", "#n/a", "<na>", "?", "unknown", "-")
# Of a class they may be the name.
_NO_GROUP = (*_NO_VALUE, "none", "missing")


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
            raise DataError(_cant_be_told(table, file, kind))
    # A column called "split" or "fold" may count something else. One that says train, val or test anywhere must do so
    # in each row: a slip would otherwise put the images of a given test split into training.
    if not split and found["split"] and not sides_of(table[found["split"]].fillna("").unique()):
        found["split"] = ""
    found["split"] = found["split"] or _split_by_values(table, file, set(found.values()))
    return found


def _cant_be_told(table: pd.DataFrame, file: Path, kind: str) -> str:
    columns = ", ".join(table.columns)
    classes = several_labels.one_hot_columns(table) if kind == "label" else []
    if not classes:
        return (
            f"A table needs a column for the {kind}, but which of those of {file} it is can't be told: {columns}. "
            f"Give --{kind}-column."
        )
    ones = several_labels.count_ones(table, classes)
    others = f"; {len(table) - ones[1]} have none or several of them" if ones[1] < len(table) else ""
    return (
        f"A table needs one column that names the class of each image, but {file} seems to have a column of 0 and 1 "
        f"for each class: {', '.join(classes)}. {ones[1]} of {len(table)} rows have one 1{others}. Add a column label "
        "that holds the name of the column that is 1, and take rows of none or several out. If only one of these "
        "columns is the label, give it as --label-column."
    )


def _split_by_values(table: pd.DataFrame, file: Path, used: Set[str]) -> str:
    """The column that says train, val or test in every row, whatever it is called; "" where there is none.

    A test split that was given must not be trained on because its column has an unusual name.
    """
    sides = {
        name: {side_of(value) for value in table[name].fillna("").unique()}
        for name in table.columns
        if name not in used
    }
    found = [name for name, said in sides.items() if "" not in said and "train" in said and len(said) > 1]
    if len(found) > 1:
        raise DataError(
            f"One column may say train, val or test, but {file} has several: {', '.join(found)}. Give --split-column."
        )
    return "".join(found)


def _is_called(column: str, usual: str) -> bool:
    """Whatever its case, blanks, underscores and hyphens are."""
    return re.sub(r"[\W_]+", "", column.casefold()) == usual.replace("_", "")


def unused(file: Path, used: Table) -> list[str]:
    """Why columns that are called as splits or patients usually are weren't taken for such: one clause each."""
    table = read(file)
    columns = [name for name in table.columns if name not in (used.image, used.label, used.group, used.split)]
    found = []
    for column in columns:
        if not used.split and any(_is_called(column, usual) for usual in (*_USUAL["split"], *_FLAGS_OF_SPLITS)):
            values = ", ".join(map(repr, sorted(set(table[column].fillna("")))[:_NUM_NAMED]))
            found.append(
                f"column {column!r}, which says {values} and nowhere train, val or test (--split-column); one that "
                "says so in each row gives the splits"
            )
        if not used.group and _MAY_BE_GROUP.search(column):
            found.append(f"column {column!r}: if it says which images are of one patient, give it as --group-column")
    return found


def without_value(classes: Sequence[str]) -> list[str]:
    """Classes that are called as a missing value is."""
    return [name for name in classes if name.casefold() in _NO_VALUE]


def classes_of(file: Path, column: str) -> tuple[str, ...]:
    """The labels that a table uses, in their natural order.

    Raises:
        DataError: a label is missing, or there are too few or too many of them to be classes.
    """
    labels = _texts(read(file), file, column, "a label")
    classes = in_order(labels.unique())
    if len(classes) < 2:
        raise DataError(f"At least two classes are needed, but {column!r} in {file} says {classes[0]!r} in every row.")
    if len(classes) > MAX_CLASSES and not several_labels.separator_of(classes)[0]:
        raise DataError(
            f"There may be up to {MAX_CLASSES} classes, but {column!r} in {file} has {len(classes)} different values "
            f"in {len(labels)} rows, such as {', '.join(map(repr, classes[:_NUM_NAMED]))}. Give another "
            "--label-column, or make classes of its values."
        )
    _require_one_label(labels, classes, file, column)
    _require_no_measurement(classes, file, column)
    require_distinct(classes, file)
    return tuple(classes)


def _require_one_label(labels: pd.Series, classes: Sequence[str], file: Path, column: str) -> None:
    separator, several = several_labels.separator_of(classes)
    if several:
        rows = labels[labels.isin(several)]
        doubtful = several_labels.is_doubtful(separator)
        raise DataError(
            f"Each image must have one label, but {len(rows)} of {len(labels)} rows of {file} seem to have several in "
            f"{column!r}, parted by {separator!r}: the first is {rows.iloc[0]!r} in row {_row(rows)}. "
            f"{f'If it is the name of one class, rename it, without {separator!r}. ' if doubtful else ''}"
            "Studies of several labels an image can't be run: take these rows out, or add a column that says of one "
            "label yes or no, and give it as --label-column."
            f"{'' if doubtful else ' A class that is called so needs another name.'}"
        )


def _require_no_measurement(classes: Sequence[str], file: Path, column: str) -> None:
    numbers = [float(name) for name in classes if _NUMBER.fullmatch(name)]
    if len(numbers) < len(classes) or len(numbers) <= _MOST_GRADES:
        return
    # Numbers of classes are whole, begin with 0 or 1 and have few gaps.
    counted = all(number.is_integer() for number in numbers) and min(numbers) in (0, 1)
    if not counted or max(numbers) > 2 * len(numbers):
        raise DataError(
            f"Labels must be classes, but {column!r} in {file} has {len(numbers)} different numbers from "
            f"{min(numbers):g} to {max(numbers):g}, as a measurement has. Give another --label-column, or make classes "
            "of its values, such as low and high."
        )


def scan(root: Path, declared: Table, classes: Sequence[str]) -> tuple[list[Sample], int]:
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
    groups = _groups(table, file, declared.group) if declared.group else [""] * len(table)
    sides = _sides(table, file, declared.split) if declared.split else ["train"] * len(table)
    target_of = {name: target for target, name in enumerate(classes)}
    samples = [
        Sample(path, SIDES[side], target_of[label], group)
        for path, side, label, group in zip(paths, sides, labels, groups, strict=True)
    ]
    known = readers.known()
    images = {p.relative_to(root).as_posix() for p in walk(root) if known.looks_like_image(p.name)}
    return sorted(samples, key=lambda sample: sample.path), len(images.difference(paths))


def read(file: Path) -> pd.DataFrame:
    """A table of text; columns are parted by commas, semicolons or tabs; row 2 of the file has index 0.

    Columns without name and values, and rows without values, are left out: see `left_out`.

    Raises:
        DataError: there is no such file, it is no table, or it has no row.
    """
    table = _read_all(file)
    table = table.drop(columns=_empty_columns(table)).drop(index=_empty_rows(table))
    if table.empty:
        raise DataError(f"--labels must have a row for each image, but {file} has none.")
    return table


def left_out(file: Path) -> str:
    """What a spreadsheet left behind in a table and is passed over, in words; "" for nothing."""
    table = _read_all(file)
    columns, rows = len(_empty_columns(table)), len(_empty_rows(table))
    parts = [f"{columns} empty columns" if columns else "", f"{rows} empty rows" if rows else ""]
    return " and ".join(filter(None, parts))


def _read_all(file: Path) -> pd.DataFrame:
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
            table = pd.read_csv(
                lines, sep=separator, dtype=object, keep_default_na=False, index_col=False, skip_blank_lines=False
            )
    except (OSError, ValueError, csv.Error, pd.errors.ParserWarning) as error:
        reason = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
        raise DataError(f"--labels must be a CSV file in UTF-8, but {file} can't be read: {reason}.") from error
    # Of the second one pandas would make "label.1".
    twice = [name for name in names if name.strip() and names.count(name) > 1]
    if twice:
        raise DataError(f"Each column needs a name of its own, but {file} has {twice[0]!r} twice. Take one out.")
    return table


def _empty_columns(table: pd.DataFrame) -> list[str]:
    """Those that have neither a name, so that pandas calls them "Unnamed: 3", nor a value."""
    return [
        name
        for name in table.columns
        if (not name.strip() or _UNNAMED.fullmatch(name)) and not table[name].fillna("").str.strip().any()
    ]


def _empty_rows(table: pd.DataFrame) -> list[int]:
    filled = table.fillna("").apply(lambda column: column.str.strip() != "")
    return list(table.index[~filled.any(axis=1)])


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


def _groups(table: pd.DataFrame, file: Path, column: str) -> pd.Series:
    """The group of each row; "" where a value says that it is unknown, which is no group."""
    groups = _texts(table, file, column, "a group")
    if len(groups) > 1 and groups.nunique() == 1:
        raise DataError(
            f"Groups must tell images of one patient or slide from others, but {column!r} in {file} says "
            f"{groups.iloc[0]!r} in every row. Give another --group-column, or take this one out of the table."
        )
    return groups.mask(groups.str.casefold().isin(_NO_GROUP), "")


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
        remedy = "Give its path in the folder." if found else "Add the files, or take these rows out."
        raise DataError(
            f"Each row must name one file in {root}, but of {names.iloc[row]!r} (row {names.index[row] + 2} of {file}) "
            f"{several if found else 'there is none'}; so it is with {len(wrong)} of {len(matches)} rows"
            f"{_also(names.iloc[wrong[1:]])}. {remedy}"
        )
    paths = [path for found in matches for path in found]
    again = pd.Series(paths, index=names.index)
    again = again[again.duplicated()]
    if len(again):
        raise DataError(
            f"Each image must stand in one row, but {again.iloc[0]!r} stands in row {_row(again)} of {file} again"
            f"{f', and {len(again) - 1} more do' if len(again) > 1 else ''}. Take the extra rows out. "
            "Studies of several labels an image can't be run."
        )
    return paths


def _also(names: pd.Series) -> str:
    """The first of further names, in brackets."""
    return (
        f" (also {', '.join(map(repr, names[:_NUM_NAMED]))}{', ...' * (len(names) > _NUM_NAMED)})" if len(names) else ""
    )


def _ends_of(name: str, known: Mapping[str, Set[str]]) -> Set[str]:
    """The files of which a path on another machine ends with the whole path in the folder."""
    parts = name.split("/")
    ends = ("/".join(parts[place:]) for place in range(len(parts)))
    return {end for end in ends if end in known.get(end, ())}


def _sides(table: pd.DataFrame, file: Path, column: str) -> list[str]:
    texts = _texts(table, file, column, "a split")
    sides = [side_of(text) for text in texts]
    for row, text, side in zip(texts.index, texts, sides, strict=True):
        if side not in SIDES:
            raise DataError(
                f"A split must be train, val or test, but {column!r} in row {row + 2} of {file} is "
                f"{text!r}. Mend it, give another --split-column, or give this one another name: splits are "
                "then drawn."
            )
    return sides


def _row(values: pd.Series) -> int:
    """The line of the file in which the first of these values stands: the header is line 1."""
    return int(values.index[0]) + 2


def _understand(given: Given) -> OwnImages:
    assert given.table is not None
    root, file = given.root.resolve(), given.table.resolve()
    columns = find_columns(file, **given.columns)
    where = file.relative_to(root) if file.is_relative_to(root) else file
    return OwnImages(
        name=given.name,
        folder=str(root),
        classes=classes_of(file, columns["label"]),
        table=Table(file=where.as_posix(), **columns),
        group_meaning=columns["group"],
    )


def _scan(root: Path, own: OwnImages) -> Scanned:
    assert own.table is not None
    samples, unlabelled = scan(root, own.table, own.classes)
    note = f"{unlabelled:,} images in the folder stand in no row of the table: they are no part of the study."
    return Scanned(samples, (note,) if unlabelled else ())


def _in_words(root: Path, own: OwnImages) -> list[str]:
    table = own.table
    assert table is not None
    file = root / table.file
    named = {"image": table.image, "label": table.label, "group": table.group, "split": table.split}
    empty = left_out(file)
    return [
        f"columns    {', '.join(f'{kind} {name!r}' for kind, name in named.items() if name)}",
        *(f"NOT USED   {why}" for why in unused(file, table)),
        *([f"left out   {empty} of the table"] if empty else []),
    ]


def _example(root: Path, images: Sequence[tuple[str, NDArray[uint8]]]) -> Path:
    for number, (_, pixels) in enumerate(images):
        Image.fromarray(pixels).save(root / f"{number}.png")
    table = root / "labels.csv"
    table.write_text("".join(["image,label\n", *(f"{number}.png,{name}\n" for number, (name, _) in enumerate(images))]))
    return table


LAYOUT = OwnLayout(
    title="a table with a row for each image (--labels)",
    recognizes=lambda _root, table: table is not None,
    understand=_understand,
    scan=_scan,
    in_words=_in_words,
    example=_example,
    asked_last=True,
)
