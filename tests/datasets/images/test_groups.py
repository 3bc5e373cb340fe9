"""What `--groups` keeps in one split."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from study.datasets import DEVELOPMENT, Sample
from study.datasets.images import groups
from study.datasets.images.pixel_cache import ImageStore, prepare


@pytest.fixture
def images(tmp_path: Path) -> tuple[list[Sample], ImageStore]:
    """A picture, its copy, itself turned, a slightly shifted one, and another; the last two of one patient."""
    random = np.random.default_rng(0)
    picture, other = (random.normal(128, 40, (4, 4)).clip(0, 255).repeat(16, 0).repeat(16, 1) for _ in range(2))
    arrays = [picture, picture, np.rot90(picture), np.roll(picture, 1, axis=1), other]
    for number, array in enumerate(arrays):
        Image.fromarray(array.astype(np.uint8)).save(tmp_path / f"{number}.png")
    store = prepare(tmp_path, [f"{n}.png" for n in range(5)], size_px=32, cache=tmp_path / "cache", show_progress=False)
    patients = ["", "", "", "patient", "patient"]
    return [Sample(path, DEVELOPMENT, 0, p) for path, p in zip(store.paths, patients, strict=True)], store


def together(grouping: groups.Grouping) -> set[tuple[int, int]]:
    """Which two images have something in common, directly."""

    def equal(labels: Sequence[str]) -> set[tuple[int, int]]:
        return {(i, j) for j in range(len(labels)) for i in range(j) if labels[i] and labels[i] == labels[j]}

    return equal(grouping.sha256) | equal([s.group for s in grouping.samples]) | set(grouping.links)


def test_by_default_copies_and_patients_stay_together(images: tuple[list[Sample], ImageStore]) -> None:
    assert together(groups.of(groups.DEFAULT, *images)) == {(0, 1), (0, 2), (3, 4)}


def test_look_alikes_go_apart_where_only_equal_pixels_count(images: tuple[list[Sample], ImageStore]) -> None:
    assert together(groups.of(groups.EXACT, *images)) == {(0, 1), (3, 4)}


def test_similar_images_stay_together_on_request(images: tuple[list[Sample], ImageStore]) -> None:
    assert together(groups.of(groups.SIMILARITY, *images)) == {(0, 1), (0, 2), (0, 3), (3, 4)}


def test_without_groups_even_copies_go_apart(images: tuple[list[Sample], ImageStore]) -> None:
    assert together(groups.of(groups.NONE, *images)) == set()


def test_duplicates_are_counted_whatever_is_done_with_them(images: tuple[list[Sample], ImageStore]) -> None:
    counted = groups.counts(*images)
    assert (counted["extra_copies"], counted["byte_identical_copies"], counted["look_alike_links"]) == (1, 1, 1)


def test_what_was_found_is_kept_and_read_again(images: tuple[list[Sample], ImageStore]) -> None:
    store = images[1]
    found = store.same_pictures()
    (kept,) = store.path.parent.glob("*-same-*.npz")
    before = kept.stat().st_mtime_ns
    again = store.same_pictures()
    assert (again.links, again.scale) == (found.links, found.scale)
    assert kept.stat().st_mtime_ns == before
