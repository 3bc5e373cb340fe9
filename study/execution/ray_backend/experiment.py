"""One Ray Tune experiment: all studies, pairs, searched trials and seed runs, one pool of warm trial actors."""

import logging
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from ray import tune

from study import records
from study.errors import ResultsError
from study.execution.multi_study_controller import MultiStudyController
from study.execution.ray_backend.hang_monitor import HangMonitor
from study.execution.ray_backend.signals import interruptible
from study.execution.ray_backend.tune_adapters import TaskScheduler, TaskSearcher
from study.execution.study_controller import StudyController
from study.execution.study_session import open_controller
from study.execution.worker.run_task import run_trial
from study.planning.plan import Plan
from study.planning.resources import Slots
from study.planning.workload import Running

Trainable = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Ended:
    """What came of one study.

    Attributes:
        done: whether nothing is left to do.
        stuck: what keeps it from its end, with the way on; "" where nothing does.
    """

    done: bool
    stuck: str


def run_experiment(plans: Sequence[Plan], slots: Slots, running: Running) -> list[Ended]:
    """Runs what is left of the studies; the records are then up to date, finished or not.

    Args:
        plans: the studies, with their records opened, in the order in which they are to be finished.
        slots: what runs side by side.
        running: how the trials are run.

    Raises:
        ResultsError: the records can't be written any more, e.g. on a full disk.
    """
    with ExitStack() as stack:
        controllers = {
            plan.run: stack.enter_context(
                open_controller(plan, prefix=f"{plan.run}  " if len(plans) > 1 else "", mlflow=running.mlflow)
            )
            for plan in plans
        }
        controller = MultiStudyController(controllers)
        if not controller.done:
            workloads = {plan.run: plan.workload(slots, running) for plan in plans}
            run_on_tune(
                controller,
                tune.with_parameters(run_trial, workloads=workloads),
                folders={plan.run: plan.folder for plan in plans},
                slots=slots,
                running=running,
            )
    if controller.halted:
        raise ResultsError(
            f"A study needs a disk, or a storage, that it can write to, but: {controller.halted}. What was recorded "
            "until then is kept; mend it (make room, for one) and give the same command again."
        )
    return [Ended(c.done, _why_unfinished(c.state) if c.exhausted and not c.done else "") for c in controllers.values()]


def run_on_tune(
    controller: MultiStudyController,
    trainable: Trainable,
    *,
    folders: Mapping[str, records.RunFolder],
    slots: Slots,
    running: Running,
) -> None:
    """Runs a controller's tasks on Ray Tune until nothing is left, it is halted, or the user interrupts it.

    Args:
        controller: gives out the tasks and takes the reports.
        trainable: carries out a task.
        folders: run -> its folder.
        slots: what runs side by side.
        running: how the trials are run.

    Raises:
        KeyboardInterrupt: the user has asked twice.
    """
    # What Ray Tune says of lost trials is in the records, and on the screen in our own words.
    if not running.verbose:
        logging.getLogger("ray").setLevel(logging.CRITICAL)
    # A line for each trial whose loggers are switched off, whatever else is shown.
    logging.getLogger("ray.tune.analysis.experiment_analysis").setLevel(logging.CRITICAL)
    # Ray Tune insists on a folder for its own snapshots; the event log makes them needless.
    with (
        tempfile.TemporaryDirectory(prefix="study-tune-") as scratch,
        interruptible() as interrupted,
    ):
        watch = HangMonitor(
            running.hang_after_s,
            lambda: interrupted() or bool(controller.halted),
            waits_for_room=running.num_workers > 0,
        )
        tuner = tune.Tuner(
            tune.with_resources(trainable, slots.of_trial_actor(running.num_workers)),
            tune_config=tune.TuneConfig(
                search_alg=TaskSearcher(controller, slots.num),
                scheduler=TaskScheduler(controller, folders, watch),
                num_samples=-1,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(storage_path=scratch, name="study", verbose=0, callbacks=[watch]),
        )
        try:
            tuner.fit()
        except KeyboardInterrupt:
            if not interrupted() and not controller.halted:
                raise
            if interrupted():
                _say_interrupted(controller.controllers)


def _say_interrupted(controllers: Mapping[str, StudyController]) -> None:
    """What is kept, and from where the trials in flight go on."""
    lines = []
    for run, controller in controllers.items():
        trials = controller.state.trials
        num_ended = sum(t.has_ended for t in trials.values())
        epochs = {name: len(trials[name].epochs) for name in sorted(controller.live)}
        live = [f"{name} goes on after epoch {num}" if num else f"{name} begins anew" for name, num in epochs.items()]
        lines.append(f"  {run}: {'; '.join([f'{num_ended} ended trials are kept', *live])}")
    print("Interrupted.\n" + "\n".join(lines), file=sys.stderr, flush=True)


def _why_unfinished(state: records.StudyState) -> str:
    failed = [t for t in state.trials.values() if t.state == records.FAILED]
    tests = [t for t in failed if t.kind == records.SCORE]
    rule = "The test split must be scored" if tests else "At least one seed run must complete"
    if not failed:
        return f"{rule}, but there is nothing left to train. Give --fresh to start again."
    first = (tests or failed)[0]
    return (
        f"{rule}, but {first.id} failed: {first.result['reason']} ({len(failed)} trials failed in all; events.jsonl "
        "holds their tracebacks). Mend the cause and give the same command again: failed seed runs and the test are "
        "then tried once more."
    )
