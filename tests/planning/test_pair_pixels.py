"""A study whose networks see images of different sizes: which sizes, decoded once, of the same images."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from ray import tune

from study import datasets
from study.errors import DataError, DeclarationError, UnknownNameError
from study.evaluation.appearance import Appearance
from study.execution.worker import machine
from study.planning.dataset_split import DatasetSplit, split_dataset
from study.planning.declared_study import image_sizes_of, require_networks
from study.planning.make_plan import make_plan
from study.planning.options import Options
from study.planning.pair_pixels import pixels_at
from study.planning.plan import Plan
from study.planning.resources import Slots
from study.planning.workload import Running
from study.spec import Recipe, Study

STUDY = Study(
    title="Two sizes",
    dataset="brain_tumor_mri",
    image_size=16,
    image_sizes={"four_block_cnn": 24},
    pairs={"lenet": Recipe(batch_size=8), "four_block_cnn": Recipe(batch_size=8)},
    space={"lr": tune.loguniform(1e-4, 1e-2)},
)
ONE_SIZE = replace(STUDY, image_sizes={})


def options(images: Path, scratch: Path, *image_size: str) -> Options:
    return Options(
        data=images, results=scratch / "results", cache=scratch / "cache", ledger=scratch / "test-openings.jsonl",
        budget="standard", image_size=image_size, groups="duplicates", precision="float32",
    )  # fmt: skip


@pytest.fixture
def plan(tiny_images: Path, tmp_path: Path) -> Plan:
    """Of a network that sees 16 px and one that sees 24."""
    return make_plan("two", STUDY, options(tiny_images, tmp_path))


@pytest.mark.parametrize(
    ("asked", "sizes"),
    [
        ((), {"lenet": 16, "four_block_cnn": 24}),
        (("32",), {"lenet": 32, "four_block_cnn": 32}),
        (("lenet=48",), {"lenet": 48, "four_block_cnn": 24}),
        (("32", "lenet=48"), {"lenet": 48, "four_block_cnn": 32}),
        (("lenet=48", "32"), {"lenet": 48, "four_block_cnn": 32}),
        (("32", "40"), {"lenet": 40, "four_block_cnn": 40}),
        (("resnet18=224",), {"lenet": 16, "four_block_cnn": 24}),
    ],
)
def test_what_is_asked_for_goes_before_what_is_declared(
    tmp_path: Path, asked: tuple[str, ...], sizes: dict[str, int]
) -> None:
    assert image_sizes_of(STUDY, options(tmp_path, tmp_path, *asked), stand_in=False) == sizes


@pytest.mark.parametrize("asked", ["lenet=15", "lenet=0"])
def test_images_that_are_too_small_are_refused_with_the_network(tmp_path: Path, asked: str) -> None:
    with pytest.raises(DeclarationError, match=f"those of 'lenet' have {asked[6:]} px.* --image-size lenet=PX"):
        image_sizes_of(STUDY, options(tmp_path, tmp_path, asked), stand_in=False)


def test_a_size_is_for_a_network_of_one_of_the_studies(tmp_path: Path) -> None:
    require_networks([STUDY], options(tmp_path, tmp_path, "lenet=32"))
    with pytest.raises(UnknownNameError, match="Did you mean 'lenet'"):
        require_networks([STUDY], options(tmp_path, tmp_path, "lenett=32"))


def test_each_network_has_the_same_images_at_its_own_size(plan: Plan, tiny_images: Path, tmp_path: Path) -> None:
    small, large = plan.pixels["lenet"].store, plan.pixels["four_block_cnn"].store
    assert small == plan.store
    assert small.paths == large.paths
    assert small.open().shape[1:] == (16, 16, 3)
    assert large.open().shape[1:] == (24, 24, 3)
    shrunk = [np.asarray(Image.fromarray(each).resize((16, 16), Image.Resampling.BOX)) for each in large.open()]
    alike = np.corrcoef(np.stack(shrunk).reshape(len(shrunk), -1), small.open().reshape(len(shrunk), -1))
    # Of each image, its own is the most alike of all.
    assert (alike[: len(shrunk), len(shrunk) :].argmax(axis=1) == np.arange(len(shrunk))).all()
    alone = make_plan("one", ONE_SIZE, options(tiny_images, tmp_path))
    for name in ("names_hash", "test_hash", "data_hash", "split_hash", "likeness", "appearance", "image_size"):
        assert getattr(plan.manifest, name) == getattr(alone.manifest, name), name
    assert plan.table.equals(alone.table)


def test_each_size_is_decoded_once(tiny_images: Path, tmp_path: Path) -> None:
    three = replace(STUDY, references=("alexnet",), image_sizes={"four_block_cnn": 32, "alexnet": 32})
    plan = make_plan("three", three, options(tiny_images, tmp_path))
    assert plan.pixels["four_block_cnn"] is plan.pixels["alexnet"]
    assert len(list((tmp_path / "cache").glob("pixels-*.npy"))) == 2


def test_the_records_say_which_size_is_whose_and_how_the_images_look_at_it(plan: Plan) -> None:
    manifest = plan.manifest
    assert (manifest.image_size, manifest.image_sizes) == (16, {"lenet": 16, "four_block_cnn": 24})
    assert manifest.pairs["lenet"].image_size is None
    of_large = manifest.appearance_of("four_block_cnn")
    assert manifest.appearance_of("lenet") == manifest.appearance != of_large
    assert of_large is not None
    pixels = plan.pixels["four_block_cnn"]
    assert Appearance.from_record(of_large).differs_grossly(pixels.store.open()[pixels.train_rows]).mean() < 0.05


def test_networks_are_built_for_the_size_that_they_see(plan: Plan, tiny_images: Path, tmp_path: Path) -> None:
    larger = make_plan("larger", replace(STUDY, image_sizes={"lenet": 24}), options(tiny_images, tmp_path))
    small, large = (each.manifest.pairs["lenet"].num_parameters or 0 for each in (plan, larger))
    # LeNet ends in a dense layer over all places of its last feature map.
    assert large > small > 0


@pytest.fixture
def split(tiny_images: Path, tmp_path: Path) -> tuple[DatasetSplit, Path, Path]:
    """Images at 16 px, their folder, which may be changed, and the cache."""
    root = tmp_path / "images"
    shutil.copytree(tiny_images, root)
    dataset = datasets.of("brain_tumor_mri")
    asked = options(root, tmp_path)
    images = split_dataset(dataset, root, dataset.scan(root), asked, image_size=16, val_fraction=0.15)
    return images, root, asked.cache


def test_an_image_that_can_be_read_at_one_size_only_is_an_error(split: tuple[DatasetSplit, Path, Path]) -> None:
    images, root, cache = split
    (root / images.store.paths[3]).write_bytes(b"no image")
    with pytest.raises(DataError, match="1 of those at 16 px can't be read at 24 px") as refused:
        pixels_at([24], images, root, cache)
    assert f"the first of them {images.store.paths[3]}: " in str(refused.value)


def test_an_image_that_changes_between_two_sizes_is_an_error(split: tuple[DatasetSplit, Path, Path]) -> None:
    images, root, cache = split
    Image.new("L", (40, 40), 7).save(root / images.store.paths[3])
    with pytest.raises(DataError, match="changed between those at 16 px and those at 24 px"):
        pixels_at([24], images, root, cache)


def test_another_machine_gets_the_images_that_its_task_needs(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workload = plan.workload(Slots(num=1, cpus=1, gpus=0), Running(shared=str(tmp_path / "shared")))
    workload = replace(workload, storage=str(tmp_path / "shared"))
    for array in workload.pair_pixels.values():
        array.path.unlink()
    monkeypatch.setattr(machine.tempfile, "tempdir", str(tmp_path / "scratch"))
    here = machine.on_this_machine(workload, "four_block_cnn")
    arrays = {path.name for path in (tmp_path / "scratch").rglob("*.npy")}
    assert arrays == {workload.pair_pixels["four_block_cnn"].path.name}
    assert np.load(here.pair_pixels["four_block_cnn"].path).shape[1] == 24
    here = machine.on_this_machine(workload)
    sizes = {pair: np.load(array.path).shape[1] for pair, array in here.pair_pixels.items()}
    assert sizes == {"lenet": 16, "four_block_cnn": 24}
    assert np.load(here.pixels).shape[1] == 16
    assert here.pair_pixels["lenet"].standardization == workload.pair_pixels["lenet"].standardization
