"""`python -m study.demo NAME`: a local web page on which a study's winner answers for an image dropped on it."""

import argparse
import ipaddress
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from study.command import Parser, add_winner, ended, package, whole_number
from study.datasets import readers
from study.errors import StudyError

if TYPE_CHECKING:
    from study.winner import Winner
    from study.winner.winner import Pixels

WARNING = (
    "**This is no medical device.** It is a research tool that nobody has tested on patients. Its answers must not "
    "be used for a diagnosis, a treatment or any other decision about a person."
)
_SHOWN_PX = (384, 384)
# Of many classes the probable ones.
_NUM_SHOWN = 6
_LARGEST_FILE = "50mb"
# After so many seconds what was dropped is deleted, too.
_KEPT_S = 600


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command until Ctrl-C and returns its exit code: 0 done, 2 the user can mend it, 130 interrupted."""
    return ended(lambda: _parser().parse_args(arguments), _serve, interrupted="Interrupted.")


def _serve(options: argparse.Namespace) -> None:
    _require_address(options.host, options.port)
    print("Loading the networks ...", file=sys.stderr, flush=True)
    # Imported late: torch takes seconds to import, and --help should not wait for it.
    from study.winner import load_winner

    winner = load_winner(options.name, options.results, architecture=options.architecture)
    # What is dropped on the page is a person's image: Gradio's copies are gone when the page is.
    with tempfile.TemporaryDirectory(prefix="study-demo-") as copies:
        os.environ |= {"GRADIO_TEMP_DIR": copies, "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
        for name in ("NO_PROXY", "no_proxy"):
            # Gradio asks the page whether it is there, and a proxy would not find it.
            os.environ[name] = ",".join(filter(None, [os.environ.get(name), options.host, "localhost", "127.0.0.1"]))
        over = threading.Event()
        # A terminal that is closed is an end as well.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: over.set())
        page = page_of(winner)
        gradio = _gradio()
        _, url, _ = page.launch(
            server_name=options.host,
            server_port=options.port,
            prevent_thread_lock=True,
            quiet=True,
            show_error=True,
            share=False,
            ssr_mode=False,
            mcp_server=False,
            max_file_size=_LARGEST_FILE,
            app_kwargs=_only_asked_by_name(options.host),
            footer_links=[],
            theme=gradio.themes.Base(font="sans-serif", font_mono="monospace"),
            css=_CSS,
        )
        print(f"{winner.run}: {winner.architecture} answers at {url}   (Ctrl-C ends it)", file=sys.stderr)
        if not _is_loopback(options.host):
            print(
                f"Everybody who can reach {options.host} can use this page: it has no password and no encryption.",
                file=sys.stderr,
            )
        over.wait()
        page.close(verbose=False)
    print("The page is closed, and what was dropped on it is deleted.", file=sys.stderr)


def _require_address(host: str, port: int | None) -> None:
    """Raises StudyError where nothing can listen: Gradio would try for minutes."""
    try:
        family, kind, *_, address = socket.getaddrinfo(host.strip("[]"), port or 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as listener:
            # As the server itself does: a port that was closed a moment ago is free.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except (OSError, UnicodeError) as error:
        raise StudyError(
            f"The page needs an address of this machine and a free port, but {host}{f':{port}' if port else ''} can't "
            f"be had ({error}). Give others with --host and --port."
        ) from error


def page_of(winner: "Winner") -> Any:
    """The page, a `gradio.Blocks` that isn't served yet.

    Raises:
        StudyError: Gradio isn't installed.
    """
    gradio = _gradio()

    def answered(path: str | None) -> tuple[Any, ...]:
        if path is None:
            return "", None, None, None
        found = winner.read(path)
        if isinstance(found, str):
            return f"### This file can't be read\n\n{found}", None, None, None
        return _answer(winner, found)

    title = f"{winner.run}: {winner.architecture}"
    with gradio.Blocks(title=title, analytics_enabled=False, delete_cache=(60, _KEPT_S)) as page:
        gradio.Markdown(f"# {winner.manifest.title}\n\n{_introduction(winner)}")
        gradio.Markdown(WARNING, elem_id="warning")
        dropped = gradio.File(
            label="Drop an image here, or click to choose one",
            file_types=list(readers.known().suffixes),
            height=140,
        )
        decision = gradio.Markdown(elem_id="decision")
        with gradio.Row():
            probabilities = gradio.Label(
                num_top_classes=_NUM_SHOWN,
                label="Probabilities",
                elem_id="probabilities",
                show_heading=False,
                buttons=[],
            )
            plain = {"show_label": False, "buttons": [], "interactive": False, "format": "png"}
            with gradio.Column():
                gradio.Markdown("What the networks see")
                seen = gradio.Image(elem_id="seen", **plain)
            with gradio.Column():
                gradio.Markdown("What speaks for the answer (Grad-CAM)")
                heat = gradio.Image(elem_id="heat", **plain)
        gradio.Markdown(
            "Bright is what speaks for the answer, in the mean of the seed runs' Grad-CAM maps (Selvaraju et al. "
            "2017). A map that looks reasonable doesn't show that the answer is right."
        )
        dropped.change(answered, dropped, [decision, probabilities, seen, heat], api_visibility="private")
    return page


def _introduction(winner: "Winner") -> str:
    drawn = (
        " **It was trained on drawn stand-in images, and knows nothing of real ones.**"
        if winner.manifest.stand_in
        else ""
    )
    return (
        f"{winner.architecture} of the study `{winner.run}`, {len(winner.members)} seed runs together, at "
        f"{winner.size_px} px. It knows these classes and no others: {', '.join(winner.classes)}.{drawn}"
        f"{winner.caution}"
    )


def _answer(winner: "Winner", pixels: "Pixels") -> tuple[Any, ...]:
    """What the page shows of an image: decision, probabilities, what the networks see, what speaks for the answer."""
    from study.report.images.drawing import overlaid
    from study.training.grad_cam import NoMapError
    from study.winner.saliency import mean_heat
    from study.wording import threshold

    probabilities = winner.ensemble(winner.each(pixels[None]))
    answer = int(winner.decide(probabilities)[0])
    lines = [f"## {winner.classes[answer]}"]
    if len(winner.classes) == 2:
        rule = f"where its probability is {threshold(winner.threshold)} or more ({winner.rule})"
        lines.append(f"The answer is {winner.classes[1]} {rule}.")
    if winner.appearance is not None and winner.appearance.differs_grossly(pixels[None])[0]:
        lines.append("**This image is unlike the training images: don't trust the answer.**")
    if winner.appearance is None:
        lines.append("Whether this image is like the training images isn't known: the run is older than that record.")
    shown = Image.fromarray(pixels).resize(_SHOWN_PX, Image.Resampling.BICUBIC)
    try:
        heat = Image.fromarray(mean_heat(winner, pixels, answer)).resize(_SHOWN_PX, Image.Resampling.BILINEAR)
        overlay = overlaid(shown, np.asarray(heat))
    except NoMapError as error:
        lines.append(f"There is no Grad-CAM map: {error}.")
        overlay = None
    by_class = dict(zip(winner.classes, probabilities[0].tolist(), strict=True))
    return "\n\n".join(lines), by_class, np.asarray(shown), overlay


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _gradio() -> ModuleType:
    return package("gradio", extra="demo", what="The page")


def _only_asked_by_name(host: str) -> dict[str, Any]:
    """On loopback the page answers nobody who asks for it under another name: a web page could, of a browser here."""
    if not _is_loopback(host):
        return {}
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    return {"middleware": [Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", host])]}


_CSS = """
#warning { border: 2px solid #b3261e; border-radius: 6px; padding: 8px 14px; }
"""


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m study.demo",
        description="Serve a local web page: drop an image, see what the best network of a finished study answers.",
        epilog="Example: python -m study.demo brain_tumor",
    )
    add = parser.add_argument
    add_winner(parser)
    add("--host", default="127.0.0.1", metavar="ADDR", help="address to listen on (default 127.0.0.1, this machine)")
    add("--port", type=whole_number(1, 65535), metavar="N", help="default: the first free one from 7860 on")
    return parser


if __name__ == "__main__":
    sys.exit(main())
