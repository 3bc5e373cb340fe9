"""Small images of one's own."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from study import run
from study.cli.arguments import parse
from study.command import USER_ERROR
from study.planning.custom_images import derive_study

Make = Callable[..., None]
Said = Callable[..., str]


def put(path: Path, levels: NDArray[np.generic]) -> None:
    """Writes an image and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(levels).save(path)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes images of noise, each another one."""

    def make(*names: str, mode: str = "RGB", size: tuple[int, int] = (20, 16)) -> None:
        for name in names:
            shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
            levels = np.random.default_rng(list(name.encode())).integers(0, 256, shape)
            put(tmp_path / name, levels.astype(np.uint8))

    return make


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Said:
    """The one message of the command, which refuses the images."""

    def refused(*flags: str, images: Path = tmp_path) -> str:
        kept = [f"--{kind}={tmp_path.parent / kind}" for kind in ("results", "reports", "cache")]
        given = ["--images", str(images), "--name", "mine", "--architecture", "lenet", "--dry-run", *kept, *flags]
        assert run.main(given) == USER_ERROR
        said = " ".join(capsys.readouterr().err.split())
        assert said.count("error: ") == 1
        return said.partition("error: ")[2].replace(f"{images}/", "").replace(str(images), "ROOT")

    return refused


@pytest.fixture
def read(tmp_path: Path) -> Said:
    """What the command says that it derived of the images."""

    def read(*flags: str) -> str:
        options = parse(["--images", str(tmp_path), "--name", "mine", "--architecture", "lenet", *flags])
        return " ".join(" ".join(derive_study(tmp_path, options)[1]).split())

    return read
