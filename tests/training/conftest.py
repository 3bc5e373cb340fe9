"""A set of images so small and easy that a few epochs learn it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from study.spec import Recipe
from study.training.data import Images, SplitRows
from study.training.pretrained import Pretrained
from study.training.training_run import Run

SIZE_PX = 32

MakeImages = Callable[..., Images]
MakeRun = Callable[..., Run]


@pytest.fixture(scope="session")
def make_images(tmp_path_factory: pytest.TempPathFactory) -> MakeImages:
    """(targets) -> images of noise in which a square is the brighter the higher the target."""

    def make(targets: Sequence[int], *, seed: int = 0, step: int = 40, size_px: int = SIZE_PX) -> Images:
        rng = np.random.default_rng(seed)
        pixels = rng.normal(90, 25, (len(targets), size_px, size_px, 3))
        for image, target in zip(pixels, targets, strict=True):
            x, y = rng.integers(0, size_px // 2, 2)
            image[y : y + size_px // 2, x : x + size_px // 2] += step * target
        path: Path = tmp_path_factory.mktemp("pixels") / "pixels.npy"
        np.save(path, pixels.clip(0, 255).astype(np.uint8))
        return Images(path, torch.device("cpu"))

    return make


def rows(targets: Sequence[int], start: int, end: int) -> SplitRows:
    return SplitRows(rows=np.arange(start, end), targets=np.asarray(targets[start:end], dtype=np.int64))


@pytest.fixture(scope="session")
def make_run() -> MakeRun:
    """(targets) -> a run that trains on the first rows and is evaluated on the others."""

    def make(
        targets: Sequence[int],
        *,
        num_train: int = 48,
        architecture: str = "lenet",
        modality: str = "ihc",
        epochs: int = 4,
        seed: int = 7,
        precision: str = "float32",
        weights: Pretrained | None = None,
        **recipe: Any,
    ) -> Run:
        return Run(
            architecture=architecture,
            recipe=Recipe(**{"batch_size": 16, "pretrained": weights is not None, **recipe}),
            num_classes=max(targets) + 1,
            modality=modality,
            train=rows(targets, 0, num_train),
            val=rows(targets, num_train, len(targets)),
            epochs=epochs,
            seed=seed,
            precision=precision,
            pretrained=weights,
        )

    return make
