"""Traps of single datasets: brackets, two published versions, folders given one level too high."""

import re
from collections import Counter
from pathlib import Path

import pytest

from study import datasets
from study.datasets import DEVELOPMENT, TEST
from study.errors import DataError

BLOOD = ("Benign", "[Malignant] early Pre-B", "[Malignant] Pre-B", "[Malignant] Pro-B")
BLOOD_TOP = "Blood cell Cancer [ALL]"
FIRST = ("glioma_tumor", "meningioma_tumor", "no_tumor", "pituitary_tumor")
SECOND = ("glioma", "meningioma", "notumor", "pituitary")


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def blood(root: Path) -> None:
    touch(root, *(f"{folder}/Snap_{i:03d}.jpg" for n, folder in enumerate(BLOOD, 1) for i in range(n)))


def mri(root: Path, folders: tuple[str, ...], *sides: str) -> None:
    touch(root, *(f"{s}/{f}/Tr-{i}.jpg" for s in sides for n, f in enumerate(folders, 1) for i in range(n)))


def test_blood_cells_are_read_from_the_folder_or_the_one_above(tmp_path: Path) -> None:
    dataset = datasets.find("blood_cell_all")
    blood(tmp_path / BLOOD_TOP)
    above, inside = dataset.scan(tmp_path), dataset.scan(tmp_path / BLOOD_TOP)
    assert [f"{BLOOD_TOP}/{s.path}" for s in inside] == [s.path for s in above]
    assert [(s.side, s.target) for s in inside] == [(s.side, s.target) for s in above]
    assert Counter(dataset.classes[s.target] for s in inside) == {"benign": 1, "early_pre_b": 2, "pre_b": 3, "pro_b": 4}
    assert {s.side for s in above} == {DEVELOPMENT}
    by_folder = {Path(s.path).parent.name: dataset.classes[s.target] for s in inside}
    assert by_folder == dict(zip(BLOOD, dataset.classes, strict=True))


def test_a_blood_cell_folder_that_lacks_a_class_is_refused_with_what_was_expected(tmp_path: Path) -> None:
    blood(tmp_path)
    (tmp_path / BLOOD[1] / "Snap_000.jpg").rename(tmp_path / "Benign" / "a.jpg")
    (tmp_path / BLOOD[1] / "Snap_001.jpg").rename(tmp_path / "Benign" / "b.jpg")
    with pytest.raises(DataError, match=re.escape(f"{tmp_path / BLOOD[1]} has none")):
        datasets.find("blood_cell_all").scan(tmp_path)
    (tmp_path / BLOOD[1]).rmdir()
    with pytest.raises(DataError, match=re.escape(f"{tmp_path / BLOOD[1]} does not exist")) as refusal:
        datasets.find("blood_cell_all").scan(tmp_path)
    for folder in BLOOD:
        assert folder in str(refusal.value)
    with pytest.raises(DataError, match=re.escape(BLOOD_TOP)):
        datasets.find("blood_cell_all").scan(tmp_path / "Benign")


@pytest.mark.parametrize("folders", [FIRST, SECOND])
def test_both_published_brain_mri_versions_are_read(tmp_path: Path, folders: tuple[str, ...]) -> None:
    mri(tmp_path, folders, "Training", "Testing")
    dataset = datasets.find("brain_tumor_mri")
    samples = dataset.scan(tmp_path)
    numbers = {dataset.classes[t]: t + 1 for t in range(4)}
    for side in (DEVELOPMENT, TEST):
        assert Counter(dataset.classes[s.target] for s in samples if s.side == side) == numbers
    assert {Path(s.path).parent.name: s.target for s in samples} == {f: i for i, f in enumerate(folders)}


def test_two_brain_mri_versions_in_one_folder_are_refused(tmp_path: Path) -> None:
    mri(tmp_path, FIRST, "Training", "Testing")
    mri(tmp_path, SECOND, "Testing")
    with pytest.raises(
        DataError, match=r"one published version, but .* holds Training/glioma_tumor and Testing/glioma,"
    ):
        datasets.find("brain_tumor_mri").scan(tmp_path)


def test_a_folder_of_neither_brain_mri_version_is_refused_with_both(tmp_path: Path) -> None:
    touch(tmp_path, "Training/tumour/a.jpg", "Testing/tumour/b.jpg")
    with pytest.raises(DataError, match="has none of them") as refusal:
        datasets.find("brain_tumor_mri").scan(tmp_path)
    for folder in (*FIRST, *SECOND):
        assert folder in str(refusal.value)


def test_a_brain_mri_version_without_its_test_side_is_refused(tmp_path: Path) -> None:
    mri(tmp_path, SECOND, "Training")
    with pytest.raises(DataError, match=re.escape(f"{tmp_path / 'Testing/glioma'} does not exist")):
        datasets.find("brain_tumor_mri").scan(tmp_path)


def test_both_bci_datasets_read_the_same_files(tmp_path: Path) -> None:
    touch(tmp_path, *(f"IHC/{side}/0000{i}_{side}_{s}.png" for side in ("train", "test") for i, s in enumerate("0123")))
    for file in [*(tmp_path / "IHC/train").iterdir(), *(tmp_path / "IHC/test").iterdir()]:
        file.rename(file.with_name(re.sub(r"_([123])\.png$", r"_\1+.png", file.name)))
    status, score = (datasets.find(name).scan(tmp_path) for name in ("bci_her2_binary", "bci_her2_score"))
    assert [s.path for s in status] == [s.path for s in score]
    assert [(a.target, b.target) for a, b in zip(status, score, strict=True)] == [(0, 0), (0, 1), (1, 2), (1, 3)] * 2
