"""Pixels come out as batches of the right rows, and standardization is that of the training images."""

from pathlib import Path

import numpy as np
import pytest
import torch

from study.training.data import Images, SplitRows, Standardization

CPU = torch.device("cpu")


def images_of(pixels: np.ndarray, folder: Path) -> Images:
    np.save(folder / "pixels.npy", pixels)
    return Images(folder / "pixels.npy", CPU)


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (10, 16, 16, 3), dtype=np.uint8)


def test_a_batch_holds_the_asked_rows_in_the_asked_order_between_0_and_1(pixels: np.ndarray, tmp_path: Path) -> None:
    images = images_of(pixels, tmp_path)
    batch = images.batch(torch.tensor([7, 2, 2]))
    assert images.size_px == 16
    assert batch.dtype == torch.float32
    assert np.allclose(batch.permute(0, 2, 3, 1).numpy() * 255, pixels[[7, 2, 2]], atol=1e-3)


def test_changing_a_batch_changes_neither_the_images_nor_the_file(pixels: np.ndarray, tmp_path: Path) -> None:
    images = images_of(pixels, tmp_path)
    images.batch(torch.arange(10)).zero_()
    assert images.batch(torch.arange(10)).max() > 0
    assert np.array_equal(np.load(tmp_path / "pixels.npy"), pixels)


def test_training_images_are_standardized_to_zero_mean_and_unit_variance(pixels: np.ndarray, tmp_path: Path) -> None:
    pixels[:, :, :, 1] //= 4
    images = images_of(pixels, tmp_path)
    train = np.array([0, 3, 4, 8])
    standardization = images.statistics(train)
    values = standardization(images.batch(torch.from_numpy(train)))
    assert torch.allclose(values.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(values.std(dim=(0, 2, 3)), torch.ones(3), atol=1e-3)
    assert standardization != images.statistics(np.arange(10))


def test_a_channel_that_never_varies_stays_finite(tmp_path: Path) -> None:
    images = images_of(np.full((4, 16, 16, 3), 255, np.uint8), tmp_path)
    values = images.statistics(np.arange(4))(images.batch(torch.arange(4)))
    assert values.abs().max() < 1e-2


def test_standardization_is_by_channel() -> None:
    standardization = Standardization((0.1, 0.2, 0.3), (1.0, 2.0, 4.0))
    values = standardization(torch.full((1, 3, 1, 1), 0.5)).flatten().tolist()
    assert values == pytest.approx([0.4, 0.15, 0.05])


def test_counts_name_absent_classes_too() -> None:
    rows = SplitRows(rows=np.arange(4), targets=np.array([0, 2, 2, 0]))
    assert rows.counts(4) == [2, 0, 2, 0]
    assert len(rows) == 4
