"""What is asked wrongly of a winner is refused with one message, by each of the commands, and nothing is written."""

import importlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from PIL import Image

from study.command import USER_ERROR
from study.records import RunFolder

RUN = "tiny"
# Each command with what it needs to be understood.
COMMANDS = {"predict": ["{image}"], "export": ["--out", "{here}/out"], "demo": []}


def as_it_is(_folder: RunFolder) -> None:
    """Not damaged."""


@dataclass(frozen=True)
class Case:
    """A malformed request.

    Attributes:
        arguments: beyond the command's own; "{here}" is an empty folder, "{image}" an image.
        says: what the message must hold.
        damage: done to the run's folder before.
        name: of the run that is asked for.
    """

    arguments: tuple[str, ...] = ()
    says: str = ""
    damage: Callable[[RunFolder], object] = as_it_is
    name: str = RUN


def unfinished(folder: RunFolder) -> None:
    lines = folder.events.read_text().splitlines(keepends=True)
    folder.events.write_text("".join(lines[:3]))


OF_ALL = {
    "an unknown run": Case(says="Did you mean 'tiny'?", name="tyny"),
    "the path of a study file without a run": Case(says="no run in", name="search_spaces/her2_binary.py"),
    "no records at all": Case(("--results", "{here}/nothing"), "Run the study first"),
    "results that are a file": Case(("--results", "{image}"), "Run the study first"),
    "an unknown network": Case(("--architecture", "lenett"), "Did you mean 'lenet'?"),
    "a run without a seed run": Case((), "needs a seed run that has ended", unfinished),
    "an empty log": Case((), "Run the study first", lambda folder: folder.events.write_text("")),
    "a log of something else": Case((), "line 1 is", lambda folder: folder.events.write_text("{}\n[]\n")),
    "weights that are gone": Case(
        (), "missing or changed", lambda folder: [path.unlink() for path in (folder.root / "weights").iterdir()]
    ),
    "weights that were changed": Case(
        (),
        "missing or changed",
        lambda folder: [path.write_bytes(b"0") for path in (folder.root / "weights").iterdir()],
    ),
}
OF_PREDICT = {
    "an image that isn't there": Case(("{here}/gone.png",), "there is no"),
    "a folder without images": Case(("{here}",), "has none"),
    "a table that is a folder": Case(("--out", "{here}"), "is a folder"),
    "a table in a folder that is a file": Case(("--out", "{image}/table.csv"), "is a file"),
    "a submission of four classes": Case(("--submission",), "for two classes"),
    "a threshold of a submission": Case(("--submission", "--threshold", "0.3"), "which no threshold changes"),
    "a threshold for four classes": Case(("--threshold", "0.3"), "for two classes"),
    "a sensitivity of four classes": Case(("--sensitivity", "0.95"), "for two classes"),
}
OF_EXPORT = {
    "a folder that holds something": Case(("--out", "{image}"), "there is something in"),
    "a folder in a file": Case(("--out", "{image}/out"), "is a file"),
}
OF_DEMO = {
    "an address of another machine": Case(("--host", "192.0.2.1"), "192.0.2.1 can't be had"),
    "a name of no machine": Case(("--host", "nowhere.invalid"), "nowhere.invalid can't be had"),
}
CASES = {
    **{f"{command}: {title}": (command, case) for command in COMMANDS for title, case in OF_ALL.items()},
    **{f"predict: {title}": ("predict", case) for title, case in OF_PREDICT.items()},
    **{f"export: {title}": ("export", case) for title, case in OF_EXPORT.items()},
    **{f"demo: {title}": ("demo", case) for title, case in OF_DEMO.items()},
}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Path]:
    """An empty folder, to see that nothing is written there."""
    (tmp_path / "here").mkdir()
    yield tmp_path / "here"
    assert not list((tmp_path / "here").iterdir())


@pytest.mark.parametrize("title", CASES)
def test_a_malformed_request_is_refused_in_words(
    title: str, tmp_path: Path, here: Path, finished_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, case = CASES[title]
    results, image = tmp_path / "results", tmp_path / "image.png"
    Image.new("L", (32, 32), 90).save(image)
    shutil.copytree(finished_run / RUN, results / RUN)
    case.damage(RunFolder(results / RUN))
    given = [case.name, *COMMANDS[command], "--results", str(results), *case.arguments]
    main = importlib.import_module(f"study.{command}").main
    before = image.read_bytes()
    assert main([each.format(here=here, image=image) for each in given]) == USER_ERROR
    said = capsys.readouterr()
    assert case.says in said.err
    assert said.err.count("error: ") == 1
    assert "Traceback" not in said.err
    assert said.out == ""
    assert image.read_bytes() == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_isnt_there_is_refused(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("L", (32, 32), 90).save(tmp_path / "image.png")
    predict = importlib.import_module("study.predict").main
    given = [RUN, str(tmp_path / "image.png"), "--results", str(finished_run), "--device", "cuda"]
    assert predict(given) == USER_ERROR
    assert "needs a GPU" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_a_port_that_no_machine_has_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        importlib.import_module("study.demo").main([RUN, "--port", port])
    assert refusal.value.code == USER_ERROR
    assert "--port" in capsys.readouterr().err
