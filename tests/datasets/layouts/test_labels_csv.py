"""A CSV of labels is matched with its images as a whole, and what doesn't match is named."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from study import datasets
from study.datasets import Dataset
from study.datasets.images import splits
from study.errors import DataError

BAD = "dd6dfed324f9fcb6f93f46f32fc800f2ec196be2"
LABELS = "train_labels.csv"
SLIDES = "patch_id_wsi_full.csv"
IDS = [f"{i:040x}" for i in range(40)]


@pytest.fixture
def dataset() -> Dataset:
    return datasets.find("histopathologic_cancer")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """40 patches, every third with tumour."""
    folder = tmp_path / "data [set]"
    (folder / "train").mkdir(parents=True)
    (folder / "test").mkdir()
    (folder / "test" / f"{'f' * 40}.tif").touch()
    for name in IDS:
        (folder / "train" / f"{name}.tif").touch()
    write(folder / LABELS, "id,label", *(f"{name},{int(i % 3 == 0)}" for i, name in enumerate(IDS)))
    return folder


def write(path: Path, *lines: str) -> None:
    path.write_text("\n".join(lines) + "\n")


def edit(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text()))


def refused(dataset: Dataset, root: Path, *told: str) -> None:
    with pytest.raises(DataError) as refusal:
        dataset.scan(root)
    for text in told:
        assert text in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_labels_are_matched_with_files_whatever_their_order(dataset: Dataset, root: Path) -> None:
    lines = (root / LABELS).read_text().splitlines()
    write(root / LABELS, lines[0], *lines[:0:-1])
    samples = dataset.scan(root)
    assert [s.path for s in samples] == [f"train/{name}.tif" for name in IDS]
    assert [s.target for s in samples] == [int(i % 3 == 0) for i in range(40)]
    assert {(s.side, s.group) for s in samples} == {("development", "")}
    assert type(samples[0].target) is int


def test_other_columns_ids_of_digits_a_byte_order_mark_and_stray_files_do_no_harm(dataset: Dataset, root: Path) -> None:
    (root / "train/0007.tif").touch()
    for stray in ("._0007.tif", ".DS_Store", "Thumbs.db"):
        (root / "train" / stray).touch()
    lines = [f"{i},{line}" for i, line in enumerate((root / LABELS).read_text().splitlines())]
    lines[0] = "\ufeffnumber,id,label"
    write(root / LABELS, *lines, "99,0007,1")
    samples = dataset.scan(root)
    assert len(samples) == 41
    assert ("train/0007.tif", 1) in {(s.path, s.target) for s in samples}


def test_rows_without_a_file_are_counted_and_named(dataset: Dataset, root: Path) -> None:
    for name in IDS[5:8]:
        (root / "train" / f"{name}.tif").unlink()
    refused(dataset, root, "3 have none", IDS[5], "Unpack the images again")


def test_files_without_a_row_are_counted_and_named(dataset: Dataset, root: Path) -> None:
    for name in ("other_a", "other_b"):
        (root / "train" / f"{name}.tif").touch()
    refused(dataset, root, "2 have none", "other_a", LABELS)


def test_repeated_ids_are_counted_and_named(dataset: Dataset, root: Path) -> None:
    edit(root / LABELS, lambda text: text + f"{IDS[3]},1\n{IDS[3]},0\n")
    refused(dataset, root, "2 stand there again", IDS[3])


@pytest.mark.parametrize("label", ["2", "", "1.0", "tumor", "nan", " 1"])
def test_other_labels_are_counted_and_named(dataset: Dataset, root: Path, label: str) -> None:
    edit(root / LABELS, lambda text: text.replace(f"{IDS[4]},0", f"{IDS[4]},{label}"))
    refused(dataset, root, "must be 0 or 1", "1 other in 40 rows", repr(label), IDS[4])


def test_missing_columns_are_named(dataset: Dataset, root: Path) -> None:
    edit(root / LABELS, lambda text: text.replace("id,label", "id;label"))
    refused(dataset, root, "columns id, label", "has id;label")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00id", b'id,label\n"a,1\n', b"id,label\na,1\nb,0,1,2\n"])
def test_what_is_no_csv_is_refused(dataset: Dataset, root: Path, content: bytes) -> None:
    (root / LABELS).write_bytes(content)
    refused(dataset, root, LABELS)


def test_a_csv_without_rows_is_refused(dataset: Dataset, root: Path) -> None:
    write(root / LABELS, "id,label")
    refused(dataset, root, "has none")


def test_a_missing_csv_or_folder_is_named(dataset: Dataset, root: Path) -> None:
    (root / "train").rename(root / "elsewhere")
    refused(dataset, root, str(root / "train"), "no such folder")
    (root / LABELS).unlink()
    refused(dataset, root, str(root / LABELS), "no such file", "--data")


def test_the_known_bad_images_are_listed_and_may_be_missing(dataset: Dataset, root: Path) -> None:
    edit(root / LABELS, lambda text: text + f"{BAD},0\n")
    assert len(dataset.scan(root)) == 40
    (root / "train" / f"{BAD}.tif").touch()
    paths = {s.path for s in dataset.scan(root)}
    assert len(paths) == 41
    assert paths & set(dataset.excluded) == {f"train/{BAD}.tif"}


def slides(root: Path, name: str = SLIDES) -> None:
    write(root / name, "id,wsi", *(f"{n},slide_{i // 4}" for i, n in enumerate(IDS)), "elsewhere,slide_99")


def test_patches_of_a_slide_are_a_group_and_stay_in_one_split(dataset: Dataset, root: Path) -> None:
    slides(root)
    samples = dataset.scan(root)
    assert [s.group for s in samples] == [f"slide_{i // 4}" for i in range(40)]
    table = splits.split(
        samples, [f"{i}" for i in range(40)], classes=dataset.classes, val_fraction=0.2, seed=0
    ).set_index("path")
    for slide in {s.group for s in samples}:
        assert len({table["split"][s.path] for s in samples if s.group == slide}) == 1
    assert set(table["split"]) == {"train", "val", "test"}


def test_patches_without_a_slide_are_counted_and_named(dataset: Dataset, root: Path) -> None:
    slides(root)
    edit(
        root / SLIDES, lambda text: text.replace(f"{IDS[9]},slide_2\n", "").replace(f"{IDS[11]},slide_2", f"{IDS[11]},")
    )
    refused(dataset, root, "2 have none", IDS[9], SLIDES, "take it away")


def test_a_patch_of_two_slides_and_missing_columns_are_refused(dataset: Dataset, root: Path) -> None:
    slides(root)
    edit(root / SLIDES, lambda text: text + f"{IDS[0]},slide_7\n")
    refused(dataset, root, "1 stand there again", IDS[0], SLIDES)
    edit(root / SLIDES, lambda text: text.replace("id,wsi", "id,slide"))
    refused(dataset, root, "columns id, wsi", "has id, slide")


def test_two_files_of_slides_are_refused(dataset: Dataset, root: Path) -> None:
    slides(root)
    slides(root, "patch_id_wsi.csv")
    refused(dataset, root, f"patch_id_wsi.csv, {SLIDES}", "Keep the fullest")


def test_the_messages_say_which_folder(dataset: Dataset, root: Path) -> None:
    (root / LABELS).unlink()
    with pytest.raises(DataError, match=re.escape(str(root))):
        dataset.scan(root)
