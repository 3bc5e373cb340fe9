"""Out of memory, a batch is trained in parts: the same step from fewer images at a time."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from study.training.data import Images
from study.training.trainer import _num_parts, train
from study.training.training_run import Run

BINARY = [i % 2 for i in range(80)]
FOUR_CLASSES = [i % 4 for i in range(80)]

MakeImages = Callable[..., Images]
MakeRun = Callable[..., Run]


def losses(run: Run, images: Images) -> list[float]:
    found: list[float] = []
    train(run, images, report=lambda metrics, _: found.extend([metrics["train_loss"], metrics["val_loss"]]))
    return found


@pytest.mark.parametrize(
    ("targets", "recipe"),
    [
        (BINARY, {"pos_weight": 3.0, "optimizer": "sgd"}),
        (FOUR_CLASSES, {"class_weight_power": 1.0}),
    ],
)
@pytest.mark.parametrize("micro_batch", [1, 5, 16])
def test_parts_of_a_batch_add_up_to_the_same_training(
    make_images: MakeImages, make_run: MakeRun, targets: list[int], recipe: dict[str, object], micro_batch: int
) -> None:
    images = make_images(targets)
    whole = make_run(targets, epochs=3, batch_size=32, **recipe)
    assert losses(replace(whole, micro_batch=micro_batch), images) == pytest.approx(losses(whole, images), rel=1e-3)


def test_batch_normalization_trains_in_parts_too(make_images: MakeImages, make_run: MakeRun) -> None:
    images = make_images(BINARY)
    run = make_run(BINARY, epochs=2, batch_size=31, batchnorm=True)
    assert all(loss < 2 for loss in losses(replace(run, micro_batch=2), images))


@pytest.mark.parametrize("num_images", range(1, 70))
@pytest.mark.parametrize("micro_batch", [0, 1, 2, 7, 32])
def test_no_part_is_a_single_image_or_much_above_the_limit(num_images: int, micro_batch: int) -> None:
    parts = torch.arange(num_images).tensor_split(_num_parts(num_images, micro_batch))
    assert sum(len(part) for part in parts) == num_images
    assert min(len(part) for part in parts) >= min(2, num_images)
    if micro_batch:
        assert max(len(part) for part in parts) <= max(3, micro_batch)


MEETS_ITS_LIMIT = """
import resource, sys
import torch
from study import architectures
from study.spec import Recipe
from study.training import failures

torch.set_num_threads(1)
model = architectures.find("alexnet").build(Recipe(), 1, 128)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 400 * 2**20,) * 2)
for size in (4096, 8):
    try:
        model(torch.rand(size, 3, 128, 128)).sum().backward()
        print(size, "trained")
    except Exception as error:
        print(size, failures.of_exception(error).kind)
"""


def test_a_batch_that_does_not_fit_is_known_as_out_of_memory_and_a_smaller_one_then_fits() -> None:
    run = subprocess.run([sys.executable, "-c", MEETS_ITS_LIMIT], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["4096 out of memory", "8 trained"]
