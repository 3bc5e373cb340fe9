"""What a trial actor does with a task: train through Ray Train, score an evaluation set, or explain the networks."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from ray import train as ray_train
from ray import tune
from ray.train.torch import TorchTrainer, get_device
from ray.tune.integration.ray_train import TuneReportCallback

from study import architectures, records
from study.execution.task import TASK, ExplainTask, ReplicateTask, ScoreTask, Task, TrainingTask, encoded
from study.execution.worker.machine import files_of, on_this_machine, own_folder
from study.execution.worker.memory import give_back_memory
from study.execution.worker.process_group import ProcessGroup
from study.execution.worker.scoring import Send, keep, score
from study.planning.workload import Workload
from study.records import TRAIN, VAL
from study.records.run_files import RunFiles
from study.records.storage import Storage
from study.training import checkpoint, failures
from study.training.checkpoint import CheckpointWriter
from study.training.data import Images
from study.training.distributed import Peers
from study.training.pretrained import Pretrained
from study.training.trainer import train
from study.training.training_run import Outcome, Run
from study.training.watchdog import Watchdog

# Ray Train's period at which it looks for more room for a group.
_NEVER_S = 1e9


def run_trial(config: dict[str, Any], *, workloads: dict[str, Workload]) -> None:
    """The Ray Tune trainable. Reports events; the driver's controllers write them to their logs."""
    give_back_memory()
    task: Task = config[TASK]
    workload = workloads[task.run]
    try:
        for part in workload.parts:
            part.give()
        _carry_out(task, workload)
    except Exception as error:  # noqa: BLE001
        # A recipe that can't be trained is a finding about the recipe; letting it out would end the warm actor.
        notes = records.RunFolder(own_folder(workload)).checkpoints(task.id)
        failure = (failures.hung(notes) if workload.num_workers else None) or failures.of_exception(error)
    else:
        return
    # Outside of `except`, where nothing holds the tensors of the failed training any more.
    if workload.device == "cuda":
        torch.cuda.empty_cache()
    _send_to_tune({"event": "failed", **asdict(failure)})


def _carry_out(task: Task, workload: Workload) -> None:
    match task:
        case TrainingTask() if workload.num_workers == 0:
            _train_locally(task, workload)
        case TrainingTask():
            _train_in_worker_group(task, workload)
        case ScoreTask():
            with _watched(task, workload) as (workload, watchdog):
                score(task, workload.evaluation_set(task.evaluation_set), workload, _send_to_tune, watchdog.beat)
        case ExplainTask():
            # Imported late: Captum takes a second, for which no trial should wait.
            from study.execution.worker.explaining import explain

            with _watched(task, workload) as (workload, watchdog):
                explain(task, workload, _send_to_tune, watchdog.beat)
        case _:
            raise TypeError(f"There is no way to carry out a {type(task).__name__}.")


def _train_locally(task: TrainingTask, workload: Workload) -> None:
    """Ray Train's local mode: the loop runs in this actor, which stays warm for the next trial."""
    trainer = TorchTrainer(
        lambda: _train(task, workload, _send_to_tune),
        scaling_config=ray_train.ScalingConfig(num_workers=0, use_gpu=workload.device == "cuda"),
    )
    trainer.fit()


def _train_in_worker_group(task: TrainingTask, workload: Workload) -> None:
    """A Ray Train worker group; its reports reach Ray Tune through a callback.

    A group is as large as there is room for at its start, and computes the same whatever its size; so a trial whose
    node is lost goes on at once on what is left.
    """
    trainer = TorchTrainer(
        lambda: _train(task, workload, _send_to_train),
        torch_config=ProcessGroup(),
        scaling_config=ray_train.ScalingConfig(  # type: ignore[call-arg]
            num_workers=(1, workload.num_workers) if workload.num_workers > 1 else 1,  # type: ignore[arg-type]
            use_gpu=workload.device == "cuda",
            resources_per_worker={"CPU": workload.cpus} | ({"GPU": workload.gpus} if workload.gpus else {}),
            # Larger it gets with the next trial only.
            elastic_resize_monitor_interval_s=_NEVER_S,
        ),
        run_config=ray_train.RunConfig(
            name=task.id,
            storage_path=_ray_train_folder(workload),
            callbacks=[TuneReportCallback()],  # type: ignore[list-item]
        ),
    )
    trainer.fit()


def _ray_train_folder(workload: Workload) -> str:
    """Where Ray Train keeps notes of its own; all machines must see it."""
    if workload.storage:
        return Storage(workload.storage).within("ray_train").uri
    return str(workload.folder / "ray_train")


def _send_to_tune(report: dict[str, Any]) -> None:
    tune.report(encoded(report))


def _send_to_train(report: dict[str, Any]) -> None:
    """To be called by all workers of a group alike; each waits for the others, the first one's is passed on."""
    ray_train.report(encoded(report))


def _train(task: TrainingTask, workload: Workload, send: Send) -> None:
    """Trains a recipe and reports its epochs and its end."""
    for part in workload.parts:
        # The processes of a worker group are none of the trial actor's.
        part.give()
    torch.set_num_threads(workload.num_threads)
    workload = on_this_machine(workload, task.pair)
    files, peers = files_of(workload), Peers()
    folder, checkpoints = files.folder, files.folder.checkpoints(task.id)
    is_first = peers.rank == 0
    if not task.epochs_recorded and is_first:
        # What an earlier finalist's run of the same name may have left.
        shutil.rmtree(checkpoints, ignore_errors=True)
        files.drop_folder(f"checkpoints/{task.id}")
    peers.wait_for_all()
    with (
        Watchdog(folder.why_it_ended(task.id, peers.rank), workload.hang_after_s) as watchdog,
        _checkpoint_writer(files, checkpoints, own=is_first) as writer,
    ):
        images = Images(workload.pair_pixels[task.pair].path, _device(workload))

        def tell(metrics: dict[str, float]) -> None:
            # The driver may take its time with an answer.
            watchdog.pause()
            # Returns only if the trial goes on: a stopped one needs no checkpoint, and neither does a finished one.
            send({"event": "epoch", **metrics})
            watchdog.beat()

        def report(metrics: dict[str, float], state: Callable[[], dict[str, Any]]) -> None:
            if writer is not None:
                # No epoch is recorded before the checkpoint of the one before it is there: a trial that is killed
                # trains one epoch again at most.
                writer.wait()
            tell(metrics)
            if writer is not None and metrics["epoch"] < workload.epochs:
                writer.write(state())

        resume_from = None
        if task.epochs_recorded and is_first:
            files.fetch_checkpoints(task.id)
            resume_from = checkpoint.latest(
                checkpoints, up_to_epoch=task.epochs_recorded, recipe=task.recipe, seed=task.seed
            )
        # The machines of a group may have different ones.
        resume_from = peers.first_of_all(resume_from)
        for metrics in checkpoint.unrecorded(resume_from or {}, task.epochs_recorded):
            tell(metrics)
        run = _run(task, workload, files)
        outcome = train(run, images, report=report, resume_from=resume_from, beat=watchdog.beat)
        kept = (
            keep(task, workload, images, outcome, watchdog.beat) if is_first and isinstance(task, ReplicateTask) else {}
        )
        # The driver deletes the checkpoints when it hears of the end; none may be written after that.
        if writer is not None:
            writer.wait()
        watchdog.pause()
        send(_completed(outcome) | {"files": kept})


@contextmanager
def _checkpoint_writer(files: RunFiles, folder: Path, *, own: bool) -> Iterator[CheckpointWriter | None]:
    """Of the first process of a group; the others' network is the same, and they have none."""
    if not own:
        yield None
        return
    with CheckpointWriter(folder, keep=files.keep, drop=files.drop) as writer:
        try:
            yield writer
        finally:
            if files.storage is not None:
                # The storage has them; of this machine's copies nobody would know when the trial goes on elsewhere.
                with suppress(Exception):
                    writer.wait()
                shutil.rmtree(folder, ignore_errors=True)


def _device(workload: Workload) -> torch.device:
    """The device of this process: of several in a worker group each has its own."""
    if workload.num_workers and workload.device == "cuda":
        return get_device()
    return torch.device(workload.device)


def _run(task: TrainingTask, workload: Workload, files: RunFiles) -> Run:
    return Run(
        architecture=task.pair,
        recipe=task.recipe,
        num_classes=len(workload.classes),
        modality=workload.modality,
        train=workload.rows_of(TRAIN),
        val=workload.rows_of(VAL),
        epochs=workload.epochs,
        seed=task.seed,
        objective=workload.objective,
        precision=workload.precision,
        micro_batch=task.micro_batch,
        standardization=workload.pair_pixels[task.pair].standardization,
        pretrained=_pretrained(task, files),
    )


@contextmanager
def _watched(task: Task, workload: Workload) -> Iterator[tuple[Workload, Watchdog]]:
    """What a task needs that trains nothing: the files on this machine, and a watchdog."""
    workload = on_this_machine(workload)
    if not torch.cuda.is_available():
        # With worker groups the trial actor itself needs no GPU, and may be where there is none.
        workload = replace(workload, device="cpu")
    torch.set_num_threads(workload.num_threads)
    note = records.RunFolder(workload.folder).why_it_ended(task.id)
    with Watchdog(note, workload.hang_after_s) as watchdog:
        yield workload, watchdog


def _pretrained(task: TrainingTask, files: RunFiles) -> Pretrained | None:
    if not task.recipe.pretrained:
        return None
    path = files.folder.pretrained(task.pair)
    files.fetch(path)
    return Pretrained.from_state(checkpoint.load(path))


def _completed(outcome: Outcome) -> dict[str, Any]:
    return {
        "event": "completed",
        "epochs": outcome.epochs,
        "best_epoch": outcome.best_epoch,
        "best_score": outcome.best_score,
        "best_loss": outcome.best_loss,
        "num_processes": Peers().num,
        "num_parameters": architectures.num_parameters(outcome.model),
        "worker": f"{socket.gethostname()}:{os.getpid()}",
    }
