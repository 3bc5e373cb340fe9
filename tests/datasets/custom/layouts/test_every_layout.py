"""What every layout must do: these run over all that are found, so a new one is tested without a new test."""

from pathlib import Path

import numpy as np
import pytest

from study import datasets
from study.datasets import DEVELOPMENT, TEST, VALIDATION
from study.datasets.custom import layouts
from study.datasets.custom.layouts import Given, OwnLayout, layout_of
from study.datasets.images.pixel_cache import prepare
from study.errors import DataError
from study.spec import OwnImages

SIDE_PX = 16
CLASSES = ("grade 2", "grade 10")
IMAGES = [
    (name, np.random.default_rng([number, place]).integers(0, 256, (SIDE_PX, SIDE_PX)).astype(np.uint8))
    for place, name in enumerate(CLASSES)
    for number in range(6)
]


@pytest.fixture(params=layouts.KIND.names())
def layout(request: pytest.FixtureRequest) -> OwnLayout:
    found: OwnLayout = layouts.KIND.find(request.param)
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "images [of mine]"
    folder.mkdir()
    return folder


@pytest.fixture
def given(layout: OwnLayout, root: Path) -> Given:
    assert layout.example is not None, "a layout that is shipped brings an example, or nothing here can be tested"
    table = layout.example(root, IMAGES)
    columns = dict.fromkeys(("image", "label", "group", "split"), "")
    return Given(name="mine", root=root, table=table, columns=columns)


@pytest.fixture
def own(layout: OwnLayout, given: Given) -> OwnImages:
    return layout.understand(given)


def test_it_is_the_one_that_recognizes_its_images(layout: OwnLayout, given: Given) -> None:
    assert layout.title
    assert layout_of(given.root, given.table) is layout


def test_it_understands_where_the_images_are_and_their_classes_in_natural_order(own: OwnImages, root: Path) -> None:
    assert own.name == "mine"
    assert Path(own.folder) == root.resolve()
    assert own.classes == CLASSES


def test_each_image_has_its_class_once_and_the_same_each_time(layout: OwnLayout, own: OwnImages, root: Path) -> None:
    scanned = layout.scan(root, own)
    assert scanned == layout.scan(root, own)
    assert scanned.notes == ()
    class_of = {sample.path: own.classes[sample.target] for sample in scanned.samples}
    assert len(class_of) == len(scanned.samples) == len(IMAGES)
    assert {sample.side for sample in scanned.samples} <= {DEVELOPMENT, VALIDATION, TEST}
    store = prepare(root, sorted(class_of), size_px=SIDE_PX, cache=root.parent / "cache", show_progress=False)
    found = {image[..., 0].tobytes(): class_of[path] for path, image in zip(store.paths, store.open(), strict=True)}
    assert found == {pixels.tobytes(): name for name, pixels in IMAGES}


def test_a_dataset_that_declares_it_is_read_by_it_also_where_the_images_were_moved(
    layout: OwnLayout, own: OwnImages, root: Path
) -> None:
    moved = root.rename(root.parent / "moved")
    assert datasets.of(own).scan(moved) == layout.scan(moved, own).samples


def test_the_order_of_the_classes_is_the_declarations(layout: OwnLayout, own: OwnImages, root: Path) -> None:
    turned = OwnImages(name="mine", folder=own.folder, classes=own.classes[::-1], sides=own.sides, table=own.table)
    before, after = (layout.scan(root, each).samples for each in (own, turned))
    assert {s.path: 1 - s.target for s in before} == {s.path: s.target for s in after}


def test_a_class_that_is_not_declared_is_refused_by_name(layout: OwnLayout, own: OwnImages, root: Path) -> None:
    other = OwnImages(name="mine", folder=own.folder, classes=("grade 2", "grade 3"), sides=own.sides, table=own.table)
    with pytest.raises(DataError, match="grade 10"):
        layout.scan(root, other)


def test_images_that_are_gone_are_refused_with_what_was_expected(layout: OwnLayout, own: OwnImages, root: Path) -> None:
    root.rename(root.parent / "elsewhere")
    root.mkdir()
    with pytest.raises(DataError, match=r"images \[of mine\]"):
        layout.scan(root, own)


def test_what_lies_there_and_is_not_used_is_said_a_line_each(layout: OwnLayout, own: OwnImages, root: Path) -> None:
    for line in layout.in_words(root, own):
        assert line
        assert "\n" not in line
