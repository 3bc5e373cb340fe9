"""Copies of a picture are found however they came about, and distinct pictures stay apart."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from study import datasets
from study.datasets import DEVELOPMENT
from study.datasets.images import near_duplicates, picture
from study.datasets.images.near_duplicates import THUMBNAIL_PX, similar_pictures
from study.datasets.readers import pillow

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
    return [read((root / path).read_bytes()) for path in paths]


def read(content: bytes) -> Image.Image:
    return picture.in_8_bits(pillow.READER.read(content))


def links(thumbnails: NDArray[np.uint8], side_px: int = 96) -> set[tuple[int, int]]:
    return {*near_duplicates.same_pictures(thumbnails, side_px).links}


def thumbnails(images: list[Image.Image]) -> NDArray[np.uint8]:
    return np.stack([picture.thumbnail(image, size_px=THUMBNAIL_PX) for image in images])


def jpeg(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=40)
    return read(file.getvalue())


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


def eyes(num: int, *, seed: int = 0) -> list[Image.Image]:
    """Different bright discs on black: they share their outline, as photographs of eyes do."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:96, :96] - 47.5
    disc = np.clip((44 - np.hypot(x, y)) / 2, 0, 1)
    images = []
    for _ in range(num):
        vessels = Image.fromarray(random.normal(size=(24, 24)).astype(np.float32)).resize((96, 96))
        nerve = np.exp(-((x - random.choice([-24, 24])) ** 2 + (y - random.normal(0, 3)) ** 2) / 30)
        grey = disc * (random.uniform(90, 130) + 9 * np.asarray(vessels) + 60 * nerve)
        images.append(Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)))
    return images


def copied(image: Image.Image) -> Image.Image:
    return brighter(1.08)(image).resize((80, 80), Image.Resampling.BILINEAR)


@pytest.mark.parametrize("num", [30, 200])
def test_pictures_that_share_their_outline_are_strangers_but_for_planted_copies(num: int) -> None:
    images = eyes(num)
    assert not links(thumbnails(images))
    found = links(thumbnails([*images, *map(copied, images[:10])]))
    assert found == {(row, num + row) for row in range(10)}


def test_copies_are_found_where_a_third_of_the_images_are_copies_of_one_picture() -> None:
    images = eyes(60)
    again = [copied(images[0].rotate(90 * turns)) for turns in range(4)] * 5
    together = {row for pair in links(thumbnails([*images, *again])) for row in pair}
    assert together == {0, *range(60, 80)}


def test_of_a_few_pictures_that_share_their_outline_among_many_others_hardly_any_is_taken_for_another() -> None:
    random = np.random.default_rng(0)
    coarse = random.normal(0, 30, (150, 8, 8)).repeat(8, axis=1).repeat(8, axis=2)
    others = np.clip(128 + coarse, 0, 255).astype(np.uint8)
    images = eyes(50)
    found = links(np.concatenate([others, thumbnails([*images, copied(images[7])])]))
    assert (157, 200) in found
    # Of 1,225 pairs of them.
    assert len(found) <= 3


def test_what_is_found_does_not_hang_on_the_order_of_the_images() -> None:
    images = thumbnails([*eyes(40), *map(copied, eyes(40)[:5])])
    order = np.random.default_rng(1).permutation(len(images))
    found = {tuple(sorted((int(order[a]), int(order[b])))) for a, b in links(images[order])}
    assert found == links(images)


@pytest.mark.parametrize("num", [0, 1, 2, 3, 10])
def test_of_few_images_only_copies_are_linked(num: int) -> None:
    images = eyes(num, seed=2)
    assert not links(thumbnails(images) if images else np.empty((0, THUMBNAIL_PX, THUMBNAIL_PX), np.uint8))
    if images:
        assert links(thumbnails([*images, images[0].rotate(90)])) == {(0, num)}


@pytest.mark.parametrize(("length", "num_linked"), [(5, 4), (40, 0)])
def test_pictures_that_are_merely_alike_make_no_chain(length: int, num_linked: int) -> None:
    # Each is the one before it and a little that is new, among strangers.
    random = np.random.default_rng(0)
    patterns = random.normal(0, 1, (100 + length, 16, 16))
    chain = [patterns[0]]
    for new in patterns[1:length]:
        chain.append(0.92 * chain[-1] + np.sqrt(1 - 0.92**2) * new)
    images = [
        Image.fromarray(np.clip(128 + 30 * each, 0, 255).astype(np.uint8)).resize((96, 96), Image.Resampling.BICUBIC)
        for each in [*chain, *patterns[length:]]
    ]
    same = near_duplicates.same_pictures(thumbnails(images), 96)
    assert same.num_doubtful == len(same.pairs)
    # At most two of them are tied to one another, or three that are all alike.
    assert len(np.unique(same.pairs)) <= num_linked
