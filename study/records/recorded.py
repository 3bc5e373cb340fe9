"""Dataclasses that are JSON objects on disk: what other versions wrote is read, and nothing is lost on the way back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, Self

from study.errors import ResultsError, StudyError
from study.spec import Recipe

# In a field's metadata: how its JSON value is read; without it the value stays as it is.
READ = "read"
_OWN = ("unknown", "absent")


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A JSON object of the records, with a field for each of its keys.

    A key that a version of the program added later has a default: what its absence means.

    Attributes:
        unknown: keys that this version doesn't know, as they were read. They are written again.
        absent: fields that the JSON object lacks: the version that wrote it didn't know them. They are not written
            as long as they have their defaults.
    """

    unknown: Mapping[str, Any] = field(default_factory=dict, repr=False)
    absent: frozenset[str] = field(default=frozenset(), repr=False, compare=False)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The object, as any version of the program wrote it.

        Args:
            values: the JSON object.

        Raises:
            ResultsError: a key is missing that all versions write, or a value is not what it must be.
        """
        own = _fields(cls)
        missing = [name for name, each in own.items() if name not in values and _default(each) is MISSING]
        if missing:
            raise ResultsError(
                f"The records of a run must hold {missing[0]!r} in their {cls.__name__}, but these don't. Restore "
                "events.jsonl from a backup, or start again with --fresh."
            )
        try:
            known = {
                name: each.metadata.get(READ, _as_it_is)(values[name]) for name, each in own.items() if name in values
            }
            return cls(
                **known,
                unknown={name: value for name, value in values.items() if name not in own},
                absent=frozenset(own) - frozenset(values),
            )
        except ResultsError:
            raise
        except (StudyError, TypeError, ValueError, AttributeError) as error:
            raise ResultsError(
                f"The records of a run must hold a whole {cls.__name__}, but this one can't be read: {error} Restore "
                "events.jsonl from a backup, or start again with --fresh."
            ) from error

    def to_json(self) -> dict[str, Any]:
        """The JSON object that `from_json` reads as this one; of one that was read, the same again."""
        values = {name: getattr(self, name) for name in _fields(type(self))}
        written = {
            name: _plain(value)
            for name, value in values.items()
            if name not in self.absent or value != _default(_fields(type(self))[name])
        }
        return {**written, **self.unknown}


def each_value(read: Callable[[Any], Any]) -> dict[str, Callable[[Any], Any]]:
    """The metadata of a field that is an object of objects."""
    return {READ: lambda values: {name: read(value) for name, value in values.items()}}


def each_item(read: Callable[[Any], Any]) -> dict[str, Callable[[Any], Any]]:
    """The metadata of a field that is a list of objects."""
    return {READ: lambda values: tuple(map(read, values))}


def unless_null(read: Callable[[Any], Any]) -> dict[str, Callable[[Any], Any]]:
    """The metadata of a field that may be null."""
    return {READ: lambda value: None if value is None else read(value)}


def _fields(cls: type[Recorded]) -> dict[str, "Field[Any]"]:
    return {each.name: each for each in fields(cls) if each.name not in _OWN}


def _default(each: "Field[Any]") -> Any:
    """What a field is where the JSON object lacks it; MISSING where it may not."""
    return each.default if each.default_factory is MISSING else each.default_factory()


def _as_it_is(value: Any) -> Any:
    return value


def _plain(value: Any) -> Any:
    """A field's value in JSON's own types."""
    if isinstance(value, Recorded):
        return value.to_json()
    if isinstance(value, Recipe):
        return value.hyperparameters()
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    return value
