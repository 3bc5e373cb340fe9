"""What all commands have in common: how they end, and what they say of an error."""

import argparse
import sys
import traceback
from collections.abc import Callable

from study.errors import EngineLostError, StudyError

DONE, USER_ERROR, INTERRUPTED = 0, 2, 130


def add_verbose(parser: argparse.ArgumentParser) -> None:
    """Adds -v to the arguments of a command."""
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="also what libraries have to say, and where an error comes from"
    )


def ended(command: Callable[[], int | None], *, interrupted: str, verbose: bool = False) -> int:
    """Carries out a command and returns its exit code: 0 done, 2 the user can mend it, 130 interrupted.

    Args:
        command: returns an exit code, or None if it is done.
        interrupted: said on stderr after Ctrl-C.
        verbose: also prints the traceback of an error.
    """
    try:
        return command() or DONE
    except (EngineLostError, KeyboardInterrupt) as error:
        print(f"interrupted: {error}" if isinstance(error, EngineLostError) else interrupted, file=sys.stderr)
        code = INTERRUPTED
    except StudyError as error:
        print(f"error: {error}", file=sys.stderr)
        code = USER_ERROR
    except FileExistsError as error:
        print(f"error: A folder is needed, but {error.filename} is a file. Give another path.", file=sys.stderr)
        code = USER_ERROR
    except OSError as error:
        # A full disk, a folder that can't be written: what was recorded until then is kept.
        print(f"error: {error}. Mend it and give the same command again.", file=sys.stderr)
        code = USER_ERROR
    if verbose:
        traceback.print_exc()
    return code
