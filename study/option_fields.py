"""Options of a command as the fields of a dataclass: what argparse, Python and the records need of each, said once.

`option` declares a field with its default and its help. `add_options` makes an argument of each for argparse,
`read_options` the dataclass of what was parsed, and `arguments_of` arguments of the dataclass.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from types import NoneType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from study.errors import StudyError, UnknownNameError

T = TypeVar("T")
_KEY = "flag"


@dataclass(frozen=True, kw_only=True)
class Group:
    """Options that stand under one heading of the help."""

    title: str
    doc: str


@dataclass(frozen=True, kw_only=True)
class Flag:
    """How an option is given on the command line.

    Attributes:
        doc: its help; `{default}` stands for the default.
        metavar: what the help calls its value.
        names: flags, the last of which is its usual one; none: `--` and the field's name.
        positional: whether its values are given without a flag.
        choices: the only values that it may have; none: any.
        parse: reads its value, and raises `argparse.ArgumentTypeError` for one that breaks its rule; None: its type
            does.
        group: heading of the help; None: that of all options.
    """

    doc: str
    metavar: str | None = None
    names: tuple[str, ...] = ()
    positional: bool = False
    choices: tuple[str, ...] = ()
    parse: Callable[[str], Any] | None = None
    group: Group | None = None


@dataclass(frozen=True)
class Option:
    """A field of a dataclass of options.

    Attributes:
        field: of the dataclass.
        flag: how it is given.
        kind: type of its value, or of each of its values.
        several: whether it has any number of values, as a tuple.
    """

    field: Field[Any]
    flag: Flag
    kind: type
    several: bool

    @property
    def name(self) -> str:
        """The field's."""
        return self.field.name

    @property
    def names(self) -> tuple[str, ...]:
        """As the command line has it, such as ("-v", "--verbose"): the last one is the usual one."""
        if self.flag.positional:
            return (self.name,)
        return self.flag.names or (f"--{self.name.replace('_', '-')}",)

    @property
    def default(self) -> Any:
        """The field's."""
        return self.field.default if self.field.default_factory is MISSING else self.field.default_factory()

    @property
    def help(self) -> str:
        """For argparse."""
        return self.flag.doc.format(default=self.default).replace("%", "%%")


@dataclass(frozen=True)
class _Computed:
    compute: Callable[[], Any]


def computed(default: Callable[[], T]) -> T:
    """A default that is looked up each time that options are made, such as a folder of the user's."""
    made: Any = _Computed(default)
    return cast("T", made)


def option(
    default: T,
    doc: str,
    *,
    metavar: str | None = None,
    names: tuple[str, ...] = (),
    positional: bool = False,
    choices: Sequence[str] = (),
    parse: Callable[[str], Any] | None = None,
    group: Group | None = None,
) -> T:
    """Declares a field of a dataclass of options: its default (see also `computed`), and the rest as in `Flag`.

    The field's type says how its value is read: `bool` is a flag without a value, `tuple[X, ...]` a flag that may be
    given several times, `X | None` an X.
    """
    flag = Flag(
        doc=doc,
        metavar=metavar,
        names=names,
        positional=positional,
        choices=tuple(choices),
        parse=parse,
        group=group,
    )
    # To the type checker it is the value that the field will have, as with `dataclasses.field`.
    if isinstance(default, _Computed):
        made: Any = field(default_factory=default.compute, metadata={_KEY: flag})
    else:
        made = field(default=default, metadata={_KEY: flag})
    return cast("T", made)


def options_of(of: Any) -> Iterator[Option]:
    """The options of a dataclass, or of an instance of one, in their order. A field without a flag is no option."""
    types = get_type_hints(of if isinstance(of, type) else type(of))
    for each in fields(of):
        if _KEY in each.metadata:
            flag: Flag = each.metadata[_KEY]
            several = get_origin(types[each.name]) is tuple
            # Of `X | None` and of `tuple[X, ...]` it is X.
            parts = get_args(types[each.name]) or (types[each.name],)
            kind, *others = (part for part in parts if part not in (NoneType, Ellipsis))
            if others and flag.parse is None:
                raise TypeError(f"An option needs one type, or parse=, but {each.name} is a {types[each.name]}.")
            yield Option(each, flag, kind, several)


def add_options(parser: argparse.ArgumentParser, of: type) -> None:
    """Adds an argument for each option of a dataclass, in its order; see `read_options`."""
    groups = {group: parser.add_argument_group(group.title, group.doc) for group in _groups(of)}
    for each in options_of(of):
        add = (groups[each.flag.group] if each.flag.group else parser).add_argument
        # What isn't given is left out of the namespace: the dataclass alone knows the defaults.
        add(*each.names, default=argparse.SUPPRESS, help=each.help, **_reading(each))


def _groups(of: type) -> list[Group]:
    """In the order of the options."""
    return list(dict.fromkeys(each.flag.group for each in options_of(of) if each.flag.group))


def _reading(each: Option) -> dict[str, Any]:
    """What argparse needs to know of an option's value."""
    name = {} if each.flag.positional else {"dest": each.name}
    if each.kind is bool:
        return {**name, "action": "store_true"}
    if each.flag.positional:
        many: dict[str, Any] = {"nargs": "*"}
    else:
        many = {"action": "append"} if each.several else {}
    read = each.flag.parse or each.kind
    return {**name, **many, "type": read, "choices": each.flag.choices or None, "metavar": each.flag.metavar}


def read_options(namespace: argparse.Namespace, of: type[T]) -> T:
    """The dataclass of what a parser with `add_options` has read."""
    given = vars(namespace)
    return of(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})


def arguments_of(options: Any) -> list[str]:
    """The arguments that give these options: positional ones, then flags; without those that have their default."""
    positional: list[str] = []
    flags: list[str] = []
    for each in options_of(options):
        value = getattr(options, each.name)
        if value == each.default:
            continue
        if each.flag.positional:
            positional += value
        elif each.kind is bool:
            flags.append(each.names[-1])
        else:
            for part in value if each.several else [value]:
                flags += _with_value(each.names[-1], str(part))
    return positional + flags


def _with_value(name: str, text: str) -> list[str]:
    # argparse would take a value that begins so for a flag.
    return [f"{name}={text}"] if text.startswith("-") else [name, text]


def check_options(options: Any) -> None:
    """Holds values that were given in Python to the rules that the flags have.

    Raises:
        StudyError: one breaks its rule.
    """
    for each in options_of(options):
        value = getattr(options, each.name)
        if each.several and not isinstance(value, tuple | list):
            # A text would be taken for its letters.
            raise StudyError(f"{each.name} is for any number of values, but is {value!r}. Give ({value!r},).")
        for part in value if each.several else [] if value is None else [value]:
            _check_value(each, part)


def _check_value(each: Option, value: Any) -> None:
    if each.flag.choices and value not in each.flag.choices:
        raise UnknownNameError(each.name, value, each.flag.choices)
    if each.flag.parse is not None:
        try:
            each.flag.parse(str(value))
        except argparse.ArgumentTypeError as error:
            raise StudyError(f"{each.name} {error}. Give another value, or leave it out.") from error
