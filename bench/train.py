"""What does a whole epoch cost beyond the bare forward, backward and step? For each architecture, on each device.

    uv run python bench/train.py [--device cpu|cuda] [--image-size 64] [--seconds 8] [--only NAME ...]
    uv run python bench/train.py --variants [--only NAME ...]
    uv run python bench/train.py --allocator [--only NAME ...]

**epoch** is `study.training.trainer.Training.run_epoch` without its val part: batches picked out of the mapped array,
augmented, standardized, trained on in the precision that a study would choose, logits gathered, training metrics with
ROC-AUC at the end. **bare** is forward, backward and step on batches that are on the device already, standardized, in
the same precision and memory format, with the same optimizer. Both are timed in turn, epoch after epoch, and the ratio
is that of the medians. One thread on a CPU, as a study gives its trials.

`--variants` trains each network by the bare loop with one thing changed: float32, channels first, `torch.compile`, two
threads, no fused optimizer; on a GPU also CUDA graphs. `--allocator` runs the whole epoch in processes with and without
what `study.execution.ray_backend.environment` tells glibc. Pictures are grey noise, augmented as brain MRI: nothing
else here depends on what they show.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from study import architectures
from study.execution.ray_backend import environment
from study.spec import BFLOAT16, FLOAT32, Recipe
from study.training import losses, optimization
from study.training.data import Images, SplitRows, Standardization
from study.training.precision import fastest
from study.training.trainer import Training
from study.training.training_run import Run

NUM_CLASSES, BATCH_SIZE = 4, 32
_LEVELS = ("none", "strong")
_BATCHES = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=BATCH_SIZE)
    parser.add_argument("--seconds", type=float, default=8.0, help="for each figure, at least three epochs")
    parser.add_argument("--only", action="append", metavar="NAME")
    parser.add_argument("--variants", action="store_true")
    parser.add_argument("--allocator", action="store_true")
    parser.add_argument("--rate", nargs=2, metavar=("NAME", "LEVEL"), help="of our epoch alone, as one number")
    options = parser.parse_args()
    if not options.rate and "MALLOC_ARENA_MAX" not in os.environ:
        # glibc reads its environment when a process starts; both of what is compared are as in trial actors.
        environment.apply()
        os.execv(sys.executable, [sys.executable, *sys.argv])
    torch.set_num_threads(1)
    # What torch.compile has to know anew for each network.
    torch._dynamo.config.recompile_limit = 64
    names = options.only or architectures.names()
    if options.rate:
        name, level = options.rate
        training = make_training(name, level, options)
        print(statistics.median(_timed(_epoch_of(training), options.seconds)))
    elif options.allocator:
        _compare_allocators(names, options)
    elif options.variants:
        _compare_variants(names, options)
    else:
        _compare_with_bare(names, options)


def make_training(name: str, level: str, options: argparse.Namespace) -> Training:
    """A training on as many noisy pictures as make some batches."""
    num, num_val = _BATCHES * options.batch_size, 32
    rng = np.random.default_rng(0)
    folder = Path(tempfile.mkdtemp())
    grey = rng.integers(0, 256, (num + num_val, options.image_size, options.image_size, 1), dtype=np.uint8)
    np.save(folder / "pixels.npy", np.repeat(grey, 3, axis=3))
    targets = np.arange(num + num_val) % NUM_CLASSES
    rows = np.arange(num + num_val)
    run = Run(
        architecture=name,
        recipe=Recipe(batch_size=options.batch_size, augmentation=level, batchnorm=True),
        num_classes=NUM_CLASSES,
        modality="mri",
        train=SplitRows(rows=rows[:num], targets=targets[:num]),
        val=SplitRows(rows=rows[num:], targets=targets[num:]),
        epochs=100_000,
        seed=0,
        precision=fastest(options.device),
        standardization=Standardization((0.5,) * 3, (0.3,) * 3),
    )
    return Training(run, Images(folder / "pixels.npy", torch.device(options.device)))


class Bare:
    """Forward, backward and step on batches that lie ready."""

    def __init__(self, name: str, options: argparse.Namespace, *, precision: str, fused: bool = True) -> None:
        recipe = Recipe(batchnorm=True)
        self.device, self.bfloat16 = torch.device(options.device), precision == BFLOAT16
        torch.manual_seed(0)
        model = architectures.find(name).build(recipe, NUM_CLASSES, options.image_size)
        self.model: Callable[[Tensor], Tensor] = model.to(device=self.device, memory_format=torch.channels_last)
        self.module: nn.Module = model
        self.optimizer = optimization.make_optimizer(model, recipe)
        if not fused:
            self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        self.loss = losses.training_loss(recipe, [1] * NUM_CLASSES, self.device)
        shape = (options.batch_size, 3, options.image_size, options.image_size)
        self.batches = [
            torch.randn(shape, device=self.device).contiguous(memory_format=torch.channels_last)
            for _ in range(_BATCHES)
        ]
        self.targets = (torch.arange(options.batch_size) % NUM_CLASSES).to(self.device)

    def epoch(self) -> float:
        """Images a second."""
        self.module.train()
        begun_s = time.perf_counter()
        for batch in self.batches:
            self.step(batch)
        _wait_for(self.device)
        return len(self.batches) * len(self.targets) / (time.perf_counter() - begun_s)

    def step(self, batch: Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bfloat16):
            logits = self.model(batch)
        self.loss(logits.float(), self.targets).backward()
        self.optimizer.step()


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _epoch_of(training: Training) -> Callable[[], float]:
    """Images a second of an epoch of ours, without val."""

    def rate() -> float:
        training.epoch += 1
        begun_s = time.perf_counter()
        logits, targets = training._train_epoch()
        _metrics(logits, targets)
        return len(targets) / (time.perf_counter() - begun_s)

    return rate


def _metrics(logits: Tensor, targets: Tensor) -> Any:
    from study.training.trainer import _split_metrics

    return _split_metrics("train", logits, targets)


def _timed(rate: Callable[[], float], seconds: float, minimum: int = 3) -> list[float]:
    """Images a second of epochs after a first one that is not counted."""
    rate()
    found: list[float] = []
    until_s = time.perf_counter() + seconds
    while len(found) < minimum or time.perf_counter() < until_s:
        found.append(rate())
    return found


def _in_turn(rates: dict[str, Callable[[], float]], seconds: float) -> dict[str, float]:
    """Medians of what is timed epoch by epoch in turn, so that all of them meet the same noise."""
    for rate in rates.values():
        rate()
    found: dict[str, list[float]] = {name: [] for name in rates}
    until_s = time.perf_counter() + seconds * len(rates)
    while len(found[next(iter(found))]) < 3 or time.perf_counter() < until_s:
        for name, rate in rates.items():
            found[name].append(rate())
    return {name: statistics.median(values) for name, values in found.items()}


def _compare_with_bare(names: list[str], options: argparse.Namespace) -> None:
    print(f"| network | precision | bare, images/s | {' | '.join(f'epoch, {level} | of bare' for level in _LEVELS)} |")
    print(f"|{'---|' * (3 + 2 * len(_LEVELS))}")
    for name in names:
        precision = fastest(options.device)
        rates: dict[str, Callable[[], float]] = {"bare": Bare(name, options, precision=precision).epoch}
        rates |= {level: _epoch_of(make_training(name, level, options)) for level in _LEVELS}
        found = _in_turn(rates, options.seconds)
        cells = [f"{found[level]:.0f} | {found[level] / found['bare']:.2f}" for level in _LEVELS]
        print(f"| {name} | {precision} | {found['bare']:.0f} | {' | '.join(cells)} |", flush=True)


def _compare_variants(names: list[str], options: argparse.Namespace) -> None:
    made: dict[str, Callable[[str], Callable[[], float]]] = {
        "as it is": lambda name: Bare(name, options, precision=fastest(options.device)).epoch,
        "float32": lambda name: Bare(name, options, precision=FLOAT32).epoch,
        "channels first": lambda name: _channels_first(name, options),
        "optimizer not fused": lambda name: Bare(name, options, precision=fastest(options.device), fused=False).epoch,
        "torch.compile": lambda name: _compiled(name, options),
    }
    if options.device == "cpu":
        made["two threads"] = lambda name: _two_threads(name, options)
    else:
        made["CUDA graphs"] = lambda name: _compiled(name, options, mode="reduce-overhead")
    print(f"| network | {' | '.join(made)} |\n|{'---|' * (len(made) + 1)}")
    for name in names:
        found = _in_turn({variant: make(name) for variant, make in made.items()}, options.seconds)
        usual = found.pop("as it is")
        cells = [f"{usual:.0f} images/s", *(f"{value / usual:.2f}" for value in found.values())]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _channels_first(name: str, options: argparse.Namespace) -> Callable[[], float]:
    bare = Bare(name, options, precision=fastest(options.device))
    bare.module.to(memory_format=torch.contiguous_format)
    bare.batches = [batch.contiguous() for batch in bare.batches]
    return bare.epoch


def _compiled(name: str, options: argparse.Namespace, mode: str | None = None) -> Callable[[], float]:
    bare = Bare(name, options, precision=fastest(options.device))
    bare.model = torch.compile(bare.module, mode=mode)
    return bare.epoch


def _two_threads(name: str, options: argparse.Namespace) -> Callable[[], float]:
    bare = Bare(name, options, precision=fastest(options.device))

    def rate() -> float:
        torch.set_num_threads(2)
        found = bare.epoch()
        torch.set_num_threads(1)
        return found

    return rate


def _compare_allocators(names: list[str], options: argparse.Namespace) -> None:
    own = {name: value for name, value in environment._VALUES.items() if name.startswith("MALLOC_")}
    usual = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    print("| network | glibc's own, images/s | as in trial actors | ratio |\n|---|---|---|---|")
    for name in names:
        found: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(3):
            for kept in (False, True):
                command = [sys.executable, __file__, "--rate", name, "strong", "--image-size", str(options.image_size)]
                command += ["--seconds", str(options.seconds), "--batch-size", str(options.batch_size)]
                said = subprocess.run(
                    command, env=usual | (own if kept else {}), capture_output=True, text=True, check=True
                ).stdout
                found[kept].append(float(said.split()[-1]))
        before, after = (statistics.median(found[kept]) for kept in (False, True))
        print(f"| {name} | {before:.0f} | {after:.0f} | {after / before:.2f} |", flush=True)


if __name__ == "__main__":
    main()
