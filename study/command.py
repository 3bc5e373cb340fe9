"""What all commands have in common: how they end, what they say of an error, and what they can be given."""

import argparse
import difflib
import importlib
import platform
import re
import shlex
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn, Protocol, TypeVar

from study.errors import EngineLostError, StudyError

DONE, USER_ERROR, INTERRUPTED = 0, 2, 130
VERBOSE_HELP = "also what libraries have to say, and where an error comes from"

# As `platform.system` calls them -> as people do. On these a file is renamed over an open one, a folder's list of names
# can be put on the disk, and a process is ended by a signal.
_SYSTEMS = {"Linux": "Linux", "Darwin": "macOS"}

# "//name:password@" and the keys that a URI of S3 may hold.
_SECRETS = re.compile(r"(?<=//)[^/@\s]+@|(?<=access_key=)[^&\s]+|(?<=secret_key=)[^&\s]+|(?<=session_token=)[^&\s]+")


class _Verbose(Protocol):
    @property
    def verbose(self) -> bool: ...


_Options = TypeVar("_Options", bound=_Verbose)


def ended(parse: Callable[[], _Options], command: Callable[[_Options], int | None], *, interrupted: str) -> int:
    """Carries out a command and returns its exit code: 0 done, 2 the user can mend it, 130 interrupted.

    Args:
        parse: reads what was given; `verbose` of it also prints the traceback of an error.
        command: returns an exit code, or None if it is done.
        interrupted: said on stderr after Ctrl-C or SIGTERM.
    """
    verbose = False
    failure: BaseException
    try:
        _require_supported_system()
        with _sigterm_as_interrupt():
            options = parse()
            verbose = options.verbose
            return command(options) or DONE
    except (EngineLostError, KeyboardInterrupt) as error:
        print(f"interrupted: {error}" if isinstance(error, EngineLostError) else interrupted, file=sys.stderr)
        code, failure = INTERRUPTED, error
    except (StudyError, OSError) as error:
        print(f"error: {_in_words(error)}", file=sys.stderr)
        code, failure = USER_ERROR, error
    if verbose:
        traceback.print_exception(failure)
    return code


def _require_supported_system() -> None:
    if (system := platform.system()) not in _SYSTEMS:
        raise StudyError(
            f"This runs on {' and '.join(_SYSTEMS.values())}, but this system is {system or 'unknown'}, on which it "
            "was never tested. Give the command there, or in a container or a virtual machine of Linux (WSL)."
        )


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """The signal with which queues and machines end a process is answered like Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        # Signals are the main thread's.
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _in_words(error: StudyError | OSError) -> str:
    if isinstance(error, StudyError):
        return str(error)
    if isinstance(error, FileExistsError) and Path(str(error.filename)).is_file():
        return f"A folder is needed, but {error.filename} is a file. Give another path."
    # A full disk, a folder that can't be written: what was recorded until then is kept.
    return f"{error}. Mend it and give the same command again."


class Parser(argparse.ArgumentParser):
    """Of the arguments of a command; a mistake in them gets one message, like any other."""

    def __init__(self, **given: Any) -> None:
        # A shortened flag would change its meaning as soon as another one begins like it.
        super().__init__(**given, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Ends the process with exit code 2."""
        self.exit(USER_ERROR, f"error: {message}.{self._hint(message)} {self.prog} --help shows what can be given.\n")

    def _hint(self, message: str) -> str:
        """The flag that may have been meant, where one is unknown."""
        unknown = message.removeprefix("unrecognized arguments: ").split()[0].partition("=")[0]
        flags = [flag for action in self._actions for flag in action.option_strings]
        near = difflib.get_close_matches(unknown, flags, n=1) if unknown.startswith("--") else []
        return f" Did you mean {near[0]}?" if near else ""


def add_verbose(parser: argparse.ArgumentParser) -> None:
    """Adds -v to the arguments of a command."""
    parser.add_argument("-v", "--verbose", action="store_true", help=VERBOSE_HELP)


def add_winner(parser: argparse.ArgumentParser) -> None:
    """Adds what tells a winner to the arguments of a command, and -v."""
    add = parser.add_argument
    add("name", metavar="NAME", help="the run, e.g. her2_binary, or the path of its study file")
    add("--results", type=Path, default=Path("results"), metavar="DIR", help="records (default results)")
    add("--architecture", default="", metavar="NAME", help="another network of the study than the best")
    add_verbose(parser)


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """For argparse: reads a whole number from `least` to `most`."""
    rule = f"must be a whole number from {least} to {most}" if most is not None else f"must be {least} or more"

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or value < least or (most is not None and value > most):
            raise argparse.ArgumentTypeError(f"{rule}, but is {text}")
        return value

    return read


def positive(text: str) -> float:
    """For argparse: reads a finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number above 0, but is {text}")
    return value


def package(name: str, *, extra: str, what: str) -> ModuleType:
    """Imports a package that only one command needs.

    Args:
        name: of the module.
        extra: of this package, that installs it.
        what: needs it, as the sentence begins.

    Raises:
        StudyError: it isn't installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise StudyError(
            f"{what} needs the package {name.partition('.')[0]}, but it can't be imported ({error}). Install it (uv "
            f"sync --extra {extra})."
        ) from error


def to_go_on(command: str) -> str:
    """The command that goes on with what another one has begun: with --fresh it would begin anew."""
    return shlex.join(part for part in shlex.split(command) if part != "--fresh")


def without_secrets(text: str) -> str:
    """A command, a URI or a message without the passwords and keys that it may hold."""
    return _SECRETS.sub(lambda found: "***@" if found.group().endswith("@") else "***", text)
