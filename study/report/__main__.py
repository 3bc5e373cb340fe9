"""`python -m study.report NAME`: draws the report of a run from its records."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from study.command import Parser, add_verbose, ended
from study.records import find_run


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code: 0 done, 2 the user can mend it, 130 interrupted."""
    return ended(lambda: _parser().parse_args(arguments), _draw, interrupted="Interrupted.")


def _draw(options: argparse.Namespace) -> None:
    # Imported late: its libraries take seconds, in which Ctrl-C is answered as at any other time.
    from study.report.page import draw_report
    from study.tracking.heartbeat import heartbeat

    with heartbeat("drawing the report"):
        page = draw_report(find_run(options.name, options.results), options.reports)
    print(page.with_suffix(".html"), file=sys.stderr)
    print(page)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m study.report",
        description="Draw the report of a run from its records. Needs no GPU, no images and no Ray.",
    )
    parser.add_argument("name", metavar="NAME", help="the run, e.g. her2_binary, or the path of its study file")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of all records")
    parser.add_argument("--reports", type=Path, default=Path("reports"), help="folder of all reports")
    add_verbose(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
