"""`check` tells what a folder holds, and ends with code 2 only if a study could not use it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from study.datasets.__main__ import main
from study.datasets.readers import Readers, ReadImage

Captured = pytest.CaptureFixture[str]
FOLDERS = ("glioma_tumor", "meningioma_tumor", "no_tumor", "pituitary_tumor")
SIDE_PX = 20


def noise(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8))


def blocks(seed: int) -> Image.Image:
    """A picture with a shape, as noise has none that a resized or recompressed copy would keep."""
    coarse = np.random.default_rng(seed).normal(128, 40, (8, 8)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(coarse.repeat(8, axis=0).repeat(8, axis=1)).convert("RGB")


def distance(image: NDArray[np.uint8], other: Image.Image) -> float:
    """Mean absolute difference of grey levels, once both are of one size."""
    resized = other.resize((image.shape[1], image.shape[0]), Image.Resampling.BILINEAR)
    return float(np.abs(image.astype(float) - np.asarray(resized, float)).mean())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three different images of each class on each side."""
    folder = tmp_path / "mri"
    for s, side in enumerate(("Training", "Testing")):
        for c, name in enumerate(FOLDERS):
            (folder / side / name).mkdir(parents=True)
            for i in range(3):
                noise(100 * s + 10 * c + i).save(folder / side / name / f"image({i}).png")
    return folder


def checked(capsys: Captured, root: Path, *more: str, code: int = 0) -> dict[str, str]:
    """Label -> text; the lines of the table by their first two columns."""
    assert main(["check", "brain_tumor_mri", "--data", str(root), *more]) == code
    rows = {}
    for line in capsys.readouterr().out.splitlines():
        if line.startswith(("development", "test", "all")):
            side, name, *rest = line.split(maxsplit=2)
            rows[f"{side} {name}"] = " ".join(rest).strip()
        else:
            rows[line[:18].strip()] = line[20:]
    return rows


def test_counts_stand_beside_the_published_ones_and_differences_are_marked(capsys: Captured, root: Path) -> None:
    told = checked(capsys, root)
    assert told["development glioma"].split() == ["3", "826", "differs", "by", "-823"]
    assert told["test pituitary"].split() == ["3", "74", "differs", "by", "-71"]
    assert told["all all"].split() == ["24", "3,264", "differs", "by", "-3,240"]
    assert told["edition"] == "first version, by its counts"
    assert "Bhuvaji" in told["source"]
    assert told["licence"].startswith("MIT")
    assert told["unreadable"] == "none"
    assert told["copies"].startswith("none")
    assert told["look-alikes"] == "none (resized, recompressed, brightened, flipped or turned)"
    assert told["test split"] == "0 of 12 images also stand on the training side"
    assert told["groups"].startswith("unknown")


def test_copies_are_counted_by_pixels_and_by_bytes(capsys: Captured, root: Path) -> None:
    train, test = root / "Training", root / "Testing"
    shutil.copy(train / "no_tumor/image(0).png", test / "no_tumor/copy.png")
    shutil.copy(train / "no_tumor/image(1).png", train / "glioma_tumor/copy.png")
    # The same picture in another file.
    noise(0).save(test / "glioma_tumor/saved again.bmp")
    told = checked(capsys, root)
    assert told["copies"] == (
        "3 files hold the picture of another one, pixel by pixel (2 of them byte by byte), in 3 groups; 1 of these "
        "groups carry two different labels"
    )
    assert told["two labels"] == "Training/glioma_tumor/copy.png (glioma) and Training/no_tumor/image(1).png (no_tumor)"
    assert told["test split"] == (
        "2 of 14 images also stand on the training side: 2 pixel by pixel, 0 look like one there"
    )
    assert told["look-alikes"].startswith("none")
    assert "a study keeps copies and look-alikes in one split" in told[""]


def test_look_alikes_are_counted_with_their_leaks_and_labels(capsys: Captured, root: Path) -> None:
    # Of one picture: itself, turned and a small JPEG in one class, resized in the test split, flipped in another class.
    picture = blocks(0)
    picture.save(root / "Training/no_tumor/picture.png")
    picture.transpose(Image.Transpose.ROTATE_90).save(root / "Training/no_tumor/turned.png")
    picture.resize((50, 50)).save(root / "Training/no_tumor/picture.jpg", quality=80)
    picture.resize((120, 120), Image.Resampling.BICUBIC).save(root / "Testing/no_tumor/large.png")
    picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(root / "Testing/pituitary_tumor/flipped.png")
    # Of another: a brighter one.
    blocks(1).save(root / "Training/no_tumor/other.png")
    ImageEnhance.Brightness(blocks(1)).enhance(1.1).save(root / "Training/no_tumor/brighter.png")
    told = checked(capsys, root)
    assert told["copies"].startswith("none")
    assert told["look-alikes"] == (
        "5 pictures look like another one (resized, recompressed, brightened, flipped or turned), in 2 groups; "
        "1 of these groups carry two different labels"
    )
    assert told["likeness"].startswith("from 0.9")
    assert "0 of 11 links are doubtful" in told["likeness"]
    assert (
        told["two labels"]
        == "Testing/no_tumor/large.png (no_tumor) and Testing/pituitary_tumor/flipped.png (pituitary)"
    )
    assert told["test split"] == (
        "2 of 14 images also stand on the training side: 0 pixel by pixel, 2 look like one there"
    )


def test_of_many_groups_with_two_labels_the_first_are_listed(capsys: Captured, root: Path) -> None:
    for number in range(7):
        for name in ("glioma_tumor", "no_tumor"):
            noise(200 + number).save(root / "Training" / name / f"both {number}.png")
    assert main(["check", "brain_tumor_mri", "--data", str(root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    listed = [line for line in lines if "(glioma) and" in line]
    assert [line.split(" (glioma)")[0].rpartition("/")[2] for line in listed] == [f"both {n}.png" for n in range(5)]
    assert "two labels" in listed[0]
    assert f"{'':18}  and 2 more groups" in lines


def test_the_contact_sheet_shows_each_group_of_look_alikes_once(capsys: Captured, root: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "new folder" / "sheet.png"
    checked(capsys, root, "--contact-sheet", str(sheet))
    assert not sheet.exists()
    # A harmless group, one with a test image, one of two labels; a copy is no picture of its own.
    for seed, other in ((0, "Training/no_tumor"), (1, "Testing/no_tumor"), (2, "Training/glioma_tumor")):
        blocks(seed).save(root / "Training/no_tumor" / f"{seed}.png")
        blocks(seed).save(root / "Training/no_tumor" / f"{seed} copied.png")
        blocks(seed).transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(root / other / f"{seed} flipped.png")
    told = checked(capsys, root, "--contact-sheet", str(sheet))
    assert told["contact sheet"].startswith(f"{sheet}: 3 of 3 groups of look-alikes")
    pixels = np.asarray(Image.open(sheet))
    # Above each group stands how alike it is.
    assert pixels.shape == (14 + 128, 6 * 128 + 2 * 10, 3)
    assert (pixels[:14] < 128).any()
    pixels = pixels[14:]
    for place, seed in enumerate((2, 1, 0)):
        left = place * (2 * 128 + 10)
        pair = pixels[:, left : left + 128], pixels[:, left + 128 : left + 256]
        for shown, picture in zip(
            sorted(pair, key=lambda image: distance(image, blocks(seed))), ("upright", "flipped"), strict=True
        ):
            expected = blocks(seed) if picture == "upright" else blocks(seed).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
            assert distance(shown, expected) < 3


def test_a_contact_sheet_that_cannot_be_written_is_one_message(capsys: Captured, root: Path, tmp_path: Path) -> None:
    blocks(0).save(root / "Training/no_tumor/0.png")
    blocks(0).transpose(Image.Transpose.ROTATE_180).save(root / "Training/no_tumor/turned.png")
    (tmp_path / "file").write_text("no folder")
    sheet = tmp_path / "file" / "sheet.png"
    assert main(["check", "brain_tumor_mri", "--data", str(root), "--contact-sheet", str(sheet)]) == 2
    out, err = capsys.readouterr()
    assert f"--contact-sheet must be a file that can be written, but {sheet} is none" in err
    # What was found is not lost with it.
    assert "1 picture looks like another one" in out
    with pytest.raises(SystemExit) as ended:
        main(["check", "brain_tumor_mri", "--contact-sheet", "sheet.jpg"])
    assert ended.value.code == 2
    assert "must be the name of a .png file, but is sheet.jpg" in capsys.readouterr().err


def test_sizes_and_modes_are_told(capsys: Captured, root: Path) -> None:
    grey = Image.fromarray(np.zeros((7, 9), np.uint8))
    grey.save(root / "Training/no_tumor/small.png")
    noise(999).resize((40, 30)).save(root / "Training/no_tumor/large.jpg")
    told = checked(capsys, root)
    assert told["sizes in px"] == "24 of 20x20, 2 of 2 other sizes; smallest 9x7, largest 40x30"
    assert told["colour modes"] == "25 RGB, 1 L"


def test_unreadable_images_are_listed_with_their_reason_and_refused(capsys: Captured, root: Path) -> None:
    (root / "Training/no_tumor/page.png").write_bytes(b"<html>Sign in</html>")
    Image.new("RGBA", (20, 20)).save(root / "Testing/no_tumor/alpha.png")
    assert main(["check", "brain_tumor_mri", "--data", str(root)]) == 2
    out, err = capsys.readouterr()
    assert "unreadable          2 images" in out
    assert "Training/no_tumor/page.png: cannot identify" in out
    assert "Testing/no_tumor/alpha.png: transparent in part (colour mode RGBA)" in out
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "2 of 26 are not" in errors[0]
    assert "--skip-unreadable" in errors[0]


def test_a_folder_without_one_readable_image_is_told_too(capsys: Captured, root: Path) -> None:
    for file in root.rglob("*.png"):
        file.write_bytes(b"")
    told = checked(capsys, root, code=2)
    assert told["unreadable"] == "24 images"


@pytest.mark.parametrize("inside", ["nothing/here", "Training"])
def test_a_folder_that_is_missing_or_does_not_fit_is_refused(capsys: Captured, root: Path, inside: str) -> None:
    assert main(["check", "brain_tumor_mri", "--data", str(root / inside)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert str(root / inside) in err


def test_the_usual_folder_is_checked_where_none_is_given(
    capsys: Captured, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root.parent)
    assert main(["check", "brain_tumor_mri"]) == 2
    assert "but data/brain_tumor_mri is not one" in capsys.readouterr().err
    (root.parent / "data").mkdir()
    root.rename(root.parent / "data/brain_tumor_mri")
    assert main(["check", "brain_tumor_mri"]) == 0


def test_with_a_cache_images_are_read_again_only_if_one_changed(
    capsys: Captured, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = str(tmp_path / "cache")
    num_read, real = [0], Readers.read

    def read(readers: Readers, content: bytes, path: str) -> tuple[ReadImage, str]:
        num_read[0] += 1
        return real(readers, content, path)

    monkeypatch.setattr(Readers, "read", read)
    first = checked(capsys, root, "--cache", cache)
    assert checked(capsys, root, "--cache", cache) == first
    assert num_read == [24]
    noise(0).resize((7, 5)).save(root / "Training/no_tumor/image(0).png")
    assert "smallest 7x5" in checked(capsys, root, "--cache", cache)["sizes in px"]
    assert num_read == [48]


def test_a_cache_that_cannot_be_written_is_one_message(capsys: Captured, root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert main(["check", "brain_tumor_mri", "--data", str(root), "--cache", str(tmp_path / "file" / "cache")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert str(tmp_path / "file") in told
    assert told.count("\n") == 1


def test_known_bad_images_and_slides_are_told(capsys: Captured, tmp_path: Path) -> None:
    bad = "dd6dfed324f9fcb6f93f46f32fc800f2ec196be2"
    (tmp_path / "train").mkdir()
    for i in range(6):
        noise(i).save(tmp_path / "train" / f"{i}.tif")
    (tmp_path / "train" / f"{bad}.tif").write_bytes(b"")
    names = [*map(str, range(6)), bad]
    lines = [f"{name},{i % 2}" for i, name in enumerate(names)]
    (tmp_path / "train_labels.csv").write_text("\n".join(["id,label", *lines]))
    slides = [f"{name},slide_{i // 4}" for i, name in enumerate(names)]
    (tmp_path / "patch_id_wsi_full.csv").write_text("\n".join(["id,wsi", *slides]))
    assert main(["check", "histopathologic_cancer", "--data", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "1 of 2 are here; a study leaves them out" in told
    assert f"train/{bad}.tif: corrupted" in told
    assert "2 (slide), of 3 to 4 images" in told
    assert "6 RGB" in told
