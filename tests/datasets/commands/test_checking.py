"""`check` tells what a folder holds, and ends with code 2 only if a study could not use it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from study.datasets.__main__ import main
from study.datasets.commands import reading

Captured = pytest.CaptureFixture[str]
FOLDERS = ("glioma_tumor", "meningioma_tumor", "no_tumor", "pituitary_tumor")
SIDE_PX = 20


def noise(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8))


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
    assert told["identical files"].startswith("0 extra copies in 0 groups; 0 leaking")
    assert told["groups"].startswith("unknown")


def test_identical_files_and_pixels_are_counted_apart(capsys: Captured, root: Path) -> None:
    train, test = root / "Training", root / "Testing"
    shutil.copy(train / "no_tumor/image(0).png", test / "no_tumor/copy.png")
    shutil.copy(train / "no_tumor/image(1).png", train / "glioma_tumor/copy.png")
    # The same picture in another file.
    noise(0).save(test / "glioma_tumor/saved again.bmp")
    told = checked(capsys, root)
    assert told["identical files"].startswith("2 extra copies in 2 groups; 1 leaking test images")
    assert told["identical files"].endswith("1 groups with two labels")
    assert told["identical pixels"].startswith("3 extra copies in 3 groups; 2 leaking test images")


def test_sizes_and_modes_are_told(capsys: Captured, root: Path) -> None:
    grey = Image.fromarray(np.zeros((7, 9), np.uint8))
    grey.save(root / "Training/no_tumor/small.png")
    noise(999).resize((40, 30)).save(root / "Training/no_tumor/large.jpg")
    told = checked(capsys, root)
    assert told["sizes in px"] == "24 of 20x20, 2 of 2 other sizes; smallest 9x7, largest 40x30"
    assert told["colour modes"] == "25 RGB, 1 L"


def test_unreadable_images_are_listed_with_their_reason_and_refused(capsys: Captured, root: Path) -> None:
    (root / "Training/no_tumor/page.png").write_bytes(b"<html>Sign in</html>")
    noise(1).convert("RGBA").save(root / "Testing/no_tumor/alpha.png")
    assert main(["check", "brain_tumor_mri", "--data", str(root)]) == 2
    out, err = capsys.readouterr()
    assert "unreadable          2 images" in out
    assert "Training/no_tumor/page.png: cannot identify" in out
    assert "Testing/no_tumor/alpha.png: colour mode RGBA" in out
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


def test_with_a_cache_only_changed_files_are_read_again(
    capsys: Captured, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "Training/no_tumor/broken.png").write_bytes(b"")
    cache = str(tmp_path / "cache")
    first = checked(capsys, root, "--cache", cache, code=2)
    read, real = [], reading.read_file

    def read_file(path: Path) -> reading.FileFacts:
        read.append(path.name)
        return real(path)

    monkeypatch.setattr(reading, "read_file", read_file)
    assert checked(capsys, root, "--cache", cache, code=2) == first
    assert read == ["broken.png"]
    noise(77).save(root / "Training/no_tumor/broken.png")
    assert checked(capsys, root, "--cache", cache)["unreadable"] == "none"
    assert read == ["broken.png"] * 2
    assert [p.suffix for p in (tmp_path / "cache").iterdir()] == [".json"]
    next((tmp_path / "cache").iterdir()).write_text("not JSON")
    assert checked(capsys, root, "--cache", cache)["unreadable"] == "none"
    assert len(read) == 2 + 25


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


def test_what_a_study_does_with_copies_is_told_where_only_pixels_are_the_same(capsys: Captured, root: Path) -> None:
    noise(500).save(root / "Training" / FOLDERS[0] / "again.png")
    noise(500).save(root / "Testing" / FOLDERS[0] / "again.bmp")
    assert main(["check", "brain_tumor_mri", "--data", str(root)]) == 0
    told = capsys.readouterr().out
    assert "identical files     0 extra copies" in told
    assert "identical pixels    1 extra copies in 1 groups; 1 leaking" in told
    assert "a study keeps identical pictures in one split" in told
