"""From options to reports: plans studies, tries them, runs them or goes on with them. It prints nothing itself."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from study import records
from study.errors import ResultsError
from study.planning.options import Options
from study.planning.resources import Slots, choose_slots, usable_cpus
from study.spec import Study
from study.tracking.heartbeat import heartbeat

# Imported late below: torch and Ray take seconds to import, and a mistyped name should not wait for them.
if TYPE_CHECKING:
    from study.execution.ray_backend.experiment import Ended
    from study.planning.dry_run import Rehearsed
    from study.planning.plan import Plan

Say = Callable[[str], None]


@dataclass(frozen=True)
class DryRun:
    """What was tried of one study.

    Attributes:
        plan: of the study.
        slots: what one trial has on this machine.
        pairs: what a few batches of each pair took.
    """

    plan: "Plan"
    slots: Slots
    pairs: Sequence["Rehearsed"]


@dataclass(frozen=True)
class Outcome:
    """What came of one study.

    Attributes:
        plan: of the study.
        report: its page of markdown.
        done: whether nothing is left to do; else it was interrupted, or is stuck.
        stuck: what keeps it from its end, with the way on; "" where nothing does.
    """

    plan: "Plan"
    report: Path
    done: bool
    stuck: str


def plan_studies(studies: Mapping[str, Study], options: Options) -> Iterator["Plan"]:
    """Makes the plan of each study. Take all of them before the first is run: that may train for hours.

    Args:
        studies: by name, or by the path of their file.
        options: of the run.

    Raises:
        StudyError: a study, its images, its budget or its results folder doesn't fit.
    """
    from study.planning.declared_study import require_networks
    from study.planning.make_plan import make_plan

    for part in options.parts():
        part.give()
    require_networks(studies.values(), options)
    if options.mlflow:
        from study.tracking.mlflow import require_server

        require_server(options.mlflow)
    for name, study in studies.items():
        with heartbeat(f"reading the declaration and the images of {name}"):
            plan = make_plan(Path(name).stem, study, options)
        yield plan


def try_plan(plan: "Plan", options: Options) -> DryRun:
    """Trains a few batches of every pair on this machine, and records nothing."""
    import torch

    from study.planning.dry_run import rehearse

    slots = _slots(options, num_cpus=usable_cpus(), num_gpus=torch.cuda.device_count())
    with heartbeat(f"training a batch of each network of {plan.run}"):
        return DryRun(plan, slots, list(rehearse(plan, slots)))


def require_runnable(dry_runs: Sequence[DryRun]) -> None:
    """Checks that what was tried can be run.

    Raises:
        ResultsError: a network can't be trained, or a plan would be refused.
    """
    failing = [
        f"{each.plan.run}: {pair.pair}: {pair.why_not}" for each in dry_runs for pair in each.pairs if pair.why_not
    ]
    if failing:
        raise ResultsError(
            "Every network must be able to train, but of these a batch failed:\n  " + "\n  ".join(failing) + "\nMend "
            "its recipe or its file, or train the others with --architecture."
        )
    if refused := [why for each in dry_runs for why in each.plan.refused]:
        raise ResultsError("Without --dry-run this would be refused:\n" + "\n".join(refused))


def run_plans(plans: Sequence["Plan"], options: Options, say: Say) -> list[Outcome]:
    """Runs all studies that are not finished as one experiment, then draws every report.

    Args:
        plans: of the studies.
        options: that they were planned with.
        say: is told what is going on.

    Raises:
        StudyError: the user can mend it; what was recorded until then is kept.
    """
    from study.records.lease import Lease
    from study.report import draw_report
    from study.tracking.tensorboard import add_figures

    with ExitStack() as locks:
        for plan in plans:
            locks.enter_context(records.exclusive(plan.folder))
            locks.enter_context(Lease(plan.files.storage))
        plans = [plan.caught_up() for plan in plans]
        _require_not_begun(plans, options)
        unfinished = [plan for plan in plans if not _is_finished(plan, options, say)]
        ends = _train(unfinished, options, say) if unfinished else []
        end_of = {plan.run: end for plan, end in zip(unfinished, ends, strict=True)}
        outcomes = []
        for plan in plans:
            with heartbeat(f"drawing the report of {plan.run}"):
                page = draw_report(plan.folder, options.reports)
            add_figures(plan.folder.tensorboard, page.with_suffix(""))
            end = end_of.get(plan.run)
            outcomes.append(Outcome(plan, page, done=end is None or end.done, stuck=end.stuck if end else ""))
    return outcomes


def _require_not_begun(plans: Sequence["Plan"], options: Options) -> None:
    """Raises ResultsError where another session has begun a run since it was planned."""
    for plan in plans:
        if plan.previous is None and not options.fresh and plan.files.has_log():
            raise ResultsError(
                f"A run must not begin where another has, but {plan.folder.root} was begun meanwhile. Give the same "
                "command again to go on with it."
            )


def _is_finished(plan: "Plan", options: Options, say: Say) -> bool:
    """Whether nothing is left to do but its report; then it gets the files that are derived of its records again."""
    from study.execution.study_session import is_complete, redraw

    if plan.previous is None:
        return False
    if is_complete(plan.folder, plan.previous):
        say(f"{plan.run} is finished; its report is drawn again.")
        redraw(plan, mlflow=options.mlflow)
        return True
    if plan.previous.finished:
        say(f"{plan.run} is finished, but for what its report shows of single images.")
    return False


def _train(plans: Sequence["Plan"], options: Options, say: Say) -> list["Ended"]:
    from study.execution.ray_backend.cluster import cluster_resources, ray_session
    from study.execution.ray_backend.experiment import run_experiment
    from study.planning.workload import Running

    say("Starting Ray ...")
    with ExitStack() as stack:
        with heartbeat("starting Ray"):
            stack.enter_context(ray_session(options.address, verbose=options.verbose))
        there = cluster_resources(launched=bool(options.address))
        slots = _slots(options, num_cpus=there.cpus, num_gpus=there.gpus, cpus_per_gpu=there.cpus_per_gpu)
        say(str(slots))
        opened = [plan.open_records(slots) for plan in plans]
        # Machines of a cluster share at least the results folder.
        shared = options.storage or (str(options.results.resolve()) if options.address else "")
        running = Running(
            num_workers=options.workers_per_trial,
            hang_after_s=options.hang_after_s,
            shared=shared,
            verbose=options.verbose,
            mlflow=options.mlflow,
        )
        with heartbeat("training, scoring or explaining"):
            return run_experiment(opened, slots, running)


def _slots(options: Options, *, num_cpus: float, num_gpus: float, cpus_per_gpu: float = math.inf) -> Slots:
    return choose_slots(
        num_cpus=num_cpus,
        num_gpus=num_gpus,
        cpus_per_gpu=cpus_per_gpu,
        cpus_per_trial=options.cpus_per_trial,
        gpus_per_trial=options.gpus_per_trial,
        num_workers=options.workers_per_trial,
        num=options.slots,
    )
