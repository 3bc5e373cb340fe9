"""What does a search cost beyond its training? The same epochs, searched by us and replayed by a bare PyTorch loop.

    uv run python bench/search_overhead.py --data ../shared/data/brain_tumor_mri [--trials 8] [--epochs 9]

Runs `study.run brain_tumor` on a holdout of the Training images, then trains each searched trial's recipe again for
as many epochs as it was given, in as many processes of one thread each, with images and network in memory and nothing
else: no Ray, no checkpoints, no records, no AUC. Network, batch size, optimizer, augmentation and the evaluation of
val after each epoch are the same. Machines are noisy: the two are run in turn, and the ratio is what counts.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from holdout import make_holdout

from study import architectures, records
from study.spec import Recipe
from study.training import augmentation, losses, optimization

_EVALUATION_BATCH_SIZE = 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    # Ray gives this to the workers of trials with one CPU; the bare loop's processes get it too.
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as scratch:
        data = make_holdout(options.data, Path(scratch) / "data")
        for repeat in range(options.repeats):
            folder = _run_study(data, Path(scratch) / f"run{repeat}", options)
            state = records.load_run(folder)
            ours_s, warm_s = _search_seconds(state), _overheads(folder)
            bare_s = _replay(folder, state)
            print(
                f"search {ours_s:.1f} s, bare loop {bare_s:.1f} s, ratio {ours_s / bare_s:.3f}; a warm trial costs "
                f"{statistics.median(warm_s):.3f} s beyond its epochs (median of {len(warm_s)}, "
                f"max {max(warm_s):.3f} s)"
            )


def _run_study(data: Path, scratch: Path, options: argparse.Namespace) -> records.RunFolder:
    command = [sys.executable, "-m", "study.run", "brain_tumor", "--data", str(data), "--seeds", "1"]
    command += ["--trials", str(options.trials), "--epochs", str(options.epochs)]
    command += ["--results", str(scratch / "results"), "--reports", str(scratch / "reports")]
    command += ["--ledger", str(scratch / "test-openings.jsonl")]
    command += ["--cache", str(data.parent / "cache")]
    subprocess.run(command, check=True)
    return records.RunFolder(scratch / "results" / "brain_tumor")


def _search_seconds(state: records.StudyState) -> float:
    """From the start of the first epoch to the end of the last searched trial."""
    searched = state.of_kind(records.SEARCH)
    first = min(t.epochs[0]["time"] - t.epochs[0]["seconds"] for t in searched)
    return float(max(t.result["time"] for t in searched) - first)


def _overheads(folder: records.RunFolder) -> list[float]:
    """Seconds of each warm searched trial from the end of the trial before it to its own, without its epochs."""
    ends: list[float] = []
    cost: dict[str, float] = {}
    for event in records.read_events(folder.events):
        trial, kind = event.get("trial", ""), event["event"]
        # Before the first trial has ended all actors are cold.
        if kind == "started" and event["kind"] == records.SEARCH and ends:
            cost[trial] = -ends[-1]
        elif kind == "epoch" and trial in cost:
            cost[trial] -= event["seconds"]
        elif kind in ("completed", "stopped", "failed"):
            ends.append(event["time"])
            if trial in cost:
                cost[trial] += event["time"]
    return list(cost.values())


def _replay(folder: records.RunFolder, state: records.StudyState) -> float:
    """Wall seconds of the same epochs in bare loops, from when all processes are ready."""
    context = multiprocessing.get_context("spawn")
    num = int(state.manifest["slots"]["num"])
    queue, ready, go = context.Queue(), context.Barrier(num + 1), context.Barrier(num + 1)
    # In the order of their start, as the slots took them.
    for trial in (t for t in state.trials.values() if t.kind == records.SEARCH):
        queue.put((trial.pair, trial.recipe, len(trial.epochs), trial.seed))
    for _ in range(num):
        queue.put(None)
    tensors = _load(folder, state.manifest)
    processes = [context.Process(target=_work, args=(queue, ready, go, tensors, state.manifest)) for _ in range(num)]
    for process in processes:
        process.start()
    ready.wait()
    started_s = time.perf_counter()
    go.wait()
    for process in processes:
        process.join()
    return time.perf_counter() - started_s


def _load(folder: records.RunFolder, manifest: dict[str, Any]) -> dict[str, torch.Tensor]:
    table = pd.read_csv(folder.splits)
    (index_path,) = (folder.root.parents[2] / "cache").glob(f"index-*-{manifest['image_size']}.json")
    index = json.loads(index_path.read_text())
    pixels = np.load(index_path.parent / index["pixels"])
    row_of = {path: row for row, path in enumerate(index["paths"])}
    tensors = {}
    for split in ("train", "val"):
        part = table[table["split"] == split]
        tensors[f"{split}_x"] = torch.from_numpy(pixels[part["path"].map(row_of).to_numpy()])
        tensors[f"{split}_y"] = torch.from_numpy(part["target"].to_numpy(copy=True))
    return tensors


def _work(queue: Any, ready: Any, go: Any, tensors: dict[str, torch.Tensor], manifest: dict[str, Any]) -> None:
    torch.set_num_threads(1)
    # What the first optimizer of a process imports belongs to the start of a process, not to the search.
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])
    ready.wait()
    go.wait()
    while (item := queue.get()) is not None:
        _train(*item, tensors, manifest)


def _train(
    pair: str,
    recipe: dict[str, Any],
    epochs: int,
    seed: int,
    tensors: dict[str, torch.Tensor],
    manifest: dict[str, Any],
) -> None:
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    classes = manifest["dataset"]["classes"]
    train_x, train_y = tensors["train_x"], tensors["train_y"]
    model = architectures.find(pair).build(Recipe(**recipe), len(classes), manifest["image_size"])
    model = model.to(memory_format=torch.channels_last)
    optimizer = optimization.make_optimizer(model, recipe)
    loss_of = losses.training_loss(recipe, torch.bincount(train_y).tolist(), torch.device("cpu"))
    policy = augmentation.policy(manifest["dataset"]["modality"], recipe["augmentation"])

    def batch(images: torch.Tensor) -> torch.Tensor:
        return images.permute(0, 3, 1, 2).float().div_(255)

    for _ in range(epochs):
        model.train()
        for rows in torch.randperm(len(train_y), generator=generator).split(recipe["batch_size"]):
            images = augmentation.augment(batch(train_x[rows]), policy, generator)
            optimizer.zero_grad(set_to_none=True)
            loss_of(model((images - 0.2) / 0.2), train_y[rows]).backward()
            optimizer.step()
        model.eval()
        with torch.inference_mode():
            for images in tensors["val_x"].split(_EVALUATION_BATCH_SIZE):
                model((batch(images) - 0.2) / 0.2)


if __name__ == "__main__":
    main()
