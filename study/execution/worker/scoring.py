"""What a finished seed run leaves behind, and the one scoring of the test split."""

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from study import records
from study.execution.task import ReplicateTask, ScoreTask
from study.execution.worker.machine import files_of
from study.planning.workload import Workload
from study.training import checkpoint, losses
from study.training.data import Images
from study.training.prediction import EVALUATION_BATCH_SIZE, Beat, predict_logits
from study.training.training_run import Outcome

Send = Callable[[dict[str, Any]], None]


def keep(task: ReplicateTask, workload: Workload, images: Images, outcome: Outcome, beat: Beat) -> dict[str, str]:
    """Keeps a seed run's weights and its predictions on train and val, and returns their hashes.

    Test is not touched here.
    """
    files = files_of(workload)
    folder = files.folder
    checkpoint.save(folder.weights(task.id), checkpoint.outcome_state(outcome))
    answers = Answers(workload, images, task.micro_batch or EVALUATION_BATCH_SIZE, beat)
    written = [answers.write(task.id, split, outcome.model, outcome.standardization) for split in ("train", "val")]
    written.append(folder.weights(task.id))
    files.keep_all(written)
    return folder.hashes(written)


def score_test(task: ScoreTask, workload: Workload, send: Send, beat: Beat) -> None:
    """Scores the test split with the best epoch of every seed run: the one time that it is opened."""
    started_s = time.perf_counter()
    files, device = files_of(workload), torch.device(workload.device)
    folder = files.folder
    num_images = len(workload.rows_of("test"))
    send({"event": "test_opened", "num_images": num_images, "trials": sorted(task.seed_runs)})
    # Networks of one size share them.
    images_in = cache(lambda path: Images(path, device))
    written = []
    for trial_id, (architecture, recipe) in task.seed_runs.items():
        beat()
        images = images_in(workload.pair_pixels[architecture].path)
        answers = Answers(workload, images, task.micro_batch or EVALUATION_BATCH_SIZE, beat)
        files.fetch(folder.weights(trial_id), anew=True)
        model, standardization = checkpoint.load_outcome(
            folder.weights(trial_id), architecture, recipe, workload.num_logits, images.size_px
        )
        written.append(answers.write(trial_id, "test", model.to(device), standardization))
    files.keep_all(written)
    seconds = time.perf_counter() - started_s
    send({"event": "completed", "epochs": 0, "seconds": seconds, "files": folder.hashes(written)})


class Answers:
    """Writes what a network answers for the images of a split."""

    def __init__(self, workload: Workload, images: Images, batch_size: int, beat: Beat) -> None:
        self.workload, self.images, self.beat = workload, images, beat
        self.batch_size = min(batch_size, EVALUATION_BATCH_SIZE)

    def write(self, trial_id: str, split: str, model: torch.nn.Module, standardization: Any) -> Path:
        """Writes one row an image, and returns the path of the table."""
        rows = self.workload.images_of(split)
        logits = predict_logits(
            model, self.images, self.workload.rows_of(split).rows, standardization, self.batch_size, self.beat
        )
        columns = [f"p_{name}" for name in self.workload.classes]
        values = pd.DataFrame(losses.probabilities(logits).numpy(), columns=columns, index=rows.index)
        table = pd.concat([rows[["path", "group", "split", "target"]], values], axis=1)
        path = records.RunFolder(self.workload.folder).predictions(trial_id, split)
        records.write_atomically(path, table.to_csv(index=False))
        return path
