"""Published folder layouts are read as they are, and a folder that doesn't fit is refused by name."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from study.datasets import DEVELOPMENT, TEST, Sample, readers
from study.datasets.layouts import bci
from study.datasets.layouts.class_folders import class_folders, image_files
from study.errors import DataError

SIDES = {"Training": DEVELOPMENT, "Testing": TEST}
TARGETS = {"[Malignant] Pre-B": 0, "Benign (x)*": 1}
SCORES = {"0": 0, "1+": 0, "2+": 1, "3+": 1}


def touch(root: Path, *names: str) -> None:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def full_layout(root: Path) -> list[str]:
    names = [f"{side}/{folder}/image(1).jpg" for side in SIDES for folder in TARGETS]
    touch(root, *names)
    return names


def test_class_folders_give_side_and_target_also_with_brackets_in_their_names(tmp_path: Path) -> None:
    full_layout(tmp_path)
    assert class_folders(tmp_path, sides=SIDES, targets=TARGETS) == [
        Sample("Training/[Malignant] Pre-B/image(1).jpg", DEVELOPMENT, 0),
        Sample("Training/Benign (x)*/image(1).jpg", DEVELOPMENT, 1),
        Sample("Testing/[Malignant] Pre-B/image(1).jpg", TEST, 0),
        Sample("Testing/Benign (x)*/image(1).jpg", TEST, 1),
    ]


def test_only_images_are_listed_sorted_by_name(tmp_path: Path) -> None:
    touch(tmp_path, "b.JPG", "a.png", "c.tif", "._a.png", "notes.txt", "Thumbs.db", "inner.png/d.png")
    assert [p.name for p in image_files(tmp_path, readers.known())] == ["a.png", "b.JPG", "c.tif"]


def test_a_missing_class_folder_is_named_with_what_was_expected(tmp_path: Path) -> None:
    missing, *_ = full_layout(tmp_path)
    folder = (tmp_path / missing).parent
    (tmp_path / missing).unlink()
    folder.rmdir()
    with pytest.raises(DataError, match=re.escape(f"{folder} does not exist")) as refusal:
        class_folders(tmp_path, sides=SIDES, targets=TARGETS)
    for name in (*SIDES, *TARGETS):
        assert name in str(refusal.value)


def test_a_class_folder_without_images_is_named(tmp_path: Path) -> None:
    *_, last = full_layout(tmp_path)
    (tmp_path / last).rename((tmp_path / last).with_suffix(".txt"))
    with pytest.raises(DataError, match=re.escape(f"{(tmp_path / last).parent} has none")):
        class_folders(tmp_path, sides=SIDES, targets=TARGETS)


@pytest.mark.parametrize("name", ["", "nothing/here"])
def test_an_empty_or_absent_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="does not exist"):
        class_folders(tmp_path / name, sides=SIDES, targets=TARGETS)
    with pytest.raises(DataError, match="does not exist"):
        bci.scan(tmp_path / name, target_of_score=SCORES)


def bci_layout(root: Path, train: Sequence[str]) -> None:
    touch(root, *(f"IHC/train/{name}" for name in train), "IHC/test/00000_test_3+.png")


def test_bci_scores_are_read_from_the_end_of_the_names(tmp_path: Path) -> None:
    bci_layout(tmp_path, ["00000_train_0.png", "00001_train_1+.png", "00002_train_2+.png", "00003_train_3+.png"])
    samples = bci.scan(tmp_path, target_of_score=SCORES)
    assert [(s.side, s.target) for s in samples] == [
        (DEVELOPMENT, 0),
        (DEVELOPMENT, 0),
        (DEVELOPMENT, 1),
        (DEVELOPMENT, 1),
        (TEST, 1),
    ]
    assert samples[0].path == "IHC/train/00000_train_0.png"


@pytest.mark.parametrize("name", ["00001_train.png", "00001_train_4+.png", "00001_train_1.png", "00001_train_1+.jpg"])
def test_a_bci_image_without_a_score_in_its_name_is_named(tmp_path: Path, name: str) -> None:
    bci_layout(tmp_path, ["00000_train_0.png", name])
    with pytest.raises(DataError, match=re.escape(f"IHC/train/{name} does not")):
        bci.scan(tmp_path, target_of_score=SCORES)


def test_a_bci_folder_without_images_is_named(tmp_path: Path) -> None:
    bci_layout(tmp_path, [])
    (tmp_path / "IHC/train").mkdir()
    with pytest.raises(DataError, match=re.escape(str(tmp_path / "IHC/train"))):
        bci.scan(tmp_path, target_of_score=SCORES)
