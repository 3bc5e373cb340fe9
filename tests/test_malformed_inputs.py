"""Malformed inputs: each is refused with one message that says what is wrong with what, and nothing is written."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from study import run
from study.command import USER_ERROR

Build = Callable[[Path], list[str]]


@dataclass(frozen=True)
class Case:
    """A malformed input.

    Attributes:
        build: puts files into a folder and returns what is given to `study.run`.
        says: what the message must hold.
    """

    build: Build
    says: str


def picture(path: Path, seed: int = 0, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    Image.fromarray(levels).convert(mode).save(path)


def classes(root: Path, *names: str, num: int = 4) -> Path:
    """A folder for each class, with images of noise."""
    for first, name in enumerate(names):
        for number in range(num):
            picture(root / name / f"{number}.png", seed=1000 * first + number)
    return root


def sound(root: Path) -> Path:
    return classes(root / "images", "no", "yes")


def flags(*given: str) -> Build:
    """A sound folder, with further flags."""
    return lambda root: ["--images", str(sound(root)), *given]


def after(change: Callable[[Path], object], *given: str) -> Build:
    """A sound folder that was changed."""

    def build(root: Path) -> list[str]:
        images = sound(root)
        change(images)
        return ["--images", str(images), *given]

    return build


def table(text: str | bytes, *given: str) -> Build:
    """Eight images in one folder (0.png to 7.png), with a table."""

    def build(root: Path) -> list[str]:
        for number in range(8):
            picture(root / "images" / f"{number}.png", seed=number)
        file = root / "labels.csv"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return ["--images", str(root / "images"), "--labels", str(file), *given]

    return build


def rows(header: str, *lines: str) -> str:
    return "\n".join([header, *lines]) + "\n"


def known(*given: str) -> Build:
    return lambda root: [text.format(root=root) for text in given]


ROWS = rows("image,label", *(f"{n}.png,{'no' if n < 4 else 'yes'}" for n in range(8)))


def study_file(text: str) -> Build:
    def build(root: Path) -> list[str]:
        images = sound(root)
        (root / "mine.py").write_text(text.replace("FOLDER", json.dumps(str(images))))
        return [str(root / "mine.py")]

    return build


DECLARED = """
from ray import tune
from study.spec import OwnImages, Recipe, Study, Table
STUDY = Study(
    title="Mine",
    dataset=OwnImages(name="mine", folder=FOLDER, classes=("no", "yes")),
    image_size=32,
    pairs={"lenet": Recipe()},
    space={"lr": tune.loguniform(1e-4, 1e-2)},
)
"""


def declared(before: str, then: str) -> Build:
    assert before in DECLARED
    return study_file(DECLARED.replace(before, then))


CASES: dict[str, Case] = {
    # What is given as --images.
    "a folder that isn't there": Case(lambda root: ["--images", str(root / "nowhere")], "is not one"),
    "a file instead of a folder": Case(
        lambda root: [picture(root / "a.png"), "--images", str(root / "a.png")][1:], "must be a folder"
    ),
    "an empty folder": Case(lambda root: [(root / "e").mkdir(), "--images", str(root / "e")][1:], "has no folders"),
    "images without folders": Case(
        lambda root: [picture(root / "i/a.png"), "--images", str(root / "i")][1:], "Sort the images into folders"
    ),
    "images without folders beside a table": Case(
        lambda root: [picture(root / "i/a.png"), (root / "i/l.csv").touch(), "--images", str(root / "i")][2:],
        "--labels",
    ),
    "one class": Case(lambda root: ["--images", str(classes(root / "i", "only"))], "has 1 (only)"),
    "the folder above": Case(lambda root: ["--images", str(sound(root / "above").parent)], "the folder above or below"),
    "an empty class folder": Case(after(lambda i: (i / "maybe").mkdir()), "maybe is empty"),
    "a class folder of empty folders": Case(after(lambda i: (i / "maybe/p1").mkdir(parents=True)), "maybe is empty"),
    "too few images of a class": Case(
        after(lambda i: [f.unlink() for f in sorted((i / "no").iterdir())[2:]]), "'no' has 2"
    ),
    "101 classes": Case(
        lambda root: ["--images", str(classes(root / "i", *map(str, range(101)), num=1))], "101 folders"
    ),
    "class folders beside train": Case(after(lambda i: classes(i / "train", "no", "yes")), "has both"),
    "only a test folder": Case(
        lambda root: ["--images", str(classes(root / "i/test", "a", "b").parent)], "to train on"
    ),
    "two train folders": Case(
        lambda root: [
            *[classes(root / "i" / side, "a", "b") for side in ("train", "Training")],
            "--images",
            str(root / "i"),
        ][2:],
        "Training and train",
    ),
    "a class that only train has": Case(
        lambda root: [
            classes(root / "i/train", "a", "b", "c"),
            classes(root / "i/test", "a", "b"),
            "--images",
            str(root / "i"),
        ][2:],
        "none for 'c'",
    ),
    "class folders that differ by case": Case(after(lambda i: classes(i, "Yes")), "'Yes' and 'yes'"),
    "an image beside the class folders": Case(after(lambda i: picture(i / "stray.png", 99)), "'stray.png'"),
    "all images the same": Case(
        after(lambda i: [shutil.copy(i / "no/0.png", f) for f in i.glob("*/*.png") if f != i / "no/0.png"]),
        "too few groups",
    ),
    "one patient in a class": Case(
        after(lambda i: [(i / "no/p1").mkdir(), [f.rename(i / "no/p1" / f.name) for f in (i / "no").glob("*.png")]]),
        "too few groups",
    ),
    # What is in the files.
    "a text file among the images": Case(after(lambda i: (i / "no/notes.txt").write_text("x")), "no/notes.txt"),
    "DICOM": Case(after(lambda i: (i / "no/slice.dcm").write_bytes(bytes(128) + b"DICM")), "no/slice.dcm"),
    "only DICOM": Case(
        after(lambda i: [f.write_bytes(bytes(128) + b"DICM") for f in i.glob("*/*")]), "others must be saved"
    ),
    "an empty file": Case(after(lambda i: (i / "no/0.png").write_bytes(b"")), "no/0.png: cannot identify"),
    "a truncated file": Case(
        after(lambda i: (i / "no/0.png").write_bytes((i / "no/0.png").read_bytes()[:200])), "no/0.png"
    ),
    "a web page called an image": Case(after(lambda i: (i / "no/0.png").write_text("<html>")), "cannot identify"),
    "transparency": Case(after(lambda i: Image.new("RGBA", (9, 9)).save(i / "no/0.png")), "transparent in part"),
    "floating point": Case(after(lambda i: Image.new("F", (9, 9)).save(i / "no/0.tif")), "colour mode F"),
    "several pictures in a file": Case(
        after(
            lambda i: Image.new("L", (9, 9)).save(i / "no/0.tif", save_all=True, append_images=[Image.new("L", (9, 9))])
        ),
        "2 pictures in one file",
    ),
    "a broken link": Case(after(lambda i: (i / "no/gone.png").symlink_to(i / "nowhere.png")), "no/gone.png"),
    # What is in a table.
    "a table that isn't there": Case(flags("--labels", "nowhere.csv"), "must be a CSV file"),
    "a table that is a folder": Case(flags("--labels", "."), "must be a CSV file"),
    "an empty table": Case(table(""), "can't be read"),
    "a table of one line": Case(table("image,label\n"), "has none"),
    "a table in Latin-1": Case(table("image,label\n0.png,gesch\xe4digt\n".encode("latin-1")), "UTF-8"),
    "a table that is an image": Case(table(b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe"), "can't be read"),
    "a row of too many columns": Case(table(ROWS + "8.png,yes,no,maybe\n"), "can't be read"),
    "no column that could be the image": Case(table(rows("a,label", "0.png,no")), "--image-column"),
    "no column that could be the label": Case(table(rows("image,b", "0.png,no")), "--label-column"),
    "a column twice": Case(table(rows("image,label,label", "0.png,no,no")), "twice"),
    "a mistyped image column": Case(table(ROWS, "--image-column", "imag"), "Did you mean 'image'?"),
    "a mistyped label column": Case(table(ROWS, "--label-column", "lable"), "Did you mean 'label'?"),
    "a mistyped group column": Case(table(ROWS, "--group-column", "patient"), "no column"),
    "a mistyped split column": Case(table(ROWS, "--split-column", "split"), "no column"),
    "a row without an image": Case(table(ROWS + ",yes\n"), "row 10"),
    "a row without a label": Case(table(ROWS + "8.png,\n"), "none in 'label'"),
    "a row that is too short": Case(table(ROWS + "8.png\n"), "none in 'label'"),
    "a row without a patient": Case(
        table(rows("image,label,patient", "0.png,no,1", "1.png,yes,"), "--group-column", "patient"), "none in 'patient'"
    ),
    "a row without its file": Case(table(ROWS + "8.png,yes\n"), "of '8.png' (row 10"),
    "an image in two rows": Case(table(ROWS + "7.png,yes\n"), "stands in row 10"),
    "an image in two rows, once without suffix": Case(table(ROWS + "7,yes\n"), "stands in row 10"),
    "a file outside of the folder": Case(
        table(rows("image,label", "../labels.csv,no", "0.png,yes")), "'../labels.csv'"
    ),
    "one label": Case(table(rows("image,label", *(f"{n}.png,no" for n in range(8)))), "in every row"),
    "labels that are measurements": Case(
        table(rows("image,label", *(f"{n}.png,{n / 7}" for n in range(150)))), "150 different values"
    ),
    "an unknown split": Case(
        table(rows("image,label,part", "0.png,no,train", "1.png,yes,holdout"), "--split-column", "part"), "'holdout'"
    ),
    "a slip in a column that is called split": Case(
        table(rows("image,label,split", "0.png,no,tst", *(f"{n}.png,yes,train" for n in range(1, 8)))), "'tst'"
    ),
    "an empty cell in a column that is called split": Case(
        table(rows("image,label,split", "0.png,no,", *(f"{n}.png,yes,train" for n in range(1, 8)))), "needs a split"
    ),
    "a label that is a slip": Case(
        table(rows("image,label", *(f"{n}.png,{('zreo', 'zero', 'one')[min(n, 1) + n // 5]}" for n in range(8)))),
        "'zreo' has 1. Is 'zero' meant?",
    ),
    "labels that differ by case": Case(
        table(rows("image,label", *(f"{n}.png,{('No', 'no', 'yes')[n % 3]}" for n in range(8)))), "'No' and 'no'"
    ),
    "a table without training rows": Case(
        table(rows("image,label,split", *(f"{n}.png,{'no' if n < 4 else 'yes'},test" for n in range(8)))),
        "'no' has 0",
    ),
    "a group that is a whole class": Case(
        table(rows("image,label,patient", *(f"{n}.png,{'no' if n < 4 else 'yes'},{n // 4}" for n in range(8)))),
        "too few groups",
    ),
    # Flags that don't go together.
    "--labels without --images": Case(known("--labels", "x.csv"), "--labels says something of --images"),
    "--name without --images": Case(known("her2_binary", "--name", "x"), "--name says something of --images"),
    "--positive without --images": Case(known("her2_binary", "--positive", "x"), "--positive says something"),
    "--save without --images": Case(known("her2_binary", "--save", "x.py"), "--save says something"),
    "--modality without --images": Case(known("her2_binary", "--modality", "he"), "--modality is for --images"),
    "--image-column without --labels": Case(flags("--image-column", "a"), "Give --labels"),
    "--group-column without --labels": Case(flags("--group-column", "a"), "Give --labels"),
    "--images with a study": Case(flags("her2_binary"), "Leave the name out"),
    "--images with --data": Case(flags("--data", "."), "Leave --data out"),
    "a positive class that isn't there": Case(flags("--positive", "yess"), "Did you mean 'yes'?"),
    "a positive class of three": Case(
        after(lambda i: classes(i, "perhaps"), "--positive", "yes"), "--positive is for two classes"
    ),
    "a name with a slash": Case(flags("--name", "a/b"), "letters, digits"),
    "a name that begins with a dash": Case(flags("--name=-a"), "letters, digits"),
    "a name that a study has": Case(flags("--name", "her2_binary"), "study.run her2_binary --data"),
    "--save to a text file": Case(flags("--save", "x.txt"), ".py"),
    "--save over a file": Case(
        lambda root: [(root / "x.py").touch(), *flags("--save", str(root / "x.py"))(root)][1:], "overwrite"
    ),
    "weights for no network": Case(flags("--weights", "resnet81=x.pt"), "Did you mean 'resnet18'?"),
    "weights that aren't there": Case(flags("--weights", "resnet18=nowhere.pt"), "nowhere.pt can't be read"),
    "weights that are an image": Case(flags("--architecture", "resnet18", "--weights", __file__), "can't be read"),
    "an unknown network": Case(flags("--architecture", "resnet81"), "Did you mean 'resnet18'?"),
    "no trials": Case(flags("--trials", "0"), "trials = 0"),
    "no epochs": Case(flags("--epochs", "0"), "epochs = 0"),
    "fewer epochs than are frozen": Case(flags("--epochs", "1", "--weights", "resnet18=w"), "is frozen for"),
    "no seeds": Case(flags("--seeds", "0"), "seeds = 0"),
    "more audited than searched": Case(flags("--trials", "2", "--audit", "2"), "audit = 2"),
    "images of 4 px": Case(flags("--image-size", "4"), "image_size = 4"),
    "a network for larger images": Case(
        flags("--image-size", "16", "--architecture", "densenet121"), "image_size is 16"
    ),
    # Study files.
    "a study file that isn't there": Case(known("{root}/mine.py"), "there is no"),
    "a study file of another language": Case(study_file("<html>"), "SyntaxError"),
    "a study file without a study": Case(study_file("STUDIES = 1"), "must define STUDY"),
    "a name that no module can have": Case(known("../study"), "no study '../study'"),
    "declared images that aren't there": Case(declared("FOLDER", '"nowhere"'), "nowhere is not one"),
    "a declared class without a folder": Case(declared('"yes"', '"yess"'), "yes is none of no, yess"),
    "one declared class": Case(declared('("no", "yes")', '("no",)'), "2 to 100 classes"),
    "a class declared twice": Case(declared('("no", "yes")', '("no", "no")'), "'no' stands there twice"),
    "an unknown modality": Case(declared('"yes")', '"yes"), modality="xray"'), "no modality 'xray'"),
    "an unknown side": Case(declared('"yes")', '"yes"), sides={"": "trian"}'), "Did you mean 'train'?"),
    "no side to train on": Case(declared('"yes")', '"yes"), sides={"": "test"}'), '"train"'),
    "a window that is upside down": Case(declared('"yes")', '"yes"), window=(9, 3)'), "black < white"),
    "a declared table that isn't there": Case(
        declared('"yes")', '"yes"), table=Table(file="l.csv", image="i", label="l")'), "must be a CSV file"
    ),
    "an unknown dataset": Case(
        declared('OwnImages(name="mine", folder=FOLDER, classes=("no", "yes"))', '"mnist"'), "no dataset"
    ),
    "an unknown field": Case(declared("folder=", "path="), "TypeError"),
    # Folders of known datasets.
    "no name": Case(known(), "A study's name is needed"),
    "an empty folder for a known study": Case(known("brain_tumor", "--data", "{root}"), "has none of them"),
    "an empty folder for HER2": Case(known("her2_binary", "--data", "{root}"), "IHC/train"),
    "an empty folder for PCam": Case(known("histopathologic", "--data", "{root}"), "train_labels.csv"),
    "an empty folder for blood cells": Case(known("blood_cell", "--data", "{root}"), "Each class needs its folder"),
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In an empty folder, to see that nothing is written there."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    yield
    assert not list((tmp_path / "here").iterdir())


@pytest.mark.parametrize("name", CASES)
def test_a_malformed_input_is_refused_in_words(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = CASES[name]
    given = case.build(tmp_path)
    if "--architecture" not in given and "--weights" not in given:
        # Without the network whose weights would be downloaded.
        given += ["--architecture", "lenet"]
    folders = [f"--{kind}={tmp_path / kind}" for kind in ("results", "reports", "cache")]
    assert run.main([*given, *folders]) == USER_ERROR
    message = capsys.readouterr().err
    assert case.says in message
    assert message.count("error: ") == 1
    assert "Traceback" not in message
    assert not (tmp_path / "results").exists()
    assert not (tmp_path / "reports").exists()


def test_there_are_a_hundred_of_them() -> None:
    assert len(CASES) >= 100
