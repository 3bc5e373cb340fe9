"""`python -m study.export NAME --out DIR`: a study's winner as files that other programs can use."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from study.command import Parser, add_winner, ended
from study.records import find_run


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code: 0 done, 2 the user can mend it, 130 interrupted."""
    return ended(lambda: _parser().parse_args(arguments), _export, interrupted="Interrupted; nothing was written.")


def _export(options: argparse.Namespace) -> None:
    folder = find_run(options.name, options.results)
    # Imported late: torch takes seconds to import, and a mistyped name should not wait for it.
    from study.winner import load_winner
    from study.winner.export import CARD, GRAPH, USE, WEIGHTS, examples_of, export

    winner = load_winner(options.name, options.results, architecture=options.architecture)
    print(f"Exporting {winner.architecture} of {winner.run} ...{winner.caution}", file=sys.stderr, flush=True)
    card = export(winner, options.out, examples_of(winner, folder))
    checked = card["checked"]
    print(
        f"{options.out}: {GRAPH} (the ensemble of {len(winner.members)} seed runs with its corrections), {WEIGHTS}/ "
        f"(each of them), {CARD}. On {checked['images']} images ONNX Runtime and torch differ by "
        f"{checked['largest_difference']:.2g} at most. {USE}",
        file=sys.stderr,
    )


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m study.export",
        description="Write the best network of a finished study as safetensors, ONNX and a card in JSON.",
        epilog="Example: python -m study.export brain_tumor --out brain_tumor_export",
    )
    add_winner(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", required=True, help="new folder")
    return parser


if __name__ == "__main__":
    sys.exit(main())
