"""Three real processes, connected by Gloo, against one that is alone. A study with two: tests/execution."""

import itertools
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from study.training.data import Images
from study.training.distributed import Peers
from study.training.trainer import Training
from study.training.training_run import Run

# 45 training images in batches of 16: 16, 16 and 13; 21 images of val.
TARGETS = [i % 2 for i in range(66)]
RECIPES = {
    "plain": {"architecture": "lenet", "optimizer": "adam", "lr": 3e-3},
    "augmented": {"architecture": "lenet", "augmentation": "strong", "optimizer": "sgd", "lr": 1e-2},
    "batchnorm": {"architecture": "four_block_cnn", "batchnorm": True, "optimizer": "sgd", "lr": 1e-2},
    "micro": {"architecture": "lenet", "optimizer": "sgd", "lr": 1e-2, "micro_batch": 3},
    # Of the last batch, two images, one process has none.
    "last_batchnorm": {
        "architecture": "four_block_cnn",
        "batchnorm": True,
        "optimizer": "sgd",
        "lr": 1e-2,
        "num_train": 18,
    },
    "last": {"architecture": "lenet", "optimizer": "sgd", "lr": 1e-2, "num_train": 18},
}
EPOCHS = 3
NUM = 3

Result = dict[str, list[dict[str, float]]]


def train(run: Run, pixels: Path) -> list[dict[str, float]]:
    training = Training(run, Images(pixels, torch.device("cpu")))
    curve = [training.run_epoch() for _ in range(EPOCHS)]
    # The network after the last epoch, and what it answers for val.
    answers = training.predict(run.val.rows)
    norm = float(torch.cat([p.detach().flatten() for p in training.model.parameters()]).norm())
    return [
        *({k: v for k, v in metrics.items() if "seconds" not in k} for metrics in curve),
        {"norm": norm, **{f"answer{i}": float(v) for i, v in enumerate(answers.flatten())}},
    ]


def process(rank: int, meeting: str, runs: dict[str, Run], pixels: Path, results: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{meeting}", timedelta(seconds=120), NUM, rank)
    torch.save({name: train(run, pixels) for name, run in runs.items()}, results / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def runs(make_run) -> dict[str, Run]:
    made = {}
    for name, recipe in RECIPES.items():
        options = {"num_train": 45} | {k: v for k, v in recipe.items() if k != "micro_batch"}
        made[name] = replace(make_run(TARGETS, **options), micro_batch=recipe.get("micro_batch", 0))
    return made


@pytest.fixture(scope="module")
def pixels(make_images, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("peers") / "pixels.npy"
    np.save(path, make_images(TARGETS).batch(torch.arange(len(TARGETS))).mul(255).round().byte().permute(0, 2, 3, 1))
    return path


@pytest.fixture(scope="module")
def results(pixels, runs) -> list[Result]:
    """What each recipe gave in each of the processes."""
    folder = pixels.parent
    torch.multiprocessing.spawn(process, (str(folder / "meet"), runs, pixels, folder), nprocs=NUM)
    return [torch.load(folder / f"{rank}.pt") for rank in range(NUM)]


@pytest.mark.parametrize("name", RECIPES)
def test_several_processes_give_the_curve_of_one(results, runs, pixels, name):
    for one, many in zip(train(runs[name], pixels), results[0][name], strict=True):
        assert many == pytest.approx(one, rel=1e-4, abs=1e-4)


def test_all_processes_hold_the_same_network_and_metrics(results):
    assert results[1] == results[0]
    assert results[2] == results[0]


@pytest.mark.parametrize("name", RECIPES)
def test_metrics_are_those_of_the_gathered_predictions(results, runs, name):
    *_, last, end = results[0][name]
    logits = np.array([v for k, v in end.items() if k.startswith("answer")])
    targets = runs[name].val.targets
    assert last["val_roc_auc"] == pytest.approx(roc_auc_score(targets, logits), abs=1e-12)
    assert last["val_accuracy"] == pytest.approx(accuracy_score(targets, logits > 0), abs=1e-7)
    assert last["val_loss"] == pytest.approx(log_loss(targets, 1 / (1 + np.exp(-logits))), rel=1e-6)


def test_each_image_of_a_batch_is_some_process_s_alone():
    for num, num_images in itertools.product((1, 2, 3, 8), (1, 2, 3, 16, 17)):
        shares = [_peers(rank, num).share(num_images) for rank in range(num)]
        weights = [_peers(rank, num).weight(share) for rank, share in enumerate(shares)]
        counted = [share.positions.tolist() for share, weight in zip(shares, weights, strict=True) if weight]
        assert sorted(itertools.chain(*counted)) == list(range(num_images))
        assert np.mean(weights) == pytest.approx(1)


def _peers(rank: int, num: int) -> Peers:
    peers = Peers()
    peers.rank, peers.num = rank, num
    return peers
