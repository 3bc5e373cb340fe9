from pathlib import Path

import pytest
from datasets.custom.conftest import Make

from study.datasets import DEVELOPMENT, TEST
from study.datasets.custom.layouts.labels_table import classes_of, find_columns, scan
from study.errors import DataError
from study.spec import Table


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "labels.csv"


def test_columns_are_found_by_their_usual_names(table: Path) -> None:
    table.write_text("\ufeffPatient_ID,Filename,dx,age\np1,a.png,no,3\n", encoding="utf-8")
    assert find_columns(table) == {"image": "Filename", "label": "dx", "group": "Patient_ID", "split": ""}


@pytest.mark.parametrize("separator", [";", "\t"])
def test_semicolons_and_tabs_part_columns_too(table: Path, separator: str) -> None:
    table.write_text(separator.join(["id", "label"]) + "\n" + separator.join(["a", "no"]) + "\n")
    assert find_columns(table)["label"] == "label"


def test_a_named_column_wins_over_a_usual_name(table: Path) -> None:
    table.write_text("image,label,grade\na,x,1\n")
    assert find_columns(table, label="grade")["label"] == "grade"


def test_a_fold_is_no_split(table: Path) -> None:
    table.write_text("image,label,fold\na,x,3\n")
    assert find_columns(table)["split"] == ""


def test_rows_name_images_by_path_by_name_or_without_suffix(tmp_path: Path, make: Make, table: Path) -> None:
    make("one/a.png", "one/b.jpg", "two/c.tif", "two/d.png")
    table.write_text(
        "image,label,patient,split\n./one/a.png,x,1,train\nb.jpg,y,1,train\nc,x,2,Test\ntwo\\d.png,y,2,test\n"
    )
    declared = Table(file="labels.csv", image="image", label="label", group="patient", split="split")
    samples, unlabelled = scan(tmp_path, declared, ("x", "y"))
    assert [(s.path, s.side, s.target, s.group) for s in samples] == [
        ("one/a.png", DEVELOPMENT, 0, "1"),
        ("one/b.jpg", DEVELOPMENT, 1, "1"),
        ("two/c.tif", TEST, 0, "2"),
        ("two/d.png", TEST, 1, "2"),
    ]
    assert unlabelled == 0


def test_a_path_of_another_machine_is_found_by_its_end(tmp_path: Path, make: Make, table: Path) -> None:
    make("p1/a.png", "p2/b.png")
    table.write_text("image,label\n/home/her/data/p1/a.png,x\nC:\\data\\p2\\b.png,y\n")
    samples, _ = scan(tmp_path, Table(file="labels.csv", image="image", label="label"), ("x", "y"))
    assert [s.path for s in samples] == ["p1/a.png", "p2/b.png"]


def test_a_path_of_another_patient_is_not_taken_for_this_one(tmp_path: Path, make: Make, table: Path) -> None:
    make("p1/a.png")
    table.write_text("image,label\np2/a.png,x\n")
    with pytest.raises(DataError, match="there is none"):
        scan(tmp_path, Table(file="labels.csv", image="image", label="label"), ("x", "y"))


def test_images_without_a_row_are_counted(tmp_path: Path, make: Make, table: Path) -> None:
    make("a.png", "b.png", "c.png")
    table.write_text("image,label\na,x\nb,y\n")
    assert scan(tmp_path, Table(file="labels.csv", image="image", label="label"), ("x", "y"))[1] == 1


def test_an_id_keeps_its_zeros(tmp_path: Path, make: Make, table: Path) -> None:
    make("007.png", "7.png")
    table.write_text("id,label\n007,x\n7,y\n")
    samples, _ = scan(tmp_path, Table(file="labels.csv", image="id", label="label"), ("x", "y"))
    assert [(s.path, s.target) for s in samples] == [("007.png", 0), ("7.png", 1)]


def test_a_name_that_two_files_have_is_refused(tmp_path: Path, make: Make, table: Path) -> None:
    make("one/a.png", "two/a.png")
    table.write_text("image,label\na.png,x\n")
    with pytest.raises(DataError, match=r"there are 2: one/a\.png, two/a\.png"):
        scan(tmp_path, Table(file="labels.csv", image="image", label="label"), ("x", "y"))


def test_a_measurement_is_no_class(table: Path) -> None:
    table.write_text("image,label\n" + "".join(f"{i},{i / 7}\n" for i in range(150)))
    with pytest.raises(DataError, match="150 different values in 150 rows"):
        classes_of(table, "label")
