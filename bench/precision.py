"""Does training in bfloat16 change what a network scores? The same trainings in both precisions, with several seeds.

    uv run python bench/precision.py --data ../shared/data/brain_tumor_mri [--seeds 5] [--epochs 10] [--only NAME ...]

Brain MRI at 48 px on a holdout of Training, batch normalization, light augmentation, AdamW with a cosine schedule; val
ROC-AUC (x 1000) and log loss of the best epoch, which is evaluated in float32 either way. Differences are paired by
seed; their interval is Student's over the seeds. The standard deviation is that of the seeds in float32: what luck
does.
"""

import argparse
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from plain import Problem, make_problem
from scipy.stats import t as student

from study.spec import BFLOAT16, FLOAT32, PRECISIONS, Recipe
from study.training.data import Images, SplitRows
from study.training.precision import fastest
from study.training.trainer import train
from study.training.training_run import Run

SIZE_PX = 48
_NETWORKS = ("lenet", "four_block_cnn", "baseline_cnn", "eight_conv_cnn")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--only", action="append", metavar="NAME")
    options = parser.parse_args()
    print(f"the fastest precision of this CPU: {fastest('cpu')}\n")
    print("| network | float32 | bfloat16 | difference | SD of seeds | log loss: float32 | bfloat16 | difference |")
    print(f"|{'---|' * 8}")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for name in options.only or _NETWORKS:
            problem = make_problem(options.data, Path(folder), pair="baseline_cnn", size_px=SIZE_PX)
            jobs = [
                (problem, name, precision, s, options.epochs) for precision in PRECISIONS for s in range(options.seeds)
            ]
            found = np.array(list(pool.map(_score, jobs))).reshape(len(PRECISIONS), options.seeds, 2)
            full, half = (found[PRECISIONS.index(precision)] for precision in (FLOAT32, BFLOAT16))
            aucs = [f"{1000 * each[:, 0].mean():.1f}" for each in (full, half)]
            losses = [f"{each[:, 1].mean():.3f}" for each in (full, half)]
            cells = [*aucs, _interval(1000 * (half - full)[:, 0], 1), f"{1000 * full[:, 0].std(ddof=1):.1f}"]
            print(f"| {name} | {' | '.join([*cells, *losses, _interval((half - full)[:, 1], 3)])} |", flush=True)


def _score(job: tuple[Problem, str, str, int, int]) -> tuple[float, float]:
    problem, name, precision, seed, epochs = job
    torch.set_num_threads(1)
    recipe = Recipe(optimizer="adamw", schedule="cosine", augmentation="light", batchnorm=True, dropout=0.2)
    rows = {
        split: SplitRows(rows=problem.rows[split].numpy(), targets=problem.targets[split].numpy())
        for split in problem.rows
    }
    run = Run(
        architecture=name,
        recipe=recipe,
        num_classes=problem.num_classes,
        modality=problem.modality,
        train=rows["train"],
        val=rows["val"],
        epochs=epochs,
        seed=seed,
        precision=precision,
    )
    outcome = train(run, Images(problem.pixels, torch.device("cpu")), report=lambda *_: None)
    return outcome.best_score, outcome.best_loss


def _interval(differences: np.ndarray, digits: int) -> str:
    half = student.ppf(0.975, len(differences) - 1) * differences.std(ddof=1) / len(differences) ** 0.5
    mean = differences.mean()
    return f"{mean:+.{digits}f} ({mean - half:+.{digits}f} to {mean + half:+.{digits}f})"


if __name__ == "__main__":
    main()
