"""`python -m study.datasets {list,check,download,stand-in}`: see, check, get and draw datasets."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from study.command import Parser, add_verbose, ended, whole_number
from study.datasets.commands.checking import check
from study.datasets.commands.downloading import download
from study.datasets.commands.drawing import draw_stand_in
from study.datasets.commands.listing import list_datasets
from study.datasets.commands.naming import find_dataset, usual_folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code: 0 done, 2 the user can mend it, 130 interrupted."""
    return ended(lambda: _parser().parse_args(arguments), _run, interrupted="Interrupted.")


def _run(options: argparse.Namespace) -> None:
    if options.command == "list":
        list_datasets()
        return
    name, dataset = find_dataset(options.name)
    if options.command == "check":
        check(dataset, options.data or usual_folder(name, dataset), cache=options.cache, sheet=options.contact_sheet)
    elif options.command == "download":
        download(name, dataset, options.out or usual_folder(name))
    else:
        draw_stand_in(name, dataset, options.out, seed=options.seed)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m study.datasets", description="See, check, get and draw datasets.")
    add_verbose(parser)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="all datasets: classes, published counts, licence, where they are")
    for command, what in (
        ("check", "read every image of a folder: counts, unreadable files, sizes, copies, look-alikes, leaks"),
        ("download", "get a dataset from Kaggle, where it is there"),
        ("stand-in", "draw a dataset's stand-in images, in its own file layout"),
    ):
        add = commands.add_parser(command, help=what, description=what).add_argument
        add("name", metavar="NAME", help="a dataset, or a study (then its dataset)")
        if command == "check":
            add("--data", type=Path, metavar="DIR", help="folder of the dataset (default data/<dataset>)")
            add(
                "--cache",
                type=Path,
                metavar="DIR",
                help="keep what was read here, and next time read the images only if one changed",
            )
            add("--contact-sheet", type=_png, metavar="FILE.png", help="write a picture of those that look alike")
        if command == "download":
            add("--out", type=Path, metavar="DIR", help="new folder (default data/<dataset>)")
        if command == "stand-in":
            add("--out", type=Path, metavar="DIR", required=True, help="new folder")
            add("--seed", type=whole_number(0, 2**32 - 1), default=0, metavar="N", help="of the drawing (default 0)")
    return parser


def _png(text: str) -> Path:
    if not text.lower().endswith(".png"):
        raise argparse.ArgumentTypeError(f"must be the name of a .png file, but is {text}")
    return Path(text)


if __name__ == "__main__":
    sys.exit(main())
