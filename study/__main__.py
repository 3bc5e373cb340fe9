"""`study COMMAND ...`, the same as `python -m study.COMMAND ...`."""

import importlib
import sys
from collections.abc import Sequence

from study.command import DONE, USER_ERROR

_COMMANDS = {
    "run": ("study.run", "run a hyperparameter study, or go on with it, and write its report"),
    "report": ("study.report.__main__", "draw a report again from the records"),
    "datasets": ("study.datasets.__main__", "see, check, get and draw datasets"),
    "predict": ("study.predict", "answer for new images with a study's best network"),
    "demo": ("study.demo", "a local web page on which it answers for an image"),
    "export": ("study.export", "write it as ONNX, safetensors and a card"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code; without one, says which there are."""
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in _COMMANDS:
        # Imported late: each has libraries of its own.
        code: int = importlib.import_module(_COMMANDS[name][0]).main(rest)
        return code
    commands = "\n".join(f"  study {each:<10}{what}" for each, (_, what) in _COMMANDS.items())
    if name in ("-h", "--help"):
        print(f"Hyperparameter studies of medical image classifiers.\n\n{commands}\n\nEach has a --help.")
        return DONE
    print(f"error: There is no command {name!r}. Those that there are:\n{commands}", file=sys.stderr)
    return USER_ERROR


if __name__ == "__main__":
    sys.exit(main())
