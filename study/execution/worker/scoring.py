"""What a finished seed run leaves behind, and the one scoring of an evaluation set such as the test split."""

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
from study.planning.evaluation_set import EvaluationSet
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
    written = [
        answers.write(task.id, workload.evaluation_set(split), outcome.model, outcome.standardization)
        for split in (records.TRAIN, records.VAL)
    ]
    written.append(folder.weights(task.id))
    files.keep_all(written)
    return folder.hashes(written)


def score(task: ScoreTask, evaluation_set: EvaluationSet, workload: Workload, send: Send, beat: Beat) -> None:
    """Scores an evaluation set with the best epoch of every seed run: the one time that it is opened.

    Args:
        task: which seed runs.
        evaluation_set: the images, with their pixels on this machine.
        workload: of the study whose seed runs they are.
        send: takes the events.
        beat: a sign of life, given at least once a batch.
    """
    started_s = time.perf_counter()
    files, device = files_of(workload), torch.device(workload.device)
    folder = files.folder
    send(
        {
            "event": "test_opened",
            "evaluation_set": evaluation_set.name,
            "hash": evaluation_set.hash,
            "num_images": len(evaluation_set),
            "trials": sorted(task.seed_runs),
        }
    )
    # Networks of one size share them.
    images_in = cache(lambda path: Images(path, device))
    written = []
    for trial_id, (architecture, recipe) in task.seed_runs.items():
        beat()
        images = images_in(evaluation_set.pixels[architecture])
        answers = Answers(workload, images, task.micro_batch or EVALUATION_BATCH_SIZE, beat)
        files.fetch(folder.weights(trial_id), anew=True)
        model, standardization = checkpoint.load_outcome(
            folder.weights(trial_id), architecture, recipe, workload.num_logits, images.size_px
        )
        written.append(answers.write(trial_id, evaluation_set, model.to(device), standardization))
    files.keep_all(written)
    seconds = time.perf_counter() - started_s
    send({"event": "completed", "epochs": 0, "seconds": seconds, "files": folder.hashes(written)})


class Answers:
    """Writes what a network answers for the images of an evaluation set."""

    def __init__(self, workload: Workload, images: Images, batch_size: int, beat: Beat) -> None:
        self.workload, self.images, self.beat = workload, images, beat
        self.batch_size = min(batch_size, EVALUATION_BATCH_SIZE)

    def write(self, trial_id: str, evaluation_set: EvaluationSet, model: torch.nn.Module, standardization: Any) -> Path:
        """Writes one row an image, and returns the path of the table."""
        logits = predict_logits(
            model, self.images, evaluation_set.rows.rows, standardization, self.batch_size, self.beat
        )
        samples = evaluation_set.samples.assign(split=evaluation_set.name)
        columns = [f"p_{name}" for name in self.workload.classes]
        values = pd.DataFrame(losses.probabilities(logits).numpy(), columns=columns, index=samples.index)
        table = pd.concat([samples[["path", "group", "split", "target"]], values], axis=1)
        path = records.RunFolder(self.workload.folder).predictions(trial_id, evaluation_set.name)
        records.write_atomically(path, table.to_csv(index=False))
        return path
