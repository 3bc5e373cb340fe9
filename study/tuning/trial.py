"""What a trial actor does with a task: train through Ray Train, or score the test split."""

import os
import shutil
import socket
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from ray import train as ray_train
from ray import tune
from ray.train.torch import TorchTrainer
from ray.tune.integration.ray_train import TuneReportCallback

from study import architectures, records
from study.records import SEED, TEST
from study.spec import Recipe
from study.training import checkpoint, losses
from study.training.data import Images
from study.training.loop import Outcome, Run, predict_logits, train
from study.training.pretrained import Pretrained
from study.tuning.adapters import REPORT, TASK
from study.tuning.task import Task, Workload

Send = Callable[[dict[str, Any]], None]


def run_trial(config: dict[str, Any], *, workloads: dict[str, Workload]) -> None:
    """The Ray Tune trainable. Reports events; the driver's conductors write them to their logs."""
    task: Task = config[TASK]
    workload = workloads[task.run]
    try:
        if task.kind == TEST:
            _score_test(task, workload, _send_to_tune)
        elif workload.num_workers == 0:
            _train_locally(task, workload)
        else:
            _train_in_worker_group(task, workload)
    except Exception as error:  # noqa: BLE001
        # A recipe that can't be trained is a finding about the recipe; letting it out would end the warm actor.
        first_line = (str(error).splitlines() or [""])[0]
        reason = f"{type(error).__name__}: {first_line}"
        _send_to_tune({"event": "failed", "reason": reason, "traceback": traceback.format_exc()})


def _train_locally(task: Task, workload: Workload) -> None:
    """Ray Train's local mode: the loop runs in this actor, which stays warm for the next trial."""
    trainer = TorchTrainer(
        lambda: _train(task, workload, _send_to_tune),
        scaling_config=ray_train.ScalingConfig(num_workers=0, use_gpu=workload.device == "cuda"),
    )
    trainer.fit()


def _train_in_worker_group(task: Task, workload: Workload) -> None:
    """A Ray Train worker group; its reports reach Ray Tune through a callback."""
    trainer = TorchTrainer(
        lambda: _train(task, workload, _send_to_train),
        scaling_config=ray_train.ScalingConfig(
            num_workers=workload.num_workers,
            use_gpu=workload.device == "cuda",
            resources_per_worker={"CPU": workload.num_threads},
        ),
        run_config=ray_train.RunConfig(
            name=task.id,
            storage_path=str(workload.folder / "ray_train"),
            callbacks=[TuneReportCallback()],  # type: ignore[list-item]
        ),
    )
    trainer.fit()


def _send_to_tune(report: dict[str, Any]) -> None:
    tune.report({REPORT: report})


def _send_to_train(report: dict[str, Any]) -> None:
    ray_train.report({REPORT: report})


def _train(task: Task, workload: Workload, send: Send) -> None:
    """Trains a recipe and reports its epochs and its end."""
    torch.set_num_threads(workload.num_threads)
    folder, device = records.RunFolder(workload.folder), torch.device(workload.device)
    run = Run(
        architecture=task.pair,
        recipe=task.recipe,
        num_classes=len(workload.classes),
        modality=workload.modality,
        train=workload.rows_of("train"),
        val=workload.rows_of("val"),
        epochs=workload.epochs,
        seed=task.seed,
        precision=workload.precision,
        standardization=workload.standardization,
        pretrained=_pretrained(task, folder),
    )
    checkpoints = folder.checkpoints(task.id)
    if not task.epochs_recorded:
        # What an earlier finalist's run of the same name may have left.
        shutil.rmtree(checkpoints, ignore_errors=True)
    writer = checkpoint.CheckpointWriter(checkpoints)
    try:
        images = Images(workload.pixels, device)

        def report(metrics: dict[str, float], state: Callable[[], dict[str, Any]]) -> None:
            # Returns only if the trial goes on: a stopped one needs no checkpoint, and neither does a finished one.
            send({"event": "epoch", **metrics})
            if metrics["epoch"] < workload.epochs:
                writer.write(state())

        resume_from = checkpoint.latest(checkpoints, device, up_to_epoch=task.epochs_recorded)
        outcome = train(run, images, report=report, resume_from=resume_from)
        if task.kind == SEED:
            _keep(task, workload, images, outcome)
        # The driver deletes the checkpoints when it hears of the end; none may be written after that.
        writer.wait()
        send(_completed(outcome))
    finally:
        writer.close()


def _pretrained(task: Task, folder: records.RunFolder) -> Pretrained | None:
    if not task.recipe["pretrained"]:
        return None
    return Pretrained.from_state(checkpoint.load(folder.pretrained(task.pair), torch.device("cpu")))


def _completed(outcome: Outcome) -> dict[str, Any]:
    return {
        "event": "completed",
        "epochs": outcome.epochs,
        "best_epoch": outcome.best_epoch,
        "best_score": outcome.best_score,
        "best_loss": outcome.best_loss,
        "num_parameters": architectures.num_parameters(outcome.model),
        "worker": f"{socket.gethostname()}:{os.getpid()}",
    }


def _keep(task: Task, workload: Workload, images: Images, outcome: Outcome) -> None:
    """Keeps a seed run's weights and its predictions on train and val. Test is not touched here."""
    checkpoint.save(records.RunFolder(workload.folder).weights(task.id), checkpoint.outcome_state(outcome))
    for split in ("train", "val"):
        _write_predictions(task.id, split, workload, images, outcome.model, outcome.standardization)


def _score_test(task: Task, workload: Workload, send: Send) -> None:
    """Scores the test split with the best epoch of every seed run: the one time that it is opened."""
    torch.set_num_threads(workload.num_threads)
    started_s = time.perf_counter()
    folder, device = records.RunFolder(workload.folder), torch.device(workload.device)
    num_images = len(workload.rows_of("test"))
    send({"event": "test_opened", "num_images": num_images, "trials": sorted(task.seed_runs)})
    images = Images(workload.pixels, device)
    num_classes = len(workload.classes)
    for trial_id, (architecture, recipe) in task.seed_runs.items():
        state = checkpoint.load(folder.weights(trial_id), device)
        model = architectures.find(architecture).build(
            Recipe(**recipe), 1 if num_classes == 2 else num_classes, images.size_px
        )
        model.load_state_dict(state["model"])
        model.to(device)
        _write_predictions(trial_id, "test", workload, images, model, checkpoint.standardization(state))
    send({"event": "completed", "epochs": 0, "seconds": time.perf_counter() - started_s})


def _write_predictions(
    trial_id: str,
    split: str,
    workload: Workload,
    images: Images,
    model: torch.nn.Module,
    standardization: Any,
) -> None:
    rows = workload.images_of(split)
    logits = predict_logits(model, images, workload.rows_of(split).rows, standardization)
    columns = [f"p_{name}" for name in workload.classes]
    values = pd.DataFrame(losses.probabilities(logits).numpy(), columns=columns, index=rows.index)
    table = pd.concat([rows[["path", "group", "split", "target"]], values], axis=1)
    path: Path = records.RunFolder(workload.folder).predictions(trial_id, split)
    records.write_atomically(path, table.to_csv(index=False))
