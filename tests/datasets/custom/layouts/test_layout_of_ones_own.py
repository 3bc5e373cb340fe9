"""A layout that is no part of the package, in a file of its own, is picked where it recognizes the images."""

from pathlib import Path

import pytest
from datasets.custom.conftest import Make, Said

from study import datasets, registry
from study.datasets import TEST
from study.datasets.custom import layouts
from study.datasets.custom.layouts import layout_of
from study.spec import OwnImages

# The class stands in the file's name, before its number.
IN_NAMES = """
from pathlib import Path
from study.datasets import DEVELOPMENT, Sample
from study.datasets.custom.layouts import OwnLayout, Scanned
from study.spec import OwnImages

def _class(path):
    return path.name.partition("_")[0]

def _files(root):
    return sorted(root.glob("*_*.png"))

def _understand(given):
    classes = sorted({_class(path) for path in _files(given.root)})
    return OwnImages(name=given.name, folder=str(given.root.resolve()), classes=tuple(classes))

def _scan(root, own):
    found = [Sample(path.name, DEVELOPMENT, own.classes.index(_class(path))) for path in _files(root)]
    return Scanned(found, ("Names of files tell the classes.",))

LAYOUT = OwnLayout(
    title="the class in the name of each file",
    recognizes=lambda root, table: table is None and bool(_files(root)),
    understand=_understand,
    scan=_scan,
    in_words=lambda root, own: ["layout     the class is what stands before _"],
)
"""


@pytest.fixture
def in_names(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = registry.Kind(name="layout", package="study.datasets.custom.layouts", attribute="LAYOUT")
    kind.give("in_names", IN_NAMES, "in_names.py")
    monkeypatch.setattr(layouts, "KIND", kind)


@pytest.fixture
def files(make: Make) -> None:
    make(*(f"{name}_{number}.png" for name in ("benign", "malignant") for number in range(12)))


@pytest.mark.usefixtures("files")
def test_without_it_the_images_are_refused(refused: Said) -> None:
    assert "must hold a folder of images for each class" in refused()


@pytest.mark.usefixtures("files", "in_names")
def test_it_is_what_the_command_reads_by(read: Said) -> None:
    said = read()
    assert "24 images in 2 classes: benign 12, malignant 12" in said
    assert "layout the class is what stands before _" in said
    assert "note Names of files tell the classes." in said


@pytest.mark.usefixtures("in_names")
def test_what_it_does_not_recognize_is_left_to_the_others(tmp_path: Path, make: Make, read: Said) -> None:
    make(*(f"{name}/{number}.png" for name in ("no", "yes") for number in range(12)))
    assert layout_of(tmp_path, None).title == "a folder for each class"
    assert "24 images in 2 classes" in read()


@pytest.mark.usefixtures("files", "in_names")
def test_a_declaration_is_read_by_it_too(tmp_path: Path) -> None:
    own = OwnImages(name="mine", folder=str(tmp_path), classes=("benign", "malignant"))
    samples = datasets.of(own).scan(tmp_path)
    assert len(samples) == 24
    assert TEST not in {sample.side for sample in samples}
