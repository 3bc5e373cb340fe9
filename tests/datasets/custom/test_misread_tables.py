"""Tables as people have them: read rightly or refused with a remedy that works, never misread without a word."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import pytest
from datasets.custom.conftest import Make, Said

from study.datasets.custom.layouts import labels_table
from study.datasets.custom.several_labels import separator_of

Write = Callable[..., tuple[str, str]]


@pytest.fixture
def table(tmp_path: Path, make: Make) -> Write:
    """Writes a table with an image for each row, and returns the flag that names it."""

    def table(header: str, rows: Sequence[str], *, image: str = "{}.png", end: str = "") -> tuple[str, str]:
        make(*(f"images/{number}.png" for number in range(len(rows))))
        lines = [header, *(f"{image.format(number)},{row}" for number, row in enumerate(rows))]
        (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n" + end)
        return "--labels", str(tmp_path / "labels.csv")

    return table


def test_several_findings_with_bars_are_no_class_of_their_own(table: Write, refused: Said) -> None:
    findings = ["No Finding", "Atelectasis", "Atelectasis|Effusion", "Effusion"] * 3
    given = table("Image Index,Finding Labels,Patient ID", [f"{f},{n // 2}" for n, f in enumerate(findings)])
    said = refused(*given)
    assert "3 of 12 rows of labels.csv seem to have several in 'Finding Labels', parted by '|'" in said
    assert "the first is 'Atelectasis|Effusion' in row 4" in said
    assert "take these rows out, or add a column that says of one label yes or no" in said


@pytest.mark.parametrize(
    ("labels", "separator"),
    [
        (("A", "B", "A;B"), ";"),
        (("A|B", "B|C", "D"), "|"),
        (("A", "B", "A, B"), ","),
        (("A", "B", "A/B"), "/"),
        (("A", "A, B", "A, C"), ","),
        (("Edema", "Effusion, Edema"), ","),
        (("['A']", "['B']", "['A', 'B']"), ","),
        (("virus", "bacteria", "virus & bacteria"), "&"),
    ],
)
def test_several_labels_in_a_cell_are_known_by_what_parts_them(labels: tuple[str, ...], separator: str) -> None:
    assert separator_of(labels)[0] == separator


@pytest.mark.parametrize(
    "labels",
    [
        ("N/A", "normal", "tumour"),
        ("grade 1, invasive", "grade 2, invasive", "grade 1, in situ"),
        ("no tumour", "tumour"),
        ("benign_keratosis", "benign_nevus", "melanoma"),
        ("non-small cell", "small cell"),
        ("-1", "0", "1"),
        ("carcinoma", "carcinoma, ductal"),
        ("T1", "T2", "T1c"),
        ("pigmented benign keratosis", "actinic keratosis", "solar lentigo", "lentigo NOS"),
        ("invasive ductal carcinoma", "ductal carcinoma in situ"),
        ("small cell carcinoma", "non small cell carcinoma"),
        ("nodular melanoma", "melanoma in situ"),
        ("Diabetic Retinopathy", "Retinopathy of prematurity"),
        ("Tomato_Bacterial_spot", "Tomato_Septoria_leaf_spot", "Tomato_Leaf_Mold"),
        ("0+0", "3+3", "3+4", "4+3"),
        ("ulcerative-colitis-grade-1", "ulcerative-colitis-grade-1-2", "ulcerative-colitis-grade-2"),
        ("0-20", "20-40"),
        ("No", "No tumor", "tumor"),
        ("1", "2", "1-2"),
        ("invasive, ductal", "lobular, invasive"),
        ("A", "N/A"),
    ],
)
def test_names_of_classes_may_hold_what_parts_labels_elsewhere(labels: tuple[str, ...]) -> None:
    assert separator_of(labels) == ("", [])


def test_of_a_doubtful_separator_the_other_name_is_the_first_remedy(table: Write, refused: Said) -> None:
    said = refused(*table("image,label", ["A", "B", "A/B"] * 3))
    assert "If it is the name of one class, rename it, without '/'. Studies of several labels" in said


def test_more_than_a_hundred_combinations_are_called_several_labels(table: Write, refused: Said) -> None:
    given = table("image,label", [f"A|f{number}" for number in range(101)])
    assert "parted by '|'" in refused(*given)


def test_a_column_for_each_class_is_refused_with_the_columns_named(table: Write, refused: Said) -> None:
    hot = ["1.0,0.0,0.0", "0.0,1.0,0.0", "0.0,0.0,1.0"] * 3
    said = refused(*table("image,MEL,NV,BCC", [*hot, "0.0,0.0,0.0"]))
    assert "a column of 0 and 1 for each class: MEL, NV, BCC" in said
    assert "9 of 10 rows have one 1; 1 have none or several of them" in said
    assert "Add a column label that holds the name of the column that is 1" in said


def test_what_a_spreadsheet_leaves_behind_is_left_out_with_a_word(table: Write, read: Said) -> None:
    rows = [f"{('normal', 'tumour')[number % 2]},," for number in range(8)]
    said = read(*table("image,label,,", rows, end=",,,\n,,,\n\n"))
    assert "8 images in 2 classes: normal 4, tumour 4" in said
    assert "left out 2 empty columns and 3 empty rows of the table" in said


def test_rows_are_numbered_as_in_the_file_whatever_is_left_out(table: Write, refused: Said) -> None:
    given = table("image,label,", ["a,", "b,"] * 4, end=",,\n\nnowhere.png,a,\n")
    assert "of 'nowhere.png' (row 12 of labels.csv) there is none" in refused(*given)


def test_files_that_are_missing_are_counted_and_named(table: Write, refused: Said, tmp_path: Path) -> None:
    given = table("image,label", ["a", "b"] * 4)
    for number in (3, 6):
        (tmp_path / "images" / f"{number}.png").unlink()
    said = refused(*given)
    assert "of '3.png' (row 5 of labels.csv) there is none; so it is with 2 of 8 rows (also '6.png')" in said
    assert "Add the files, or take these rows out" in said


def test_folds_and_flags_of_splits_that_are_not_used_are_said(table: Write, read: Said) -> None:
    said = read(*table("image,label,fold,is_test,sex", [f"{'ab'[n % 2]},{n % 4},{n % 3 // 2},F" for n in range(12)]))
    assert "NOT USED column 'fold', which says '0', '1', '2' and nowhere train, val or test (--split-column)" in said
    assert "NOT USED column 'is_test', which says '0', '1'" in said
    assert "drawn: 15 % test" in said


def test_a_column_that_says_train_and_test_is_the_split_whatever_it_is_called(table: Write, read: Said) -> None:
    said = read(
        *table("image,label,Usage", [f"{'ab'[n % 2]},{'Test set' if n > 7 else 'Training'}" for n in range(12)])
    )
    assert "splits as given (train 8, test 4)" in said
    assert "split 'Usage'" in said


def test_a_column_called_split_that_says_nothing_of_splits_is_none(table: Write, read: Said) -> None:
    said = read(*table("image,label,set", [f"{'ab'[n % 2]},{('TR', 'MR', 'PS')[n % 3]}" for n in range(12)]))
    assert "NOT USED column 'set'" in said


def test_folders_of_splits_that_a_table_passes_over_are_said(make: Make, read: Said, tmp_path: Path) -> None:
    names = [f"{side}/{number}.png" for side in ("train", "test") for number in range(6)]
    make(*names)
    rows = [f"{name},{'ab'[number % 2]}" for number, name in enumerate(names)]
    (tmp_path / "labels.csv").write_text("\n".join(["image,label", *rows]))
    said = read("--labels", str(tmp_path / "labels.csv"))
    assert "NOT USED splits in the names of folders or files (train 6, test 6)" in said
    assert "say them in a column split of a table" in said


def test_two_columns_that_say_train_and_test_are_refused(table: Write, refused: Said) -> None:
    rows = [f"{'ab'[n % 2]},{'test' if n > 7 else 'train'},{'test' if n < 4 else 'train'}" for n in range(12)]
    assert "labels.csv has several: one, two. Give --split-column" in refused(*table("image,label,one,two", rows))


def test_a_column_that_may_tell_patients_is_said(table: Write, read: Said) -> None:
    said = read(*table("image,label,lesion_id", [f"{'ab'[n % 2]},{n // 2}" for n in range(12)]))
    assert "NOT USED column 'lesion_id': if it says which images are of one patient, give it as --group-column" in said


def test_a_group_that_is_the_same_in_every_row_is_refused(table: Write, refused: Said) -> None:
    said = refused(*table("image,label,patient", [f"{'ab'[n % 2]},x" for n in range(12)]))
    assert "'patient' in labels.csv says 'x' in every row" in said


@pytest.mark.parametrize("value", ["unknown", "NaN", "NA", "?", "None"])
def test_unknown_patients_are_no_patient(table: Write, read: Said, value: str) -> None:
    said = read(*table("image,label,patient", [f"{'ab'[n % 2]},{value if n < 6 else n // 2}" for n in range(12)]))
    assert "groups 3 by patient, each in one split; of 6 images it is unknown, and they may stand in several" in said


def test_groups_of_one_image_each_are_said(table: Write, read: Said) -> None:
    said = read(*table("image,label,patient", [f"{'ab'[n % 2]},{n}" for n in range(12)]))
    assert "12 by patient, each in one split: each image is a group of its own" in said


@pytest.mark.parametrize(
    ("labels", "ends"),
    [([f"{n % 20 / 10}" for n in range(80)], "0 to 1.9"), ([str(21 + n % 25) for n in range(100)], "21 to 45")],
)
def test_a_measurement_of_few_values_is_no_class(table: Write, refused: Said, labels: list[str], ends: str) -> None:
    assert f"different numbers from {ends}, as a measurement has" in refused(*table("image,label", labels))


def test_numbers_of_classes_are_classes(table: Write, read: Said) -> None:
    assert "in 15 classes" in read(*table("image,label", [str(n % 15) for n in range(60)]))
    assert "in 4 classes: 0 4, 0.5 4, 1 4, 2 4" in read(*table("image,label", ["0", "0.5", "1", "2"] * 4))


def test_one_number_that_is_written_in_two_ways_is_refused(table: Write, refused: Said) -> None:
    assert "has '1' and '1.0'" in refused(*table("image,label", ["0", "1", "1.0"] * 4))


def test_a_label_that_is_called_as_a_missing_value_is_said(table: Write, read: Said) -> None:
    assert "'nan' is taken for a class of its own" in read(*table("image,label", ["a", "b", "nan"] * 4))


def test_files_of_the_same_name_are_known_by_the_ends_of_paths(make: Make, read: Said, tmp_path: Path) -> None:
    names = [f"patient{number}/study1/view1.png" for number in range(8)]
    make(*names)
    rows = [f"Archive-small/train/{name},{'ab'[number % 2]}" for number, name in enumerate(names)]
    (tmp_path / "labels.csv").write_text("\n".join(["image,label", *rows]))
    assert "8 images in 2 classes: a 4, b 4" in read("--labels", str(tmp_path / "labels.csv"))


def test_many_files_of_the_same_name_cost_no_time(tmp_path: Path) -> None:
    """Each row was compared with all of them."""

    class Never(set[str]):
        def __iter__(self) -> NoReturn:
            raise AssertionError("gone through one by one")

    known = {"view1.png": Never({"p1/view1.png", "p2/view1.png"}), "p1/view1.png": Never({"p1/view1.png"})}
    assert labels_table._ends_of("archive/p1/view1.png", known) == {"p1/view1.png"}


def test_rows_of_masks_are_refused(table: Write, make: Make, refused: Said) -> None:
    given = table("image,label", ["a", "b"] * 4, end="0_mask.png,a\n")
    make("images/0_mask.png")
    said = refused(*given)
    assert "1 of 9 in ROOT are called as masks of others are, for example images/0_mask.png beside images/0.png" in said
    assert "with a table, take out their rows" in said


def test_dicom_is_refused_with_what_to_save_it_as(tmp_path: Path, refused: Said) -> None:
    for number in range(6):
        (tmp_path / f"{number}.dcm").write_bytes(bytes(128) + b"DICM")
    rows = [f"{number}.dcm,{number % 2 == 0}" for number in range(6)]
    (tmp_path / "overview.csv").write_text("\n".join(["file,contrast", *rows]))
    given = ["--labels", str(tmp_path / "overview.csv")]
    assert "it is can't be told: file, contrast. Give --label-column" in refused(*given)
    said = refused(*given, "--label-column", "contrast")
    assert "0.dcm (DICOM isn't read; save it as PNG or TIFF, of 8 or 16 bits)" in said
    assert "A table must then name the new files" in said
