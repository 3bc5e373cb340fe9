"""`python -m study.predict NAME IMAGES...`: what a study's winner answers for images that it has never seen."""

import argparse
import csv
import io
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from study.command import Parser, add_winner, ended
from study.datasets import readers
from study.datasets.custom.files import walk
from study.datasets.images.progress import progress
from study.errors import DataError, StudyError
from study.records import write_atomically

if TYPE_CHECKING:
    from study.winner import Prediction, Winner

_NUM_NAMED = 10
_DIGITS_ON_SCREEN = 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code: 0 done, 2 the user can mend it, 130 interrupted."""
    # Images may stand before and after flags.
    return ended(
        lambda: _parser().parse_intermixed_args(arguments), _predict, interrupted="Interrupted; nothing was written."
    )


def _predict(options: argparse.Namespace) -> None:
    images = _images(options.images)
    if options.out:
        _require_table(options.out)
    if options.submission:
        _require_ids(images)
        if options.threshold is not None or options.sensitivity is not None:
            raise StudyError(
                "A submission holds probabilities, which no threshold changes, but one was given. Leave it out."
            )
    print("Loading the networks ...", file=sys.stderr, flush=True)
    # Imported late: torch takes seconds to import, and a mistyped path should not wait for it.
    from study.winner import load_winner

    winner = load_winner(
        options.name,
        options.results,
        architecture=options.architecture,
        device=options.device,
        threshold=options.threshold,
        sensitivity=options.sensitivity,
    )
    if options.submission and len(winner.classes) != 2:
        raise StudyError(
            f"--submission is for two classes, of which one probability is submitted, but {winner.run} has "
            f"{len(winner.classes)}. Leave it out."
        )
    print(_introduction(winner), file=sys.stderr)
    predictions = list(progress(winner.predictions(images), "Predicting", total=len(images)))
    _require_read(predictions, skip=options.skip_unreadable)
    # On the screen nobody reads 16 digits.
    written = f"{{:.{_DIGITS_ON_SCREEN}f}}".format if not options.out and sys.stdout.isatty() else repr
    text = _submission(predictions, written) if options.submission else _table(winner, predictions, written)
    if options.out:
        write_atomically(options.out, text)
    else:
        print(text, end="")
    _say_doubts(winner, predictions, options)


def _require_table(out: Path) -> None:
    if out.is_dir():
        raise DataError(f"--out must be a file, but {out} is a folder. Give the name of a file in it.")
    if out.suffix.lower() != ".csv":
        raise DataError(f"--out must end in .csv, so that no image is overwritten, but is {out}. Give another name.")
    # Before hours of work, not after.
    out.parent.mkdir(parents=True, exist_ok=True)


def _require_ids(images: Iterable[Path]) -> None:
    paths: dict[str, Path] = {}
    for image in images:
        other = paths.setdefault(image.stem, image)
        if other != image:
            raise DataError(
                f"A submission names each image by its file's name, but {other} and {image} have the same. Leave one "
                "out."
            )


def _images(given: Iterable[Path]) -> list[Path]:
    """The image files that are meant: those of folders in the order of their names. Says what in these is none."""
    images: list[Path] = []
    known = readers.known()
    for path in given:
        if path.is_dir():
            files = list(walk(path))
            found = [file for file in files if known.looks_like_image(file.name)]
            if not found:
                raise DataError(f"A folder must hold images ({', '.join(known.suffixes)}), but {path} has none.")
            others = [str(file) for file in files if not known.looks_like_image(file.name)]
            if others:
                files_left = f"{len(others)} file{'s' if len(others) > 1 else ''}"
                print(f"{path}: {files_left} left out as no image, e.g. {others[0]}", file=sys.stderr)
            images += found
        elif path.exists():
            images.append(path)
        else:
            raise DataError(f"Images must be files or folders, but there is no {path}.")
    for image in images:
        try:
            str(image).encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"Names of images must be Unicode, to be written into a table, but one is {os.fsencode(image)!r}. "
                "Rename it."
            ) from error
    return images


def _introduction(winner: "Winner") -> str:
    # Imported late: it brings SciPy.
    from study.wording import threshold

    decision = (
        f"{winner.classes[1]!r} from a probability of {threshold(winner.threshold)} on ({winner.rule})"
        if len(winner.classes) == 2
        else "the most probable class"
    )
    return (
        f"{winner.run}: {winner.architecture}{', best on val' if winner.best else ''}; ensemble of "
        f"{len(winner.members)} seed runs, temperature scaled; answer: {decision}.{winner.caution}"
    )


def _require_read(predictions: Sequence["Prediction"], *, skip: bool) -> None:
    unread = [each for each in predictions if not each.probabilities]
    if not unread or skip:
        return
    named = "\n".join(f"  {each.path}: {each.warning}" for each in unread[:_NUM_NAMED])
    more = f"\n  and {len(unread) - _NUM_NAMED} more" if len(unread) > _NUM_NAMED else ""
    raise DataError(
        f"Every image must be readable, but {len(unread)} of {len(predictions)} are not:\n{named}{more}\nMend or "
        "remove them, or give --skip-unreadable: they then stay in the table, without an answer (in a submission they "
        "are missing)."
    )


def _table(winner: "Winner", predictions: Sequence["Prediction"], written: Callable[[float], str]) -> str:
    """One row an image: probabilities, answer, warning."""
    blank = [""] * len(winner.classes)
    rows = [
        [each.path, *(map(written, each.probabilities) if each.probabilities else blank), each.answer, each.warning]
        for each in predictions
    ]
    return _csv([["path", *(f"p_{name}" for name in winner.classes), "answer", "warning"], *rows])


def _submission(predictions: Sequence["Prediction"], written: Callable[[float], str]) -> str:
    """Kaggle's form for Histopathologic Cancer Detection: the file's name without suffix, the probability."""
    rows = [[Path(each.path).stem, written(each.probabilities[1])] for each in predictions if each.probabilities]
    return _csv([["id", "label"], *rows])


def _csv(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _say_doubts(winner: "Winner", predictions: Sequence["Prediction"], options: argparse.Namespace) -> None:
    strange = [each.path for each in predictions if each.warning and each.probabilities]
    unread = sum(not each.probabilities for each in predictions)
    parts = [f"{len(predictions)} images"]
    if strange:
        # A table says which; a submission has no column for it.
        more = f" and {len(strange) - _NUM_NAMED} more" if len(strange) > _NUM_NAMED else ""
        named = f" ({', '.join(strange[:_NUM_NAMED])}{more})" if options.submission else ""
        parts.append(f"{len(strange)} unlike the training images: don't trust the answers for these{named}")
    if unread:
        parts.append(f"{unread} could not be read")
    if winner.appearance is None:
        parts.append("whether they are like the training images is unknown: this run was made before that was recorded")
    where = f"{options.out}: " if options.out else ""
    print(f"{where}{'; '.join(parts)}. For research; no medical device.", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m study.predict",
        description="Answer for new images with the best network of a finished study.",
        epilog="Example: python -m study.predict brain_tumor scans/ --out predictions.csv",
    )
    add = parser.add_argument
    add_winner(parser)
    add("images", metavar="IMAGE", type=Path, nargs="+", help="image files, or folders of them")
    add("--out", type=Path, metavar="FILE.csv", help="the table (default: on the screen)")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument(
        "--threshold",
        type=float,
        metavar="X",
        help="probability of the positive of two classes from which it is the answer (default: Youden's, on val)",
    )
    chosen.add_argument(
        "--sensitivity",
        type=float,
        metavar="X",
        help="or the highest threshold that finds this share of the positives of val, e.g. 0.95",
    )
    add("--device", default="cpu", choices=("cpu", "cuda"), help="default cpu")
    add("--skip-unreadable", action="store_true", help="leave the answer of images that can't be read empty")
    add("--submission", action="store_true", help="columns id and label, as Kaggle wants them of histopathologic")
    return parser


if __name__ == "__main__":
    sys.exit(main())
