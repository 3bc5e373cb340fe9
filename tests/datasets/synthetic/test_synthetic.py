"""Drawn stand-ins: seeded, in the datasets' own layouts, and showing what their labels say."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from skimage.color import rgb2hed

from study.datasets.synthetic import brain_mri, her2
from study.datasets.synthetic.stains import SlideStain
from study.errors import DataError, UnknownNameError

BCI_COUNTS = {"train": {"0": 1, "1+": 3, "2+": 4, "3+": 2}, "test": {"1+": 2, "3+": 1}}
MRI_COUNTS = {
    "Training": {"glioma_tumor": 2, "meningioma_tumor": 2, "no_tumor": 1, "pituitary_tumor": 2},
    "Testing": {"glioma_tumor": 1, "no_tumor": 2},
}


def _draw_bci(root: Path, seed: int) -> None:
    her2.draw_bci(root, counts=BCI_COUNTS, seed=seed, size_px=32)


def _draw_mri(root: Path, seed: int) -> None:
    brain_mri.draw_brain_tumor_mri(root, counts=MRI_COUNTS, seed=seed, size_px=32)


def _files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def _patch(score: int, number: int, size_px: int = 64) -> npt.NDArray[np.uint8]:
    rng = np.random.default_rng([score, number])
    return her2.draw_patch(score, slide=SlideStain.sample(rng), size_px=size_px, rng=rng)


@pytest.mark.parametrize("draw", [_draw_bci, _draw_mri])
def test_same_seed_gives_same_bytes_and_no_two_images_are_identical(
    tmp_path: Path, draw: Callable[[Path, int], None]
) -> None:
    for name, seed in (("first", 5), ("again", 5), ("other", 6)):
        draw(tmp_path / name, seed)
    first, again, other = (_files(tmp_path / name) for name in ("first", "again", "other"))
    assert first == again
    assert len({*first.values(), *other.values()}) == len(first) + len(other)


def test_bci_stand_in_has_the_layout_and_counts_asked_for(tmp_path: Path) -> None:
    _draw_bci(tmp_path, seed=0)
    names = sorted(_files(tmp_path))
    for split, by_score in BCI_COUNTS.items():
        inside = [name for name in names if name.startswith(f"IHC/{split}/")]
        numbers = [Path(name).name.split("_")[0] for name in inside]
        assert numbers == [f"{n:05d}" for n in range(sum(by_score.values()))]
        assert {s: sum(n.endswith(f"_{split}_{s}.png") for n in inside) for s in by_score} == by_score
    with Image.open(tmp_path / names[0]) as image:
        assert (image.mode, image.size) == ("RGB", (32, 32))


def test_brain_mri_stand_in_has_the_layout_and_counts_asked_for(tmp_path: Path) -> None:
    _draw_mri(tmp_path, seed=0)
    wanted = {
        f"{split}/{folder}/image({n}).jpg"
        for split, by_folder in MRI_COUNTS.items()
        for folder, number in by_folder.items()
        for n in range(1, number + 1)
    }
    assert set(_files(tmp_path)) == wanted
    with Image.open(tmp_path / "Training/no_tumor/image(1).jpg") as image:
        assert (image.mode, image.size) == ("L", (32, 32))


def test_dab_grows_with_the_score_on_average() -> None:
    dab = [np.mean([rgb2hed(_patch(score, n))[..., 2].mean() for n in range(40)]) for score in range(4)]
    assert dab == sorted(dab)
    assert dab[3] - dab[0] > 0.01


def test_scores_overlap_in_mean_brownness() -> None:
    negative = [rgb2hed(_patch(1, n))[..., 2].mean() for n in range(40)]
    positive = [rgb2hed(_patch(2, n))[..., 2].mean() for n in range(40)]
    assert max(negative) > np.median(positive)


@pytest.mark.parametrize("size_px", [16, 50, 128])
def test_every_class_is_drawn_at_any_size(size_px: int) -> None:
    for score in range(4):
        patch = _patch(score, 0, size_px)
        assert patch.shape == (size_px, size_px, 3)
        assert patch.dtype == np.uint8
        assert patch.std() > 5
    for number in range(12):
        for tumor in brain_mri.TUMORS:
            grey = brain_mri.draw_slice(tumor, size_px=size_px, rng=np.random.default_rng(number))
            assert grey.shape == (size_px, size_px)
            assert grey.dtype == np.uint8
            assert grey.std() > 5


def test_unknown_labels_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match="0, 1, 2 or 3, but is 4"):
        her2.draw_patch(4, slide=SlideStain.sample(rng), size_px=32, rng=rng)
    with pytest.raises(UnknownNameError, match="Did you mean 'glioma'"):
        brain_mri.draw_slice("gliom", size_px=32, rng=rng)
    with pytest.raises(UnknownNameError, match="HER2 score"):
        her2.draw_bci(tmp_path, counts={"train": {"4+": 1}}, seed=0)
    with pytest.raises(UnknownNameError, match="class folder"):
        brain_mri.draw_brain_tumor_mri(tmp_path, counts={"Training": {"glioma": 1}}, seed=0)
