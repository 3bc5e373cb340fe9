"""Images that don't look like those of training are told, those that do aren't."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from study.evaluation.appearance import Appearance, features

RNG = np.random.default_rng(0)


def smooth(num: int, seed: int, *, low: int = 60, high: int = 200) -> NDArray[np.uint8]:
    """Coloured blobs that are alike in light, contrast and grain."""
    rng = np.random.default_rng(seed)
    small = rng.integers(low, high, (num, 6, 6, 3)).astype(np.uint8)
    return np.stack([np.asarray(Image.fromarray(each).resize((48, 48))) for each in small])


@pytest.fixture(scope="module")
def known() -> Appearance:
    return Appearance.of(smooth(300, seed=1))


def test_new_images_of_the_same_kind_are_like_the_training_images(known: Appearance) -> None:
    assert not known.differs_grossly(smooth(300, seed=2)).any()


@pytest.mark.parametrize(
    "others",
    [
        np.zeros((3, 48, 48, 3), np.uint8),
        np.full((3, 48, 48, 3), 255, np.uint8),
        RNG.integers(0, 256, (3, 48, 48, 3)).astype(np.uint8),
        smooth(3, seed=3, low=0, high=30),
        np.repeat(smooth(3, seed=4)[..., :1], 3, axis=3) // 4,
    ],
    ids=["black", "white", "noise", "dark", "grey and dark"],
)
def test_what_looks_like_something_else_is_told(known: Appearance, others: NDArray[np.uint8]) -> None:
    assert known.differs_grossly(others).all()


def test_it_is_the_same_after_it_was_written_and_read(known: Appearance) -> None:
    assert Appearance.from_record(json.loads(json.dumps(known.record()))) == known


def test_training_images_that_are_all_the_same_leave_room_for_one_like_them() -> None:
    image = smooth(1, seed=5)
    known = Appearance.of(np.repeat(image, 20, axis=0))
    assert not known.differs_grossly(image).any()


def test_features_lie_between_0_and_1_and_dont_hang_on_the_other_images() -> None:
    images = np.concatenate([smooth(600, seed=6), RNG.integers(0, 256, (5, 48, 48, 3)).astype(np.uint8)])
    found = features(images)
    assert found.shape == (605, 8)
    assert found.min() >= 0
    assert found.max() <= 1
    assert np.array_equal(found[300:301], features(images[300:301]))


def test_the_limit_counts_each_training_image_by_its_distance_from_the_others() -> None:
    images = smooth(40, seed=7)
    found = features(images)
    away = []
    for left_out in range(len(images)):
        others = np.delete(found, left_out, axis=0)
        covariance = np.cov(others.T) + np.eye(8) * 0.01**2
        step = found[left_out] - others.mean(axis=0)
        away.append(float(np.sqrt(step @ np.linalg.inv(covariance) @ step)))
    assert Appearance.of(images).limit == pytest.approx(1.25 * np.quantile(away, 0.99), rel=0.005)


@pytest.mark.parametrize("num", [2, 3, 5])
def test_very_few_training_images_have_a_finite_limit(num: int) -> None:
    assert np.isfinite(Appearance.of(smooth(num, seed=8)).limit)
