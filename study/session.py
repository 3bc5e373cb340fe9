"""A session of `python -m study.run`: plans studies, runs them or goes on with them, draws their reports."""

import argparse
import math
import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from study import records, registry
from study.cli.console import as_given, say_plan, say_report
from study.cli.study_selection import check_weights, find_study, save, studies_of
from study.command import DONE, INTERRUPTED, to_go_on, without_secrets
from study.errors import ResultsError
from study.planning.resources import Slots, choose_slots, usable_cpus
from study.spec import Study
from study.tracking.heartbeat import heartbeat

if TYPE_CHECKING:
    from study.execution.ray_backend.experiment import Ended
    from study.planning.options import Options
    from study.planning.plan import Plan


def run_session(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Does what was asked for and returns the exit code, 0 or, where the user has interrupted it, 130.

    Args:
        options: of `study.cli.arguments`.
        arguments: as they were given, for the records.

    Raises:
        StudyError: the user can mend it.
    """
    if options.list:
        from study.cli.listing import listing

        print(listing({name: find_study(name) for name in registry.names("search_spaces")}, options.results))
        return DONE
    if options.save and options.images:
        save(options)
        return DONE
    with heartbeat("reading what was asked for"):
        studies = studies_of(options)
    check_weights(studies, options)
    if options.mlflow:
        from study.tracking.mlflow import require_server

        require_server(options.mlflow)
    print("Reading declarations and images ...", file=sys.stderr, flush=True)
    # All are checked before the first one trains for hours.
    with heartbeat("reading declarations and images"):
        plans = [_plan(name, study, options, arguments) for name, study in studies.items()]
    return _rehearse(plans, options) if options.dry_run else _run(plans, options)


def _plan(name: str, study: Study, options: argparse.Namespace, arguments: Sequence[str]) -> "Plan":
    # Imported late: torch takes seconds to import, and a mistyped name or --help should not wait for it.
    from study.planning.make_plan import make_plan

    plan = make_plan(Path(name).stem, study, _plan_options(study, options, arguments))
    say_plan(plan)
    return plan


def _rehearse(plans: Sequence["Plan"], options: argparse.Namespace) -> int:
    """Trains a few batches of every pair, and says what the plans would take on this machine."""
    import torch

    from study.planning.dry_run import rehearse, table

    slots = _slots(options, num_cpus=usable_cpus(), num_gpus=torch.cuda.device_count())
    failing: list[str] = []
    for plan in plans:
        print(f"{plan.run}: training a batch of each network ...", file=sys.stderr, flush=True)
        with heartbeat("training a batch of each network"):
            rehearsed = list(rehearse(plan, slots))
        print(table(rehearsed, slots, num_workers=options.workers_per_trial))
        failing += [f"{plan.run}: {each.pair}: {each.why_not}" for each in rehearsed if each.why_not]
    if failing:
        raise ResultsError(
            "Every network must be able to train, but of these a batch failed:\n  " + "\n  ".join(failing) + "\nMend "
            "its recipe or its file, or train the others with --architecture."
        )
    if refused := [why for plan in plans for why in plan.refused]:
        raise ResultsError("Without --dry-run this would be refused:\n" + "\n".join(refused))
    return DONE


def _run(plans: Sequence["Plan"], options: argparse.Namespace) -> int:
    """Runs all studies that are not finished as one experiment, then draws every report."""
    from study.execution.study_session import is_complete, redraw
    from study.records.lease import Lease
    from study.report import draw_report
    from study.tracking.tensorboard import add_figures

    with ExitStack() as locks:
        for plan in plans:
            locks.enter_context(records.exclusive(plan.folder))
            locks.enter_context(Lease(plan.files.storage))
        plans = [plan.caught_up() for plan in plans]
        for plan in plans:
            if plan.previous is None and not options.fresh and plan.files.has_log():
                raise ResultsError(
                    f"A run must not begin where another has, but {plan.folder.root} was begun meanwhile. Give the "
                    "same command again to go on with it."
                )
        todo = []
        for plan in plans:
            if plan.previous is not None and is_complete(plan.folder, plan.previous):
                print(f"{plan.run} is finished; its report is drawn again.", file=sys.stderr)
                redraw(plan, mlflow=options.mlflow)
            else:
                if plan.previous is not None and plan.previous.finished:
                    print(f"{plan.run} is finished, but for what its report shows of single images.", file=sys.stderr)
                todo.append(plan)
        ends = _train(todo, options) if todo else []
        for plan in plans:
            with heartbeat(f"drawing the report of {plan.run}"):
                page = draw_report(plan.folder, options.reports)
            add_figures(plan.folder.tensorboard, page.with_suffix(""))
            say_report(page)
    stuck = [f"{plan.run}: {end.stuck}" for plan, end in zip(todo, ends, strict=True) if end.stuck]
    if stuck:
        raise ResultsError("\n".join(stuck))
    unfinished = [str(p.folder.root) for p, end in zip(todo, ends, strict=True) if not end.done]
    if not unfinished:
        return DONE
    print(
        f"{', '.join(unfinished)}: interrupted, with a report of what there is so far. To go on:\n"
        f"  {as_given()}{to_go_on(plans[0].manifest['command'])}",
        file=sys.stderr,
    )
    return INTERRUPTED


def _train(plans: Sequence["Plan"], options: argparse.Namespace) -> list["Ended"]:
    from study.execution.ray_backend.cluster import cluster_resources, ray_session
    from study.execution.ray_backend.experiment import run_experiment
    from study.planning.workload import Running

    print("Starting Ray ...", file=sys.stderr, flush=True)
    with ExitStack() as stack:
        with heartbeat("starting Ray"):
            stack.enter_context(ray_session(options.address, verbose=options.verbose))
        there = cluster_resources(launched=bool(options.address))
        slots = _slots(options, num_cpus=there.cpus, num_gpus=there.gpus, cpus_per_gpu=there.cpus_per_gpu)
        print(slots, file=sys.stderr)
        opened = [plan.open_records(slots) for plan in plans]
        # Machines of a cluster share at least the results folder.
        shared = options.storage or (str(options.results.resolve()) if options.address else "")
        running = Running(
            num_workers=options.workers_per_trial,
            hang_after_s=options.hang_after,
            shared=shared,
            verbose=options.verbose,
            mlflow=options.mlflow,
        )
        with heartbeat("training, scoring or explaining"):
            return run_experiment(opened, slots, running)


def _slots(options: argparse.Namespace, *, num_cpus: float, num_gpus: float, cpus_per_gpu: float = math.inf) -> Slots:
    return choose_slots(
        num_cpus=num_cpus,
        num_gpus=num_gpus,
        cpus_per_gpu=cpus_per_gpu,
        cpus_per_trial=options.cpus_per_trial,
        gpus_per_trial=options.gpus_per_trial,
        num_workers=options.workers_per_trial,
        num=options.slots,
    )


def _plan_options(study: Study, options: argparse.Namespace, arguments: Sequence[str]) -> "Options":
    from study.planning.options import Options

    own = options.architecture or study.names
    weights = [w for w in options.weights if "=" not in w or w.partition("=")[0] in own]

    return Options(
        data=options.data,
        results=options.results,
        cache=options.cache,
        budget=options.budget,
        trials=options.trials,
        epochs=options.epochs,
        seeds=options.seeds,
        audit=options.audit,
        image_size=options.image_size,
        architectures=options.architecture,
        weights=weights,
        seed=options.seed,
        groups=options.groups,
        holdout=options.holdout,
        ledger=options.ledger,
        open_test_again=options.open_test_again,
        skip_unreadable=options.skip_unreadable,
        fresh=options.fresh,
        storage=options.storage,
        precision=options.precision,
        # It goes into the records and the report.
        rehearsal=options.dry_run,
        command=shlex.join(["python", "-m", "study.run", *map(without_secrets, arguments)]),
    )
