"""`python -m study.report NAME`: draws the report of a run from its records."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from study.errors import StudyError, UnknownNameError
from study.records import RunFolder
from study.report.page import draw_report


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Returns:
        The exit code: 0 done, 2 for what the user can mend, 130 if interrupted.
    """
    options = _parser().parse_args(arguments)
    try:
        path = draw_report(_folder(options.name, options.results), options.reports)
    except StudyError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    print(path)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m study.report",
        description="Draw the report of a run from its records. Needs no GPU, no images and no Ray.",
    )
    parser.add_argument("name", metavar="NAME", help="the run, e.g. her2_binary, or the path of its study file")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of all records")
    parser.add_argument("--reports", type=Path, default=Path("reports"), help="folder of all reports")
    return parser


def _folder(name: str, results: Path) -> RunFolder:
    run = Path(name).stem if name.endswith(".py") else name
    folder = RunFolder(results / run)
    known = sorted(path.parent.name for path in results.glob("*/events.jsonl"))
    if known and run not in known:
        raise UnknownNameError(f"run in {results}", run, known)
    return folder


if __name__ == "__main__":
    sys.exit(main())
