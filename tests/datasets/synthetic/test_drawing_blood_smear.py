"""Drawn blood smears: seeded, in the dataset's layout, and told apart by the cells' shape, not by colour."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy.stats import rankdata

from study.datasets.synthetic import blood_smear
from study.datasets.synthetic.blood_cells import Film, Lymphoid, draw_lymphoid
from study.datasets.synthetic.outlines import Place, scatter
from study.errors import UnknownNameError

COUNTS = {"Benign": 2, "[Malignant] early Pre-B": 1, "[Malignant] Pre-B": 3, "[Malignant] Pro-B": 2}


def _draw(root: Path, seed: int) -> None:
    blood_smear.draw_blood_cell_all(root, counts=COUNTS, seed=seed, size_px=40)


def _files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def _field(kind: str, number: int, size_px: int = 64) -> npt.NDArray[np.uint8]:
    return blood_smear.draw_field(kind, size_px=size_px, rng=np.random.default_rng([number, len(kind)]))


def test_same_seed_gives_same_bytes_and_no_two_images_are_identical(tmp_path: Path) -> None:
    for name, seed in (("first", 5), ("again", 5), ("other", 6)):
        _draw(tmp_path / name, seed)
    first, again, other = (_files(tmp_path / name) for name in ("first", "again", "other"))
    assert first == again
    assert len({*first.values(), *other.values()}) == len(first) + len(other)


def test_more_images_leave_the_first_ones_as_they_are(tmp_path: Path) -> None:
    blood_smear.draw_blood_cell_all(tmp_path / "few", counts={"[Malignant] Pre-B": 1}, seed=5, size_px=40)
    _draw(tmp_path / "more", 5)
    few, more = _files(tmp_path / "few"), _files(tmp_path / "more")
    assert few.items() <= more.items()


def test_stand_in_has_the_layout_and_counts_asked_for(tmp_path: Path) -> None:
    _draw(tmp_path, seed=0)
    wanted = {
        f"Blood cell Cancer [ALL]/{folder}/Snap_{n:03d}.jpg"
        for folder, number in COUNTS.items()
        for n in range(1, number + 1)
    }
    assert set(_files(tmp_path)) == wanted
    for path in tmp_path.rglob("*.jpg"):
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (40, 40))


@pytest.mark.parametrize("size_px", [16, 50, 128])
def test_every_class_is_drawn_at_any_size(size_px: int) -> None:
    for kind in blood_smear.KINDS:
        field = _field(kind, 0, size_px)
        assert field.shape == (size_px, size_px, 3)
        assert field.dtype == np.uint8
        assert field.std() > 5


def test_mean_colour_does_not_give_a_class_away() -> None:
    # About the area under the ROC curve of each channel's mean, for each class against the others.
    labels = np.repeat(np.arange(4), 30)
    means = np.array([_field(kind, n).mean(axis=(0, 1)) for kind in blood_smear.KINDS for n in range(30)])
    for mean in means.T:
        ranks = rankdata(mean)
        for label in range(4):
            area = (ranks[labels == label].sum() - 30 * 31 / 2) / (30 * 90)
            assert 0.25 < area < 0.75


def test_condensed_chromatin_is_rougher_and_a_blast_larger() -> None:
    def purple(radius_px: float, clumping: float) -> npt.NDArray[np.float32]:
        film = Film.empty(100, 1.5, np.random.default_rng(3))
        cell = Lymphoid(radius_px, 0.85, clumping, 0, 0.0, 0.02, 0.3, 0, 1.2)
        draw_lymphoid(film, (50, 50), cell, np.random.default_rng(4))
        return film.purple

    hematogone, blast = purple(20, 0.8), purple(28, 0.1)
    assert (blast > 0.3).sum() > 1.5 * (hematogone > 0.3).sum()
    assert hematogone[42:58, 42:58].std() > 2 * blast[42:58, 42:58].std()


def test_scattered_discs_keep_apart() -> None:
    taken = [Place((20.0, 20.0), 12.0)]
    places = scatter([6.0] * 30, taken, size_px=60, overlap=0.2, rng=np.random.default_rng(0))
    found = [place for place in places if place]
    assert len(places) == 30
    assert 3 < len(found) < 30
    for number, place in enumerate(found):
        assert np.hypot(place.at_px[0] - 20, place.at_px[1] - 20) > 18
        for other in found[:number]:
            assert np.hypot(place.at_px[0] - other.at_px[0], place.at_px[1] - other.at_px[1]) > 0.8 * 12


def test_unknown_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'benign'"):
        blood_smear.draw_field("benig", size_px=32, rng=np.random.default_rng(0))
    with pytest.raises(UnknownNameError, match="class folder"):
        blood_smear.draw_blood_cell_all(tmp_path, counts={"Pre-B": 1}, seed=0)
    assert not list(tmp_path.iterdir())
