from pathlib import Path

import pytest
from datasets.custom.conftest import Make

from study.datasets import DEVELOPMENT, TEST, VALIDATION
from study.datasets.custom.layouts.class_folders import find_layout, scan
from study.errors import DataError


def test_class_folders_are_found_in_their_natural_order(tmp_path: Path, make: Make) -> None:
    make("grade 2/a.png", "grade 10/b.png", "grade 1/c.png")
    found = find_layout(tmp_path)
    assert found.classes == ("grade 1", "grade 2", "grade 10")
    assert dict(found.sides) == {"": "train"}
    assert not found.grouped


@pytest.mark.parametrize(
    "names", [("train", "val", "test"), ("Training", "VALIDATION", "Testing"), ("tr", "dev", "te")]
)
def test_folders_called_like_splits_are_splits(tmp_path: Path, make: Make, names: tuple[str, str, str]) -> None:
    make(*(f"{side}/{each}/{each}.png" for side in names for each in ("no", "yes")))
    found = find_layout(tmp_path)
    assert dict(found.sides) == dict(zip(names, ("train", "val", "test"), strict=True))
    samples = scan(tmp_path, sides=found.sides, classes=found.classes)
    assert [s.side for s in samples if s.path.startswith(names[0])] == [DEVELOPMENT] * 2
    assert [s.side for s in samples if s.path.startswith(names[1])] == [VALIDATION] * 2
    assert [s.side for s in samples if s.path.startswith(names[2])] == [TEST] * 2


def test_folders_within_a_class_are_groups_of_the_same_name_across_classes(tmp_path: Path, make: Make) -> None:
    make("no/p1/1.png", "no/p1/2.png", "yes/p1/3.png", "yes/p2/scan/4.png", "yes/5.png")
    assert find_layout(tmp_path).grouped
    samples = scan(tmp_path, sides={"": "train"}, classes=("no", "yes"))
    assert {s.path: s.group for s in samples} == {
        "no/p1/1.png": "p1",
        "no/p1/2.png": "p1",
        "yes/p1/3.png": "p1",
        "yes/p2/scan/4.png": "p2",
        "yes/5.png": "",
    }


def test_every_file_is_an_image_until_it_cant_be_read_but_litter_is_none(tmp_path: Path, make: Make) -> None:
    make("no/1.png", "yes/2.png")
    for name in ("Thumbs.db", ".DS_Store", "slice.dcm"):
        (tmp_path / "yes" / name).write_bytes(b"x")
    samples = scan(tmp_path, sides={"": "train"}, classes=("no", "yes"))
    assert [s.path for s in samples] == ["no/1.png", "yes/2.png", "yes/slice.dcm"]


def test_names_with_brackets_are_names(tmp_path: Path, make: Make) -> None:
    make("[Malignant] Pro-B/a[1].png", "Benign/b.png")
    found = find_layout(tmp_path)
    samples = scan(tmp_path, sides=found.sides, classes=found.classes)
    assert sorted(s.path for s in samples) == ["Benign/b.png", "[Malignant] Pro-B/a[1].png"]


def test_a_folder_that_came_later_belongs_to_no_class_and_is_refused(tmp_path: Path, make: Make) -> None:
    make("no/1.png", "yes/2.png", "maybe/3.png")
    with pytest.raises(DataError, match="maybe is none of no, yes"):
        scan(tmp_path, sides={"": "train"}, classes=("no", "yes"))
