"""In what order classes stand, and which of two is the positive one."""

import re
from collections.abc import Iterable
from pathlib import Path

from study.errors import DataError

# A name that begins with one of these words says that what is looked for isn't there.
_NEGATIVE = re.compile(
    r"(?:no|not|non|neg|negative|normal|healthy|benign|control|controls|absent|without|none|false|0|-\d+)(?![a-z0-9])"
    r"|no[nt]?(?=tumou?r|cancer|finding|disease|ill)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(\d+)")
# "1", "01" and "1.0" are one number.
_WHOLE_NUMBER = re.compile(r"0*(\d+)(?:\.0*)?")


def in_order(names: Iterable[str]) -> list[str]:
    """Names in their natural order: "grade 2" stands before "grade 10"."""
    return sorted(names, key=lambda name: ([_part(part) for part in _NUMBER.split(name.lower())], name))


def negative_first(names: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """Two classes with the negative one first, and whether their names tell which it is; others as they are."""
    negative = [name for name in names if _NEGATIVE.match(name)]
    if len(names) != 2 or len(negative) != 1:
        return names, len(names) != 2
    return (negative[0], *(name for name in names if name != negative[0])), True


def require_distinct(names: Iterable[str], where: Path) -> None:
    """Raises DataError where two classes differ by case, blanks or a number's zeros alone: one is a slip."""
    known: dict[str, str] = {}
    for name in names:
        spelled = "".join(name.split()).casefold()
        number = _WHOLE_NUMBER.fullmatch(spelled)
        other = known.setdefault(number[1] if number else spelled, name)
        if other != name:
            raise DataError(
                f"Names of classes must differ by more than case, blanks and zeros, but {where} has {other!r} and "
                f"{name!r}. Give both the same name, or others."
            )


def _part(text: str) -> tuple[int, str]:
    """Numbers by their size, text by its letters."""
    return (int(text), "") if text.isdecimal() else (-1, text)
