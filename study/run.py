"""`python -m study.run NAME...`: plan studies, run them or go on with them, draw their reports."""

import argparse
import sys
from collections.abc import Sequence

from study.command import ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code: 0 done, 2 the user can mend it, 130 interrupted."""
    given = sys.argv[1:] if arguments is None else arguments
    return ended(
        lambda: _parsed(given),
        lambda options: _run(options, given),
        interrupted="Interrupted; the same command goes on from what is on disk"
        + (", without --fresh: with it, it deletes that." if "--fresh" in given else "."),
    )


# Imported late: it takes seconds, in which Ctrl-C is answered as at any other time.


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    from study.cli.arguments import parser

    # Names may stand before and after flags.
    return parser().parse_intermixed_args(arguments)


def _run(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    from study.execution.ray_backend import environment

    environment.apply()
    from study.session import run_session

    return run_session(options, arguments)


if __name__ == "__main__":
    sys.exit(main())
