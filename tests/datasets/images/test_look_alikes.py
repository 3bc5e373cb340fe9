"""Copies of a picture are found however they came about, and distinct pictures stay apart."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from study import datasets
from study.datasets import DEVELOPMENT
from study.datasets.images import decoding, look_alikes
from study.datasets.images.look_alikes import THUMBNAIL_PX, similar_pictures

NUM_A_CLASS = 12


@pytest.fixture(
    scope="module", params=["bci_her2_score", "blood_cell_all", "histopathologic_cancer", "brain_tumor_mri"]
)
def pictures(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Image.Image]:
    """Distinct drawn images of one kind."""
    dataset = datasets.find(request.param)
    root = tmp_path_factory.mktemp(request.param) / "drawn"
    dataset.draw(root, {side: dict.fromkeys(dataset.classes, NUM_A_CLASS) for side in dataset.stand_in}, 1)
    paths = [sample.path for sample in dataset.scan(root) if sample.side == DEVELOPMENT]
    return [decoding.load((root / path).read_bytes()) for path in paths]


def links(thumbnails: NDArray[np.uint8], side_px: int = 96) -> set[tuple[int, int]]:
    return {*look_alikes.same_pictures(thumbnails, side_px).links}


def thumbnails(images: list[Image.Image]) -> NDArray[np.uint8]:
    return np.stack([decoding.thumbnail(image, size_px=THUMBNAIL_PX) for image in images])


def jpeg(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=40)
    return decoding.load(file.getvalue())


def resized(scale: float) -> Callable[[Image.Image], Image.Image]:
    return lambda image: image.resize(
        (round(scale * image.width), round(scale * image.height)), Image.Resampling.BICUBIC
    )


def brighter(factor: float) -> Callable[[Image.Image], Image.Image]:
    return lambda image: ImageEnhance.Brightness(image.convert("RGB")).enhance(factor)


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    **{f"turned {method.name}": lambda image, m=method: image.transpose(m) for method in Image.Transpose},
    "half as large": resized(0.5),
    "twice as large": resized(2.0),
    "JPEG": jpeg,
    "darker": brighter(0.9),
    "brighter": brighter(1.1),
}


def test_distinct_pictures_are_not_linked(pictures: list[Image.Image]) -> None:
    assert not links(thumbnails(pictures))


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_linked_with_its_picture_and_with_no_other(pictures: list[Image.Image], change: str) -> None:
    changed = [CHANGES[change](image) for image in pictures]
    found = links(thumbnails([*pictures, *changed]))
    expected = {(number, number + len(pictures)) for number in range(len(pictures))}
    assert found <= expected
    assert len(found) >= 0.95 * len(expected)


def test_of_many_images_those_in_other_cells_are_found_too() -> None:
    random = np.random.default_rng(0)
    coarse = random.normal(0, 30, (6_000, 8, 8)).repeat(8, axis=1).repeat(8, axis=2)
    many = np.clip(128 + coarse + random.normal(0, 4, coarse.shape), 0, 255).astype(np.uint8)
    copied = random.permutation(3_000)[:200]
    many[3_000 + copied] = np.rot90(many[copied], axes=(1, 2))
    found = links(many)
    assert found == {(int(row), int(row) + 3_000) for row in copied}


def test_empty_patches_are_not_taken_for_the_same() -> None:
    random = np.random.default_rng(0)
    shade = np.linspace(0, 4, THUMBNAIL_PX)
    empty = np.clip(235 + shade + random.normal(0, 1, (50, THUMBNAIL_PX, THUMBNAIL_PX)), 0, 255).astype(np.uint8)
    assert not links(empty)
    assert not links(np.full((3, THUMBNAIL_PX, THUMBNAIL_PX), 255, np.uint8))


def test_a_shifted_picture_is_similar_but_not_the_same() -> None:
    random = np.random.default_rng(0)
    low = random.normal(0, 40, (20, 4, 4)).repeat(16, axis=1).repeat(16, axis=2)
    images = np.clip(128 + low, 0, 255).astype(np.uint8)
    shifted = np.roll(images, 1, axis=2)
    both = np.concatenate([images, shifted])
    assert not links(both)
    coloured = np.repeat(both[..., None], 3, axis=3)
    assert {(row, row + 20) for row in range(20)} <= {(int(a), int(b)) for a, b in similar_pictures(coloured)}
