"""Drawn lymph nodes: seeded, in Kaggle's layout, and labelled by what lies in the centre and nowhere else."""

import csv
import itertools
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from study.datasets.synthetic import lymph_node
from study.datasets.synthetic.lymph_node import NodeSlide
from study.datasets.synthetic.noise import Field
from study.errors import DataError, UnknownNameError

COUNTS = {"0": 14, "1": 9}


def _draw(root: Path, seed: int) -> None:
    lymph_node.draw_pcam(root, counts=COUNTS, num_unlabelled=4, seed=seed, size_px=24, with_slides=True)


def _files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def _table(path: Path) -> dict[str, str]:
    with path.open(newline="", encoding="utf-8") as file:
        return {row[0]: row[1] for row in csv.reader(file)}


def _slide(number: int, *, metastatic: bool = True) -> NodeSlide:
    return NodeSlide.sample(metastatic=metastatic, rng=np.random.default_rng(number))


def _patch(tumour: bool, number: int, size_px: int = 96) -> npt.NDArray[np.uint8]:
    rng = np.random.default_rng([number, 7])
    return lymph_node.draw_patch(tumour, slide=_slide(number), rng=rng, size_px=size_px)


def _cover(tumour: bool, number: int, size_px: int = 96) -> Field:
    rng = np.random.default_rng([number, 7])
    return lymph_node.tumour_cover(tumour, slide=_slide(number), rng=rng, size_px=size_px)


def test_same_seed_gives_same_bytes_and_no_two_images_are_identical(tmp_path: Path) -> None:
    for name, seed in (("first", 5), ("again", 5), ("other", 6)):
        _draw(tmp_path / name, seed)
    first, again, other = (_files(tmp_path / name) for name in ("first", "again", "other"))
    assert first == again
    assert not first.keys() & other.keys() - {"train_labels.csv", "patch_id_wsi_full.csv"}
    assert len({*first.values(), *other.values()}) == len(first) + len(other)


def test_stand_in_has_the_layout_and_counts_asked_for(tmp_path: Path) -> None:
    _draw(tmp_path, seed=0)
    labels = _table(tmp_path / "train_labels.csv")
    assert labels.pop("id") == "label"
    assert {label: list(labels.values()).count(label) for label in COUNTS} == COUNTS
    assert {path.name for path in (tmp_path / "train").iterdir()} == {f"{name}.tif" for name in labels}
    unlabelled = [path.stem for path in (tmp_path / "test").iterdir()]
    assert len(unlabelled) == 4
    assert all(re.fullmatch("[0-9a-f]{40}", name) for name in [*labels, *unlabelled])
    for path in tmp_path.rglob("*.tif"):
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("TIFF", "RGB", (24, 24))


def test_slides_hold_few_patches_and_healthy_ones_no_tumour(tmp_path: Path) -> None:
    _draw(tmp_path, seed=0)
    labels, slides = _table(tmp_path / "train_labels.csv"), _table(tmp_path / "patch_id_wsi_full.csv")
    assert slides.pop("id") == "wsi"
    assert slides.keys() == labels.keys() - {"id"}
    assert all(re.fullmatch(r"camelyon16_train_(normal|tumor)_\d{3}", slide) for slide in slides.values())
    assert max(list(slides.values()).count(slide) for slide in slides.values()) == 5
    assert {labels[name] for name, slide in slides.items() if "normal" in slide} == {"0"}
    assert {labels[name] for name, slide in slides.items() if "tumor" in slide} == {"0", "1"}


def test_slides_are_only_written_if_asked_for(tmp_path: Path) -> None:
    lymph_node.draw_pcam(tmp_path, counts={"1": 1}, num_unlabelled=0, seed=0, size_px=24)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["test", "train", "train_labels.csv"]


def test_order_of_ids_tells_nothing_about_labels(tmp_path: Path) -> None:
    lymph_node.draw_pcam(tmp_path, counts={"0": 60, "1": 60}, num_unlabelled=0, seed=1, size_px=12)
    labels = list(_table(tmp_path / "train_labels.csv").values())[1:]
    changes = sum(here != there for here, there in itertools.pairwise(labels))
    assert 40 < changes < 80
    assert 15 < labels[:60].count("1") < 45


@pytest.mark.parametrize("size_px", [24, 96, 100])
def test_tumour_in_the_central_square_is_what_the_label_says(size_px: int) -> None:
    # The central third, rounded outwards.
    centre = slice(size_px // 3, size_px - size_px // 3)
    for number in range(60):
        assert not _cover(False, number, size_px)[centre, centre].any()
        assert (_cover(True, number, size_px)[centre, centre] > 0.5).mean() > 0.1


def _border_shares(tumour: bool) -> np.ndarray:
    """Share of the outer frame, beyond the central 64 px, that tumour covers in each of 60 patches."""
    around = np.ones((96, 96), bool)
    around[16:80, 16:80] = False
    return np.array([_cover(tumour, number)[around].mean() for number in range(60)])


def test_tumour_in_the_border_goes_with_the_label_but_does_not_decide_it() -> None:
    negative, positive = (np.mean(_border_shares(tumour) > 0.1) for tumour in (False, True))
    assert 0.05 < negative < 0.4
    assert 0.4 < positive < 0.9


def test_painting_the_centre_over_hides_the_label_where_the_border_is_the_same() -> None:
    same = np.flatnonzero(_border_shares(False) == _border_shares(True))[:6]
    assert len(same) == 6
    for number in same.tolist():
        negative, positive = (_patch(tumour, number).astype(int) for tumour in (False, True))
        # Blur reaches a few pixels further.
        inside = np.abs(negative - positive)[14:82, 14:82]
        assert inside.max() > 30
        negative[14:82, 14:82] = positive[14:82, 14:82] = 0
        np.testing.assert_array_equal(negative, positive)


def test_healthy_nodes_have_no_tumour_anywhere() -> None:
    slide = _slide(0, metastatic=False)
    for number in range(10):
        assert not lymph_node.tumour_cover(False, slide=slide, rng=np.random.default_rng(number)).any()


def test_mean_colour_does_not_give_the_label_away() -> None:
    negative, positive = (np.array([_patch(t, n, 48).mean(axis=(0, 1)) for n in range(40)]) for t in (False, True))
    assert np.all(np.abs(negative.mean(axis=0) - positive.mean(axis=0)) < 0.5 * negative.std(axis=0))


@pytest.mark.parametrize("size_px", [16, 50, 128])
def test_patches_are_drawn_at_any_size(size_px: int) -> None:
    for number in range(12):
        for tumour in (False, True):
            patch = _patch(tumour, number, size_px)
            assert patch.shape == (size_px, size_px, 3)
            assert patch.dtype == np.uint8
            assert patch.std() > 5


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has none"):
        lymph_node.draw_patch(True, slide=_slide(0, metastatic=False), rng=np.random.default_rng(0))
    with pytest.raises(UnknownNameError, match="label"):
        lymph_node.draw_pcam(tmp_path, counts={"tumor": 1}, num_unlabelled=0, seed=0)
    assert not list(tmp_path.iterdir())
