"""Small images of one's own."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Make = Callable[..., None]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes images of noise, each another one."""

    def make(*names: str, mode: str = "RGB", size: tuple[int, int] = (20, 16)) -> None:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
            levels = np.random.default_rng(list(name.encode())).integers(0, 256, shape)
            Image.fromarray(levels.astype(np.uint8)).save(path)

    return make
