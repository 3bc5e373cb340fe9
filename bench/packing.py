"""Several trials on one device, or one trial on all of it? Images a second of all of them together.

    uv run python bench/packing.py [--image-size 64] [--seconds 10] [--only NAME ...]
    uv run python bench/packing.py --device cuda [--trials 1 2 4 8 16]

On a CPU as many trials as cores with one thread each against one trial with all of them, both as whole epochs of
`study.training.trainer` in processes of their own, which begin together and train for the same time. On a GPU so many
trials share it. Each row's rounds are run in turn, three times; the medians count.
"""

import argparse
import multiprocessing
import os
import statistics
import time
from typing import Any

import torch
import train

from study import architectures
from study.execution.ray_backend import environment

LEVEL = "light"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=train.BATCH_SIZE)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--trials", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--only", action="append", metavar="NAME")
    options = parser.parse_args()
    # As trial actors have it.
    environment.apply()
    cores = len(os.sched_getaffinity(0))
    ways = [(cores, 1), (1, cores)] if options.device == "cpu" else [(n, max(1, cores // n)) for n in options.trials]
    titles = [f"{trials} x {threads} {'thread' if threads == 1 else 'threads'}" for trials, threads in ways]
    print(f"| network | {' | '.join(titles)} | first / last |\n|{'---|' * (len(ways) + 2)}")
    for name in options.only or architectures.names():
        found: dict[tuple[int, int], list[float]] = {way: [] for way in ways}
        for _ in range(3):
            for way in ways:
                found[way].append(_together(name, *way, options))
        rates = [statistics.median(values) for values in found.values()]
        cells = " | ".join(f"{rate:.0f}" for rate in rates)
        print(f"| {name} | {cells} | {rates[0] / rates[-1]:.2f} |", flush=True)


def _together(name: str, num_trials: int, num_threads: int, options: argparse.Namespace) -> float:
    """Images a second of all trials."""
    context = multiprocessing.get_context("spawn")
    ready, counted = context.Barrier(num_trials), context.Queue()
    arguments = (name, num_threads, options, ready, counted)
    processes = [context.Process(target=_trial, args=arguments) for _ in range(num_trials)]
    for process in processes:
        process.start()
    total = sum(counted.get() for _ in processes)
    for process in processes:
        process.join()
    return float(total / options.seconds)


def _trial(name: str, num_threads: int, options: argparse.Namespace, ready: Any, counted: Any) -> None:
    torch.set_num_threads(num_threads)
    training = train.make_training(name, LEVEL, options)
    training.epoch += 1
    training._train_epoch()
    ready.wait()
    begun_s = until_s = time.perf_counter()
    num = 0.0
    while until_s - begun_s < options.seconds:
        training.epoch += 1
        num += len(training._train_epoch()[1])
        until_s = time.perf_counter()
    # The last epoch ends a little late.
    counted.put(num * options.seconds / (until_s - begun_s))


if __name__ == "__main__":
    main()
