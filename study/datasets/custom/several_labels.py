"""Tables that give an image several labels, or its label in several columns: recognized, to be refused."""

import re
from collections import Counter
from collections.abc import Sequence

import pandas as pd

# Names of classes hardly hold these by themselves.
_CLEAR = ("|", ";")
# Names of classes do hold these: "grade 1, invasive", "N/A". They hold "_", "-", "+" and blanks far too often to tell
# by these: "actinic_keratosis", "1-2", "3+4" (the Gleason score), "no tumour".
_DOUBTFUL = (",", "/", "&")
_BRACKETS = re.compile(r"[\[\](){}'\"]")
_ZEROS_AND_ONES = {"0", "1", "0.0", "1.0", "true", "false"}
_ONES = {"1", "1.0", "true"}


def is_doubtful(separator: str) -> bool:
    """Whether names of classes often hold it."""
    return separator in _DOUBTFUL


def separator_of(labels: Sequence[str]) -> tuple[str, list[str]]:
    """What parts several labels in one cell, and the cells that hold several; ("", []) where none does.

    With "|" and ";" it is enough that a part is a label or stands in two. Names of classes may hold the others: there
    a part must be a label by itself, which isn't the first of its cell ("A", "B", "A,B"), or there are several such
    cells ("A", "A,B", "A,C"). "carcinoma, ductal" beside "carcinoma" may well be a class.

    Args:
        labels: the different ones of a column.
    """
    for separator in (*_CLEAR, *_DOUBTFUL):
        parted = {label: _parts(label, separator) for label in labels}
        several = {label: parts for label, parts in parted.items() if len(parts) > 1}
        alone = {parts[0] for parts in parted.values() if len(parts) == 1}
        if several and _are_several(list(several.values()), alone, clear=separator in _CLEAR):
            return separator, list(several)
    return "", []


def one_hot_columns(table: pd.DataFrame) -> list[str]:
    """Columns of 0 and 1 that may stand for a class each; none where there are fewer than two."""
    found = [name for name in table.columns if _ZEROS_AND_ONES.issuperset(table[name].fillna("").str.lower())]
    return found if len(found) > 1 else []


def count_ones(table: pd.DataFrame, columns: Sequence[str]) -> Counter[int]:
    """In how many rows how many of these columns are 1."""
    ones = table[list(columns)].apply(lambda column: column.str.lower().isin(_ONES))
    return Counter(int(number) for number in ones.sum(axis=1))


def _parts(label: str, separator: str) -> list[str]:
    """The parts of a label, or the label as the only one where a part is empty or it says that there is none."""
    parts = [part.strip() for part in _BRACKETS.sub("", label).split(separator)]
    return parts if all(parts) and label.casefold() != "n/a" else [label.strip()]


def _are_several(several: Sequence[Sequence[str]], alone: set[str], *, clear: bool) -> bool:
    if clear:
        times = Counter(part for parts in several for part in set(parts))
        return not alone.isdisjoint(times) or max(times.values()) > 1
    with_label = [parts for parts in several if len(set(parts)) > 1 and not alone.isdisjoint(parts)]
    return len(with_label) > 1 or any(not alone.isdisjoint(parts[1:]) for parts in with_label)
