"""Finds the parts that a study is made of by file name, so that adding one is adding a file."""

import importlib
import importlib.util
import pkgutil
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from study.errors import DeclarationError, StudyError, UnknownNameError


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of part: networks, metrics, readers of images, ... Each part is one file that defines one object.

    Parts come from three places, and a name means the same part wherever it is given: the files of `package`, what
    other installed packages offer as entry points of the group `package`, and single files that a user has given.

    Attributes:
        name: in messages, such as "architecture".
        package: holds the parts that are shipped, such as "study.architectures".
        attribute: what each file must define, such as "ARCHITECTURE".
    """

    name: str
    package: str
    attribute: str
    # Like Python's own modules, a part is known to the whole process, and doesn't change once it was found.
    _given: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    _found: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    _sources: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def names(self) -> list[str]:
        """All that there are."""
        offered = (each.name for each in metadata.entry_points(group=self.package))
        return sorted({*names(self.package), *offered, *self._given})

    def find(self, name: str) -> Any:
        """The part of that name.

        Raises:
            UnknownNameError: there is none.
            DeclarationError: its file can't be run or doesn't define what it must.
        """
        if name not in self._given and name not in self._found:
            self._found[name] = self._search(name)
        return self._given.get(name, self._found.get(name))

    def give(self, name: str, source: str, where: str) -> None:
        """Makes a file that isn't in the package a part of this kind, in this process.

        Args:
            name: that it gets.
            source: the text of the file. Actors on other machines get this rather than its path.
            where: the file, for messages.

        Raises:
            DeclarationError: it can't be run, doesn't define what it must, or has the name of another part.
        """
        if name in names(self.package):
            raise DeclarationError(
                f"A part of one's own needs a name of its own, but there is a shipped {self.name} called {name!r}. "
                f"Rename {where}."
            )
        module = ModuleType(f"{self.package}.given.{name}")
        module.__file__ = where
        with _user_errors(self.name, where):
            exec(compile(source, where, "exec"), module.__dict__)
        self._given[name] = _attribute(module, self.attribute, self.name, where)
        self._sources[name] = source

    def source_of(self, name: str) -> str:
        """The text of the file that was given of that name; "" where none was."""
        return self._sources.get(name, "")

    def _search(self, name: str) -> Any:
        if name in names(self.package):
            return find(self.package, name, attribute=self.attribute, kind=self.name)
        for offered in metadata.entry_points(group=self.package, name=name):
            with _user_errors(self.name, name):
                return offered.load()
        raise UnknownNameError(self.name, name, self.names())


def names(package: str) -> list[str]:
    """The members of a package: its plain modules whose names don't start with an underscore."""
    paths = importlib.import_module(package).__path__
    return sorted(m.name for m in pkgutil.iter_modules(paths) if not m.ispkg and not m.name.startswith("_"))


def find(package: str, name: str, *, attribute: str, kind: str) -> Any:
    """The object called `attribute` in the member `name` of a package.

    Raises:
        UnknownNameError: no such member.
        DeclarationError: the file doesn't define the attribute.
    """
    if name not in names(package):
        raise UnknownNameError(kind, name, names(package))
    with _user_errors(kind, name):
        module = importlib.import_module(f"{package}.{name}")
    return _attribute(module, attribute, kind, str(module.__file__))


def load_file(path: Path, *, attribute: str, kind: str) -> Any:
    """The object called `attribute` in a Python file anywhere on disk.

    Raises:
        DeclarationError: the file isn't there, can't be run or doesn't define the attribute.
    """
    if not path.is_file():
        raise DeclarationError(f"A file is needed for the {kind}, but there is no {path}.")
    module_spec = importlib.util.spec_from_file_location(path.stem, path)
    if module_spec is None or module_spec.loader is None:
        raise DeclarationError(f"The file of the {kind} must be a Python file (.py), but is {path}.")
    module = importlib.util.module_from_spec(module_spec)
    with _user_errors(kind, str(path)):
        module_spec.loader.exec_module(module)
    return _attribute(module, attribute, kind, str(path))


@contextmanager
def _user_errors(kind: str, where: str) -> Iterator[None]:
    """Whatever a file that a user may have written raises is the user's to mend."""
    try:
        yield
    except StudyError:
        raise
    except Exception as error:
        raise DeclarationError(
            f"A file that a study is made of must run, but that of the {kind} {where} raises "
            f"{described(error)}. Mend it and try again."
        ) from error


def described(error: Exception) -> str:
    """An error that a user's file has raised, in one line with where it did."""
    text = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    if isinstance(error, SyntaxError):
        # It says itself where it is.
        return text
    frames = traceback.extract_tb(error.__traceback__)
    # Libraries, and what imports modules, are not to be mended.
    own = [f for f in frames if "site-packages" not in f.filename and not f.filename.startswith("<")]
    line = (own or frames)[-1]
    return f"{text} ({Path(line.filename).name}, line {line.lineno})"


def _attribute(module: Any, attribute: str, kind: str, path: str) -> Any:
    if not hasattr(module, attribute):
        raise DeclarationError(
            f"The file of one {kind} must define {attribute}, but {path} does not. CONTRIBUTING.md shows one."
        )
    return getattr(module, attribute)
