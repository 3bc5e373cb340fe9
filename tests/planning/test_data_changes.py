"""Images and splits that change behind a run's back are noticed by the next command, which names them."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from manifests import manifest_json
from PIL import Image

from study import records
from study.command import DONE, USER_ERROR
from study.datasets.images import splits
from study.planning.data_changes import described, edited
from study.records import Manifest, RunFolder

Captured = pytest.CaptureFixture[str]
Command = Callable[..., int]
GLIOMA, HEALTHY, TEST = "Training/glioma_tumor", "Training/no_tumor", "Testing/glioma_tumor"


@pytest.fixture
def images(tiny_images: Path, tmp_path: Path) -> Path:
    """A copy of the tiny images, to be changed."""
    return Path(shutil.copytree(tiny_images, tmp_path / "images"))


@pytest.fixture
def finished(finished_run: Path, tmp_path: Path) -> RunFolder:
    """A copy of a finished run, whose images are changed."""
    return RunFolder(Path(shutil.copytree(finished_run / "tiny", tmp_path / "results" / "tiny")))


@pytest.fixture(params=["finished", "interrupted"])
def folder(request: pytest.FixtureRequest, finished: RunFolder) -> RunFolder:
    """The same, or as it was left when it was killed half-way."""
    if request.param == "interrupted":
        os.truncate(finished.events, finished.events.stat().st_size // 2)
        assert not records.load_run(finished).finished
    return finished


@pytest.fixture
def refused(folder: RunFolder, images: Path, command: Command, capsys: Captured) -> Callable[[], str]:
    """Gives the study's command again, checks that it changes no record, and returns what it says."""

    def again() -> str:
        before = {path: path.read_bytes() for path in sorted(folder.root.rglob("*")) if path.is_file()}
        capsys.readouterr()
        assert command(folder.root.parent, "--data", str(images)) == USER_ERROR
        assert {path: path.read_bytes() for path in sorted(folder.root.rglob("*")) if path.is_file()} == before
        message = capsys.readouterr().err
        assert message.count("error: ") == 1
        assert "Put the images and their splits back as they were to go on with it. Or give --fresh" in message
        # Nobody can compare hashes by eye.
        assert "_hash" not in message
        return message

    return again


def image_of(images: Path, where: str, number: int = 0) -> Path:
    return sorted((images / where).iterdir())[number]


def name_of(path: Path) -> str:
    return "/".join(path.parts[-3:])


def draw_over(path: Path) -> None:
    Image.effect_noise((48, 48), 60).save(path)


def swap(one: Path, other: Path) -> None:
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def test_a_replaced_image_is_named(images: Path, refused: Callable[[], str]) -> None:
    replaced = image_of(images, GLIOMA)
    draw_over(replaced)
    assert f"1 image with another picture than before, the first: {name_of(replaced)}\n" in refused()


def test_deleted_images_are_counted_and_the_first_is_named(images: Path, refused: Callable[[], str]) -> None:
    deleted = [image_of(images, HEALTHY, number) for number in (1, 4, 5)]
    for path in deleted:
        path.unlink()
    assert f"3 images missing or unreadable, the first: {name_of(deleted[0])}\n" in refused()


def test_an_added_image_is_named(images: Path, refused: Callable[[], str]) -> None:
    draw_over(images / TEST / "new.png")
    assert f"1 image added, the first: {TEST}/new.png\n" in refused()


@pytest.mark.parametrize("other", [GLIOMA, HEALTHY, TEST], ids=["in one class", "of two classes", "with a test image"])
def test_swapped_images_are_named_though_their_contents_are_all_there(
    images: Path, refused: Callable[[], str], other: str
) -> None:
    first, second = sorted([image_of(images, GLIOMA), image_of(images, other, 3)])
    swap(first, second)
    said = f"2 images under another name, the first: {name_of(first)}, which was {name_of(second)}\n"
    assert said in refused()


def test_a_renamed_image_is_neither_missing_nor_added(images: Path, refused: Callable[[], str]) -> None:
    before = image_of(images, GLIOMA)
    after = before.rename(before.with_name("renamed.png"))
    message = refused()
    assert f"1 image under another name, the first: {name_of(after)}, which was {name_of(before)}\n" in message
    assert "missing" not in message
    assert "added" not in message


def test_another_picture_in_a_file_of_the_same_size_and_time_is_noticed(
    images: Path, command: Command, folder: RunFolder, refused: Callable[[], str]
) -> None:
    smaller, changed = sorted((images / GLIOMA).iterdir(), key=lambda path: path.stat().st_size)[::11]
    # The images are now read, and kept in the cache.
    assert command(folder.root.parent / "other", "--data", str(images), "--dry-run") == DONE
    before = changed.stat()
    # Zeros behind the end of a JPEG file are no part of the picture.
    changed.write_bytes(smaller.read_bytes().ljust(before.st_size, b"\0"))
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (changed.stat().st_size, changed.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert f"1 image with another picture than before, the first: {name_of(changed)}\n" in refused()


def test_a_picture_that_was_saved_anew_is_noticed(images: Path, refused: Callable[[], str]) -> None:
    # Bytes behind the end of a JPEG file are no part of the picture.
    with image_of(images, GLIOMA).open("ab") as file:
        file.write(b"saved by another program")
    assert "the same pictures, but not the same files" in refused()


def test_all_kinds_of_change_are_told_at_once(images: Path, refused: Callable[[], str]) -> None:
    image_of(images, GLIOMA, 1).unlink()
    draw_over(image_of(images, HEALTHY))
    draw_over(images / TEST / "new.png")
    swap(image_of(images, TEST, 0), image_of(images, TEST, 1))
    told = [line.split(",")[0] for line in refused().splitlines() if line.startswith("  ")]
    assert told == [
        "  1 image with another picture than before",
        "  1 image missing or unreadable",
        "  1 image added",
        "  2 images under another name",
    ]


@pytest.mark.parametrize("name", ["cut", "edited", "missing"])
def test_without_the_table_of_splits_it_is_only_known_that_something_changed(
    images: Path, folder: RunFolder, refused: Callable[[], str], name: str
) -> None:
    text = folder.splits.read_text()
    folder.splits.write_text(text[: len(text) // 2] if name == "cut" else text.replace(",train,", ",val,", 1))
    if name == "missing":
        folder.splits.unlink()
    swap(image_of(images, GLIOMA), image_of(images, GLIOMA, 1))
    assert "splits.csv, which would tell more, is missing or changed" in refused()


def test_images_that_moved_as_a_whole_are_the_same_images(images: Path, folder: RunFolder, command: Command) -> None:
    moved = images.rename(images.with_name("moved"))
    assert command(folder.root.parent, "--data", str(moved), "--dry-run") == DONE


def test_another_seed_is_told_as_such_and_not_as_other_images(
    folder: RunFolder, command: Command, capsys: Captured
) -> None:
    assert command(folder.root.parent, "--seed", "1") == USER_ERROR
    message = capsys.readouterr().err
    assert "seed: 0 -> 1" in message
    assert "the same images, but split in another way" in message


def test_a_run_of_an_earlier_version_learns_its_names_and_holds_to_them(
    images: Path, finished: RunFolder, command: Command, capsys: Captured
) -> None:
    log, num_changed = re.subn(r'"names_hash": "\w+", ', "", finished.events.read_text())
    assert num_changed == 1
    finished.events.write_text(log)
    assert command(finished.root.parent, "--data", str(images)) == DONE
    swap(image_of(images, GLIOMA, 0), image_of(images, GLIOMA, 1))
    assert command(finished.root.parent, "--data", str(images)) == USER_ERROR
    assert "2 images under another name" in capsys.readouterr().err


def test_an_image_that_got_another_label_in_the_same_file_is_named(tmp_path: Path) -> None:
    # As where labels stand in a table beside the images.
    table = pd.DataFrame(
        {"path": ["a", "b", "c"], "sha256": ["1", "2", "3"], "target": [0, 0, 1], "split": ["train", "val", "train"]}
    )
    relabelled = table.assign(target=[0, 1, 1])
    folder = RunFolder(tmp_path)
    table.to_csv(folder.splits, index=False)
    old, new = (
        Manifest.from_json(
            manifest_json(data_hash="", names_hash=splits.names_hash(each), split_hash=splits.split_hash(each))
        )
        for each in (table, relabelled)
    )
    assert described(folder, old, new, relabelled) == ["1 image with another label, the first: b"]
    assert described(folder, old, old, table) == []


@pytest.mark.parametrize("content", [b"", b"\n\n", b"path,split\n\n\n", b"\xff\x00,\n\x00\n", b"a,b\n,,,\n"])
def test_a_table_of_splits_that_is_none_is_told_as_well(tmp_path: Path, content: bytes) -> None:
    table = pd.DataFrame({"path": ["a, b.png", "c.png"], "split": ["train", "val"]})
    path = tmp_path / "splits.csv"
    assert edited(path, table) == ""
    path.write_bytes(content)
    assert "2 rows changed, the first that of a, b.png." in edited(path, table)
    table.to_csv(path, index=False)
    assert edited(path, table) == ""


@pytest.mark.parametrize("change", ["another split", "a row less", "a row more"])
def test_an_edited_table_of_splits_is_told_and_written_again(
    finished: RunFolder, command: Command, capsys: Captured, change: str
) -> None:
    written = finished.splits.read_text()
    header, first, *rest = written.splitlines(keepends=True)
    changed = {
        "another split": [first.replace(",test,", ",train,")],
        "a row less": [],
        "a row more": [first, first.replace(first.partition(",")[0], "Training/strange.png")],
    }
    finished.splits.write_text("".join([header, *changed[change], *rest]))
    assert command(finished.root.parent) == DONE
    message = capsys.readouterr().err
    name = "Training/strange.png" if change == "a row more" else first.partition(",")[0]
    assert f"splits.csv is not as this study wrote it: 1 row changed, the first that of {name}." in message
    assert "--seed and --groups" in message
    assert finished.splits.read_text() == written
    # Told once.
    assert command(finished.root.parent) == DONE
    assert "splits.csv" not in capsys.readouterr().err
