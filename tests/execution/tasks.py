"""Tasks that are given, in place of those that a programme of searches deals."""

from pathlib import Path
from typing import Any

from ray import tune

from study import records
from study.cli.study_selection import find_study
from study.execution.ray_backend.experiment import run_on_tune
from study.execution.task import SearchTask, Task
from study.execution.worker.run_task import run_trial
from study.planning.make_plan import make_plan
from study.planning.options import Options
from study.planning.resources import Slots
from study.planning.workload import Running
from study.spec import Recipe
from study.training.failures import Failure


class FixedTasks:
    """Deals given tasks, one after another, and keeps what is reported."""

    halted = ""

    def __init__(self, tasks: list[Task]) -> None:
        self.waiting = list(tasks)
        self.reports: dict[str, list[dict[str, Any]]] = {task.id: [] for task in tasks}

    @property
    def done(self) -> bool:
        return not self.waiting

    def next_task(self) -> Task | None:
        return self.waiting.pop(0) if self.waiting else None

    def on_report(self, task: Task, report: dict[str, Any]) -> bool:
        self.reports[task.id].append(dict(report))
        return False

    def on_lost(self, task: Task, failure: Failure) -> None:
        raise AssertionError(f"{task.id}: {failure}")


def run_tasks(
    recipes: list[Recipe],
    images: Path,
    study: Path,
    folder: Path,
    *,
    num_workers: int = 0,
    epochs: int = 2,
    again_after: int = 0,
) -> list[list[dict[str, Any]]]:
    """What an actor reports for each recipe, times left out.

    With `again_after` each is then dealt once more, as a trial of which the records have so many epochs.
    """
    options = Options(
        data=images, results=folder, cache=folder / "cache", ledger=folder / "test-openings.jsonl",
        budget="demo", trials=1, epochs=epochs, seeds=1, image_size=("16",), groups="duplicates", precision="float32",
    )  # fmt: skip
    plan = make_plan("tiny", find_study(str(study)), options)
    # By its log a trial knows that it sees the run's folder.
    records.EventLog(plan.folder.events).close()
    slots = Slots(num=1, cpus=1, gpus=0)
    running = Running(num_workers=num_workers)
    trainable = tune.with_parameters(run_trial, workloads={plan.run: plan.workload(slots, running)})
    tasks = [
        SearchTask(
            run=plan.run, id=f"t{i}", pair="lenet", number=i, recipe=recipe, origin="search", seed=5,
            epochs_recorded=recorded,
        )
        for recorded in ([0, again_after] if again_after else [0])
        for i, recipe in enumerate(recipes)
    ]  # fmt: skip
    fixed: Any = FixedTasks(tasks)
    run_on_tune(fixed, trainable, folders={plan.run: plan.folder}, slots=slots, running=running)
    return [
        [{k: v for k, v in report.items() if "seconds" not in k and k != "worker"} for report in reports]
        for reports in fixed.reports.values()
    ]
