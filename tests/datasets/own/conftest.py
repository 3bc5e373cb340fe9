"""Small images of one's own."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from study import run
from study.arguments import parse
from study.command import USER_ERROR
from study.tuning.own_images import Asked, own_study
from study.tuning.own_study import Derived

Make = Callable[..., None]
Refused = Callable[..., str]
Read = Callable[..., tuple[Derived, str]]


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
