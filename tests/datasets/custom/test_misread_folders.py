"""Folders as people have them: read rightly or refused with a remedy that works, never misread without a word."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from datasets.custom.conftest import Make, Said

CLASSES = ("normal", "tumour")


def several(*folders: str, num: int = 3, name: str = "{}.png") -> list[str]:
    """Names of some images in each folder."""
    return [f"{folder}/{name.format(number)}" for folder in folders for number in range(num)]


def within(inner: Sequence[str], num: int = 3) -> list[str]:
    """Names of images in the same folders within each class."""
    return several(*(f"{name}/{folder}" for name in CLASSES for folder in inner), num=num)


@pytest.mark.parametrize(
    "inner",
    [
        ("images", "lung masks"),
        ("Images", "Masks", "overlays"),
        ("img", "segmentation"),
        ("images", "LungMasks"),
        ("images", "ground truth"),
        ("images", "GT"),
        ("p1/images", "p1/masks", "p2/images", "p2/masks"),
    ],
)
def test_folders_of_masks_within_the_classes_are_refused(make: Make, refused: Said, inner: tuple[str, ...]) -> None:
    make(*within(inner))
    said = refused()
    assert f"{inner[1]} is called as a folder of masks is" in said or "masks is called as a folder of masks is" in said
    assert "Move all such folders out of ROOT" in said


def test_masks_of_one_class_alone_are_refused_too(make: Make, refused: Said) -> None:
    make(*several("normal", "tumour/images", "tumour/masks"))
    assert "tumour/masks is called as a folder of masks is" in refused()


def test_a_folder_called_images_within_each_class_says_nothing(make: Make, read: Said) -> None:
    """So that moving masks away is a remedy."""
    make(*within(["images"]))
    assert "6 images in 2 classes: normal 3, tumour 3" in read()
    assert "groups unknown" in read()


def test_patients_are_found_within_a_folder_called_images(make: Make, read: Said) -> None:
    make(*several(*(f"{name}/images/p{number}" for name in CLASSES for number in range(4))))
    assert "groups 4 by folder" in read()


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("benign ({}).png", "benign ({})_mask.png"),
        ("benign ({}).png", "benign ({})_mask_1.png"),
        ("{}.jpg", "{}_segmentation.png"),
        ("{}.png", "{}-seg.png"),
        ("{}.png", "{} label.bmp"),
        ("{}_image.png", "{}_mask.png"),
        ("{}.png", "mask_{}.png"),
        ("{}.png", "{}_Annotation.PNG"),
    ],
)
def test_masks_beside_their_images_are_refused(make: Make, refused: Said, image: str, mask: str) -> None:
    make(*several(*CLASSES, name=image), *several(*CLASSES, name=mask))
    said = refused()
    assert "6 of 12 in ROOT are called as masks of others are" in said
    assert f"normal/{mask.format(0)} beside normal/{image.format(0)}" in said
    assert "Move them out of the folder" in said


def test_short_words_at_the_end_of_a_name_are_no_masks(make: Make, read: Said) -> None:
    make(
        *several(*CLASSES, name="{}b.png"), *several(*CLASSES, name="{}bgt.png"), *several(*CLASSES, name="{}bseg.png")
    )
    said = read()
    assert "18 images in 2 classes" in said
    assert "as a mask" not in said


def test_one_name_of_a_mask_among_many_images_is_said(make: Make, read: Said, refused: Said) -> None:
    make(*several(*CLASSES, num=20), "normal/1_mask.png")
    assert "normal/1_mask.png is called as a mask of normal/1.png is, and taken for an image: if it" in read()
    make("normal/2_mask.png", "normal/3_mask.png")
    assert "3 of 43 in ROOT are called as masks of others are" in refused()


def test_names_that_end_as_those_of_masks_do_are_images_where_nothing_is_beside_them(make: Make, read: Said) -> None:
    make(*several("with_mask", name="with_mask_{}.png"), *several("without_mask", name="without_mask_{}.png"))
    assert "6 images in 2 classes: without_mask 3, with_mask 3" in read()


@pytest.mark.parametrize(
    ("folders", "named"),
    [
        (("images", "masks"), "'masks' in ROOT is called as masks are"),
        (("images", "labels"), "'labels' in ROOT is called as masks are"),
        (("normal", "tumour", "masks"), "'masks' in ROOT is called as masks are"),
        (("normal", "tumour", "tumour_segmentations", "masks"), "are called as masks are"),
        (("train/normal", "train/tumour", "train/masks", "test/normal", "test/tumour"), "'masks' in ROOT is called"),
    ],
)
def test_folders_of_masks_beside_the_classes_are_refused(
    make: Make, refused: Said, folders: tuple[str, ...], named: str
) -> None:
    make(*several(*folders))
    assert named in refused()


@pytest.mark.parametrize(
    "names", [("mask", "nomask"), ("NoMask", "Mask"), ("mask", "no_mask"), ("withoutmask", "mask")]
)
def test_mask_beside_its_negation_is_a_class(make: Make, read: Said, names: tuple[str, str]) -> None:
    make(*several(*names))
    assert "6 images in 2 classes" in read()


def test_a_class_that_is_called_as_masks_is_refused_with_another_name(make: Make, refused: Said) -> None:
    make(*several("mask", "bare"))
    assert "if it is a class, rename it, such as with_mask." in refused()


@pytest.mark.parametrize("names", [("with_mask", "without_mask"), CLASSES])
def test_a_folder_called_as_its_class_within_it_says_nothing(make: Make, read: Said, names: tuple[str, str]) -> None:
    make(*several(f"{names[0]}/{names[0]}", f"{names[1]}/{names[1]}/images"))
    said = read()
    assert "6 images in 2 classes" in said
    assert "groups unknown" in said


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "Validation Set", "TEST"), ("test", "train")])
def test_splits_within_the_classes_are_refused(make: Make, refused: Said, names: tuple[str, ...]) -> None:
    make(*within(names))
    said = refused()
    assert "lie within the class 'normal' of ROOT, and would be taken for patients" in said
    assert f"Move normal/{min(names)} to {min(names)}/normal" in said


@pytest.mark.parametrize(
    "names",
    [
        ("training_set", "test_set"),
        ("Train_images", "Test_images"),
        ("TrainData", "TestData"),
        ("01_train", "02_test"),
        ("data-train", "data-test"),
        ("Training dataset", "Testing dataset"),
    ],
)
def test_splits_are_known_by_their_usual_spellings(make: Make, read: Said, names: tuple[str, str]) -> None:
    classes = ("glioma", "meningioma", "notumor", "pituitary")
    make(*several(*(f"{names[0]}/{name}" for name in classes), num=4))
    make(*several(*(f"{names[1]}/{name}" for name in classes)))
    said = read()
    assert "28 images in 4 classes: glioma 7, meningioma 7, notumor 7, pituitary 7" in said
    assert "splits as given (train 16, test 12)" in said
    assert f"{names[0]} is train" in said
    assert "groups unknown" in said


@pytest.mark.parametrize("names", [("MR", "PS", "TR"), ("Invalid", "Valid"), ("Dev", "Normal"), ("TE", "TS")])
def test_short_and_ambiguous_spellings_of_splits_are_classes_beside_others(
    make: Make, read: Said, names: tuple[str, ...]
) -> None:
    make(*several(*names, num=4))
    said = read()
    assert f"in {len(names)} classes" in said
    assert "splits drawn" in said


@pytest.mark.parametrize(
    "names", [("tr", "te"), ("train", "valid", "test"), ("Training", "dev"), ("development", "ts")]
)
def test_short_spellings_are_splits_where_all_folders_are(make: Make, read: Said, names: tuple[str, ...]) -> None:
    make(*several(*(f"{side}/{name}" for side in names for name in CLASSES), num=4))
    assert "splits as given (train 8" in read()


def test_a_class_that_is_called_as_a_split_is_refused_with_another_name(make: Make, refused: Said) -> None:
    make(*several("control", "test"))
    said = refused()
    assert "ROOT has both: test and control" in said
    assert "If 'test' is a class, rename it, such as class_test" in said


@pytest.mark.parametrize(
    "names",
    [("normal_train", "normal_test", "tumour_train", "tumour_test"), ("tumour", "train normal", "normal-test")],
)
def test_splits_in_the_names_of_classes_are_refused(make: Make, refused: Said, names: tuple[str, ...]) -> None:
    make(*several(*names))
    said = refused()
    assert "are called as splits of one class are" in said
    assert "Make folders train, val and test" in said


@pytest.mark.parametrize("names", [("negative", "test_negative"), ("delay", "dev_delay")])
def test_one_class_may_be_called_as_another_with_a_word_of_splits(
    make: Make, read: Said, names: tuple[str, ...]
) -> None:
    make(*several(*names))
    assert "6 images in 2 classes" in read()


@pytest.mark.parametrize(
    "inner",
    [
        ("40X", "100X", "200X", "400X"),
        ("left", "right"),
        ("T1", "T2", "FLAIR"),
        ("series 1", "series 2", "series 3"),
        ("2019", "2020", "2021"),
        ("1", "2", "3"),
        ("x40", "x100"),
        ("view_01", "view_02"),
        ("subset01", "subset02"),
        ("T1", "T2"),
    ],
)
def test_the_same_few_folders_in_every_class_are_no_patients(make: Make, refused: Said, inner: tuple[str, ...]) -> None:
    make(*within(inner))
    said = refused()
    assert "have the same few names in several classes" in said
    assert "put what is in them directly into their class folder" in said
    assert "--labels FILE.csv, with columns image, label, patient" in said


@pytest.mark.parametrize("inner", [("adenosis", "fibroadenoma", "lobular"), ("40X", "100X")])
def test_folders_of_one_class_that_are_not_called_as_patients_are_refused(
    make: Make, refused: Said, inner: tuple[str, ...]
) -> None:
    make(*several("normal", *(f"tumour/{name}" for name in inner)))
    assert "not called as patients are, which have numbers" in refused()


def test_patients_above_the_classes_are_refused(make: Make, refused: Said, read: Said, tmp_path: Path) -> None:
    make(*several(*(f"{10253 + patient}/{kind}" for patient in range(8) for kind in (0, 1))))
    said = refused()
    assert (
        "the same few names in several classes: '0', '1' within '10253', '10254', '10255', '10256' and 4 more" in said
    )
    assert "If the inner ones are the classes and the outer ones patients" in said
    rows = [f"{10253 + p}/{kind}/{n}.png,{kind},{10253 + p}" for p in range(8) for kind in (0, 1) for n in range(3)]
    (tmp_path / "table.csv").write_text("\n".join(["image,label,patient", *rows]))
    said = read("--labels", str(tmp_path / "table.csv"))
    assert "48 images in 2 classes: 0 24, 1 24" in said
    assert "groups 8 by patient, each in one split" in said


def test_patients_above_the_classes_that_have_one_class_each_in_part_are_refused(make: Make, refused: Said) -> None:
    make(*several("p1/0", "p1/1", "p2/0", "p3/1", "p4/0", "p4/1"))
    assert "If the inner ones are the classes and the outer ones patients" in refused()


def test_folds_above_the_classes_are_refused(make: Make, refused: Said) -> None:
    make(*several(*(f"fold{fold}/{name}" for fold in range(5) for name in CLASSES)))
    assert "the outer ones patients, folds or parts of the data" in refused()


def test_two_copies_of_all_classes_are_refused(make: Make, refused: Said) -> None:
    make(*several(*(f"{part}/{name}" for part in ("Original", "Augmented") for name in CLASSES)))
    assert "or give one of the outer ones as --images" in refused()


def test_images_of_unknown_class_are_no_class(make: Make, refused: Said) -> None:
    make(*several(*CLASSES, "unlabelled"))
    assert "'unlabelled' in ROOT says that no class is known. Move it out" in refused()


def test_splits_in_file_names_that_are_not_used_are_said(make: Make, read: Said) -> None:
    make(*several(*CLASSES, name="train_{}.png"), *several(*CLASSES, name="test_{}.png"))
    said = read()
    assert "splits drawn" in said
    assert "NOT USED splits in the names of folders or files (train 6, test 6)" in said


@pytest.mark.parametrize("name", ["patient_{}", "Case {}", "1025{}", "p{}"])
def test_patients_are_not_taken_for_classes(make: Make, refused: Said, name: str) -> None:
    make(*several(*(name.format(number) for number in range(6))))
    said = refused()
    assert "all 6 in ROOT are called as patients are" in said
    assert f"if they are the classes, rename them, such as class_{name.format(0)}" in said


@pytest.mark.parametrize("name", ["25483700{}", "C500{}", "n0144076{}", "p{}"])
def test_codes_are_classes_where_given_splits_share_them(make: Make, read: Said, name: str) -> None:
    codes = [name.format(number) for number in range(1, 6)]
    make(*several(*(f"{side}/{code}" for side in ("train", "test") for code in codes)))
    assert f"in 5 classes: {codes[0]} 6" in read()


def test_codes_are_classes_once_they_are_renamed(make: Make, read: Said) -> None:
    make(*several(*(f"class_25483700{number}" for number in range(1, 6))))
    assert "in 5 classes: class_254837001 3" in read()


@pytest.mark.parametrize(
    "names",
    [
        ("grade 1", "grade 2", "grade 3"),
        ("0", "1", "2", "3", "4"),
        ("T1", "T2"),
        tuple(f"subtype{n}" for n in range(1, 6)),
    ],
)
def test_classes_with_numbers_are_classes(make: Make, read: Said, names: tuple[str, ...]) -> None:
    make(*several(*names))
    assert f"in {len(names)} classes: {names[0]} 3" in read()


def test_parts_of_a_download_are_no_classes(make: Make, refused: Said) -> None:
    make(*several("HAM10000_images_part_1", "HAM10000_images_part_2"))
    said = refused()
    assert "all in ROOT are called as parts of one download are" in said
    assert "in a table (--labels FILE.csv)" in said


def test_many_patients_may_stand_in_both_classes(make: Make, read: Said) -> None:
    make(*several(*(f"{name}/{number}" for name in CLASSES for number in range(14)), num=1))
    make(*several("normal/alone"))
    assert (
        "groups 15 by folder, each in one split; a guess: each folder within a class is one patient or slide, 14"
        in (read())
    )


def test_few_patients_in_both_classes_are_known_by_their_names(make: Make, read: Said) -> None:
    make(*within([f"patient {number}" for number in range(4)]))
    assert "groups 4 by folder, each in one split" in read()


@pytest.mark.parametrize("name", ["TCGA-05-424{}", "LIDC-IDRI-000{}", "tumor_00{}", "S0{}", "case_{}", "MSB-0014{}"])
def test_few_patients_of_both_classes_are_known_as_archives_name_them(make: Make, read: Said, name: str) -> None:
    make(*within([name.format(number) for number in range(4)]))
    assert "groups 4 by folder, each in one split" in read()


def test_where_folders_within_classes_hold_numbers_a_table_of_patients_is_the_first_remedy(
    make: Make, refused: Said
) -> None:
    make(*within(["a1", "b2", "c3"]))
    assert "If the inner ones are patients or slides, name each image, its class and its patient in" in refused()


def test_few_patients_of_one_class_each_are_patients_and_called_a_guess(make: Make, read: Said) -> None:
    make(*several(*(f"{name}/{name}{number}" for name in CLASSES for number in range(3))))
    said = read()
    assert "groups 6 by folder, each in one split; a guess: each folder within a class is one patient or slide" in said


def test_that_groups_are_not_used_is_said(make: Make, read: Said) -> None:
    make(*within([f"p{number}" for number in range(4)]))
    said = read("--groups", "none")
    assert "each in one split" not in said
    assert "4 by folder, not used: --groups none puts images into splits one by one" in said


def test_likely_patients_in_file_names_are_named_but_not_taken(make: Make, read: Said) -> None:
    make(*several(*CLASSES, name="person{}_bacteria_1.png"), *several(*CLASSES, name="person{}_bacteria_2.png"))
    said = read()
    assert "groups unknown" in said
    assert "file names may hold patients, such as 'person0': 3 different; a table settles it: --labels with" in said


@pytest.mark.parametrize("folder", ["test", "test/unknown", "test/images", "val"])
def test_a_given_split_without_classes_is_refused_with_what_can_be_done_with_it(
    make: Make, refused: Said, folder: str
) -> None:
    make(*several("train/normal", "train/tumour", folder))
    side = folder.split("/", maxsplit=1)[0]
    said = refused()
    assert f"must lie in folders of the classes ('normal', 'tumour'), but {side} holds 3 images in none of them" in said
    assert f"Move it out of ROOT: the study is then trained on the other images, and {side} is drawn" in said
    assert f"python -m study.predict NAME {side}" in said


def test_an_empty_split_is_refused(make: Make, refused: Said, tmp_path: Path) -> None:
    make(*several("train/normal", "train/tumour"))
    (tmp_path / "test").mkdir()
    assert "test holds no images. Move it out" in refused()


@pytest.mark.parametrize("names", [("train", "test"), ("train_images", "test_images")])
def test_splits_that_hold_no_class_folders_are_refused_with_their_table(
    make: Make, refused: Said, read: Said, tmp_path: Path, names: tuple[str, str]
) -> None:
    make(*several(names[0], num=12), *several(names[1]))
    said = refused()
    assert f"{names[1]} holds 3 and {names[0]} holds 12 images in no class folder" in said
    assert "Sort the images into folders, or name their classes in a CSV file (--labels)" in said
    (tmp_path / "sample_submission.csv").write_text("id,diagnosis\n")
    rows = [f"{names[0]}/{number}.png,{number % 2}" for number in range(12)]
    (tmp_path / "train.csv").write_text("\n".join(["id,diagnosis", *rows]))
    assert "which image is of which class: --labels train.csv." in refused()
    assert "12 images in 2 classes: 0 6, 1 6" in read("--labels", str(tmp_path / "train.csv"))


def test_of_one_folder_of_images_the_table_beside_it_is_named(make: Make, refused: Said, tmp_path: Path) -> None:
    make(*several("images"))
    (tmp_path / "labels.csv").write_text("image,label\n")
    said = refused()
    assert "ROOT has 1 (images)" in said
    assert "--labels labels.csv" in said


def test_an_archive_of_arrays_is_refused_with_how_to_unpack_it(tmp_path: Path, refused: Said) -> None:
    file = tmp_path / "twomnist.npz"
    file.write_bytes(b"PK")
    assert "ROOT is not one. Arrays aren't read: save each image of it as a PNG file" in refused(images=file)
    assert "Arrays such as twomnist.npz aren't read: save each image as a PNG file" in refused()


def test_a_table_in_the_folder_that_is_not_used_is_said(make: Make, read: Said, tmp_path: Path) -> None:
    make(*several(*CLASSES))
    (tmp_path / "patients.csv").write_text("image,patient\n")
    assert "NOT USED patients.csv: a table is read where it is given (--labels)" in read()
