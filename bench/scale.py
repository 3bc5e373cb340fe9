"""A data set of the size of PCam: 220,025 patches of 96 px. How long does each stage take, and in how much memory?

    uv run python bench/scale.py FOLDER [--images 220025]

Makes the images in FOLDER first, unless they are there: each is a mixture of two of 2,000 drawn patches
(`study.datasets.synthetic.lymph_node`), shifted, so that no two show the same picture; every hundredth is a turned copy
of another. Then each stage runs in a process of its own, as `study.run histopathologic` calls it: find and label the
files, read and resize them (64 px thumbnails, hashes, fingerprints), look for pictures that are the same, split, and
train LeNet for one epoch with all cores. Reading is also killed when half is done (SIGKILL), and gone on with.

Memory is what a process holds for itself (RssAnon), in MiB, at most; the mapped arrays are the operating system's. For
comparison each file is also opened, decoded and converted to an array once with Pillow, in as many threads.
"""

import argparse
import csv
import json
import multiprocessing
import os
import pickle
import shutil
import signal
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from study import datasets
from study.datasets.images import groups, pixel_cache, splits
from study.datasets.synthetic import lymph_node

SIZE_PX, NUM_DRAWN, COPY_EVERY = 96, 2_000, 100
_PART = 5_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=220_025)
    options = parser.parse_args()
    root, cache = options.folder / "images", options.folder / "cache"
    if not (root / "train_labels.csv").exists():
        print(f"{options.images:,} images made in {_make(root, options.images):.0f} s", flush=True)
    shutil.rmtree(cache, ignore_errors=True)
    # Whoever reads first must not be the one who waits for the disk.
    _open_each(root)
    print("| stage | seconds | ms an image | MiB, at most |\n|---|---|---|---|")

    def say(stage: str, seconds: float, mebibytes: float) -> None:
        each_ms = 1000 * seconds / options.images
        print(f"| {stage} | {seconds:.1f} | {each_ms:.3f} | {mebibytes:.0f} |", flush=True)

    say("Pillow alone: open, decode, to an array", *_measured(_open_each, root))
    say("find the files and their labels", *_measured(_scan, root))
    half_s, memory = _measured(_prepare, root, cache, until=options.images // 2)
    say("read and resize, killed at half", half_s, memory)
    rest_s, memory = _measured(_prepare, root, cache)
    say("the rest of it", rest_s, memory)
    say("find it again", *_measured(_prepare, root, cache))
    say("look for pictures that are the same", *_measured(_look, root, cache))
    say("group and split", *_measured(_split, root, cache))
    say("one epoch of LeNet with augmentation, and val", *_measured(_train, root, cache))


def _make(root: Path, num: int) -> float:
    """The layout of the Kaggle competition; returns seconds."""
    begun_s = time.perf_counter()
    (root / "train").mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor() as pool:
        drawn = np.stack(list(pool.map(_drawn, range(NUM_DRAWN), chunksize=20)))
        bases = root / "drawn.npy"
        np.save(bases, drawn)
        parts = [(bases, root / "train", start, min(num, start + _PART)) for start in range(0, num, _PART)]
        labels = [label for part in pool.map(_write_part, parts) for label in part]
    bases.unlink()
    with (root / "train_labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "label"), *labels])
    return time.perf_counter() - begun_s


def _drawn(number: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(number)
    slide = lymph_node.NodeSlide.sample(metastatic=bool(number % 2), rng=rng)
    return lymph_node.draw_patch(bool(number % 2), slide=slide, rng=rng)


def _write_part(part: tuple[Path, Path, int, int]) -> list[tuple[str, int]]:
    drawn, folder, start, end = np.load(part[0], mmap_mode="r"), *part[1:]
    labels = []
    for number in range(start, end):
        turned = number % COPY_EVERY == COPY_EVERY - 1
        rng = np.random.default_rng([7, number - turned])
        label = int(rng.integers(2))
        # Odd numbers are tumours.
        one, other = (drawn[2 * int(rng.integers(NUM_DRAWN // 2)) + label] for _ in range(2))
        share = rng.uniform(0.35, 0.65)
        shift = tuple(int(s) for s in rng.integers(0, SIZE_PX, 2))
        mixed = share * np.roll(one, shift, (0, 1)) + (1 - share) * np.rot90(other, int(rng.integers(4)))
        image = np.rot90(mixed) if turned else mixed
        name = f"{number:040x}"
        Image.fromarray(np.ascontiguousarray(image).astype(np.uint8)).save(folder / f"{name}.tif")
        labels.append((name, label))
    return labels


def _measured(stage: Callable[..., None], *arguments: Any, until: int | None = None) -> tuple[float, float]:
    """Seconds and most MiB of a stage in a process of its own; killed once so many images are noted as read."""
    process = multiprocessing.get_context("spawn").Process(target=stage, args=arguments)
    begun_s, most = time.perf_counter(), 0.0
    process.start()
    while process.is_alive():
        most = max(most, _own_mebibytes(process.pid))
        if until is not None and _num_noted(arguments[1]) >= until:
            os.kill(process.pid or 0, signal.SIGKILL)
            process.join()
            return time.perf_counter() - begun_s, most
        process.join(0.25)
    if until is not None:
        raise SystemExit(f"{stage.__name__} has ended before {until:,} images were noted")
    if process.exitcode:
        raise SystemExit(f"{stage.__name__} ended with exit code {process.exitcode}")
    return time.perf_counter() - begun_s, most


def _own_mebibytes(pid: int | None) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("RssAnon")]
    return int(found[0]) / 1024 if found else 0.0


def _num_noted(cache: Path) -> int:
    return sum(file.read_bytes().count(b"\n") for file in cache.glob("unfinished-*/read.jsonl"))


def _open_each(root: Path) -> None:
    def opened(path: str) -> int:
        with Image.open(path) as image:
            return int(np.asarray(image.convert("RGB"))[0, 0, 0])

    files = [entry.path for entry in os.scandir(root / "train")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(files), _PART):
            list(pool.map(opened, files[start : start + _PART]))


def _scan(root: Path) -> None:
    datasets.find("histopathologic_cancer").scan(root)


def _store(root: Path, cache: Path) -> tuple[list[datasets.Sample], pixel_cache.ImageStore]:
    samples = sorted(datasets.find("histopathologic_cancer").scan(root), key=lambda s: s.path)
    paths = [s.path for s in samples]
    return samples, pixel_cache.prepare(root, paths, size_px=SIZE_PX, cache=cache, show_progress=False)


def _prepare(root: Path, cache: Path) -> None:
    _store(root, cache)


def _look(root: Path, cache: Path) -> None:
    _, store = _store(root, cache)
    print(f"{len(store.same_pictures().links):,} links between pictures that are the same", flush=True)


def _split(root: Path, cache: Path) -> None:
    samples, store = _store(root, cache)
    grouping = groups.of(groups.DEFAULT, samples, store)
    classes = datasets.find("histopathologic_cancer").classes
    table = splits.split(
        grouping.samples, grouping.sha256, classes=classes, val_fraction=0.1, seed=0, links=grouping.links
    )
    row_of = {path: row for row, path in enumerate(store.paths)}
    table["row"] = table["path"].map(row_of)
    (cache / "split.pickle").write_bytes(pickle.dumps(table))
    print(json.dumps({name: int(n) for name, n in table["split"].value_counts().items()}), flush=True)


def _train(root: Path, cache: Path) -> None:
    import torch

    from study.spec import Recipe
    from study.training.data import Images, SplitRows
    from study.training.precision import fastest
    from study.training.trainer import Training
    from study.training.training_run import Run

    table = pickle.loads((cache / "split.pickle").read_bytes())
    parts = {name: table[table["split"] == name] for name in (splits.TRAIN, splits.VAL)}
    rows = {
        name: SplitRows(
            rows=part["row"].to_numpy("int64", copy=True), targets=part["target"].to_numpy("int64", copy=True)
        )
        for name, part in parts.items()
    }
    _, store = _store(root, cache)
    training = Training(
        Run(
            architecture="lenet",
            recipe=Recipe(batch_size=64, augmentation="strong"),
            num_classes=2,
            modality="he",
            train=rows[splits.TRAIN],
            val=rows[splits.VAL],
            epochs=1,
            seed=0,
            precision=fastest("cpu"),
        ),
        Images(store.path, torch.device("cpu")),
    )
    metrics = training.run_epoch()
    print(
        f"{len(rows[splits.TRAIN]) / metrics['seconds_train']:.0f} images/s; val ROC-AUC {metrics['val_roc_auc']:.3f}"
    )


if __name__ == "__main__":
    main()
