"""`python -m study.run NAME...`: plan studies, run them or go on with them, draw their reports."""

import argparse
import math
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from study import records, registry
from study.arguments import parser
from study.command import DONE, INTERRUPTED, ended, without_secrets
from study.errors import ResultsError, StudyError, UnknownNameError
from study.screen import as_given, say_plan, say_report
from study.spec import Study
from study.tuning import ray_environment
from study.tuning.resources import Slots, choose_slots, usable_cpus

if TYPE_CHECKING:
    from study.tuning.asked import Options
    from study.tuning.experiment import Ended
    from study.tuning.own_study import Derived
    from study.tuning.plan import Plan


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code: 0 done, 2 the user can mend it, 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else arguments
    # Names may stand before and after flags.
    options = parser().parse_intermixed_args(arguments)
    ray_environment.apply()
    return ended(
        lambda: _main(options, arguments),
        interrupted="Interrupted; the same command goes on from what is on disk.",
        verbose=options.verbose,
    )


def _main(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    if options.list:
        from study.listing import listing

        print(listing({name: find_study(name) for name in registry.names("search_spaces")}, options.results))
        return DONE
    if options.save and options.images:
        return _save(options)
    studies = _studies(options)
    _check_weights(studies, options)
    if options.mlflow:
        from study.tuning.mlflow import require_server

        require_server(options.mlflow)
    # All are checked before the first one trains for hours.
    plans = [_plan(name, study, options, arguments) for name, study in studies.items()]
    return _rehearse(plans, options) if options.dry_run else _run(plans, options)


def _studies(options: argparse.Namespace) -> dict[str, Study]:
    """Name -> what is to be run: studies by name, or that of one's own images."""
    if options.images is None:
        _require_images(options)
        return {name: find_study(name) for name in _names(options.names)}
    derived = _derived(options)
    return {derived.own.name: derived.study()}


def _require_images(options: argparse.Namespace) -> None:
    for name in ("name", "labels", "image_column", "label_column", "group_column", "split_column", "positive", "save"):
        if getattr(options, name):
            raise StudyError(
                f"--{name.replace('_', '-')} says something of --images, but that wasn't given. Give both."
            )
    if options.modality:
        raise StudyError("--modality is for --images: a study file declares it. Leave it out, or give --images.")


def _derived(options: argparse.Namespace) -> "Derived":
    """The study of one's own images; says what was derived."""
    from study.tuning.own_images import Asked, own_study

    if options.names:
        raise StudyError(
            f"--images is a study of its own, but {options.names[0]!r} is to be run too. Leave the name out, or give "
            "--data for the images of a known study."
        )
    if options.data:
        raise StudyError("--images says where the images are, and so does --data. Leave --data out.")
    asked = Asked(**{f.name: getattr(options, f.name) for f in fields(Asked)})
    derived, lines = own_study(asked)
    if derived.own.name in registry.names("search_spaces"):
        raise StudyError(
            f"A study needs a name of its own, but there is one called {derived.own.name!r}. Give --name, or run that "
            f"one on these images: python -m study.run {derived.own.name} --data {options.images}"
        )
    print("\n".join(lines), file=sys.stderr)
    return derived


def _save(options: argparse.Namespace) -> int:
    """Writes what was derived of one's own images as a study file."""
    from study.tuning.own_study import source

    if options.save.suffix != ".py":
        raise StudyError(f"--save needs the name of a Python file, but {options.save} doesn't end in .py.")
    if options.save.exists():
        raise StudyError(f"--save must not overwrite anything, but there is a {options.save}. Give another name.")
    records.write_atomically(options.save, source(_derived(options)))
    print(f"Wrote {options.save}. Edit it, then: {as_given()}python -m study.run {options.save}", file=sys.stderr)
    return DONE


def _names(given: Sequence[str]) -> list[str]:
    """The studies that are asked for, each once; "all" stands for all of them."""
    if not given:
        raise StudyError("A study's name is needed, but none was given. --list shows all; `all` runs them all.")
    named = [registry.names("search_spaces") if name == "all" else [name] for name in given]
    names = list(dict.fromkeys(name for each in named for name in each))
    runs = [Path(name).stem for name in names]
    for run in runs:
        if runs.count(run) > 1:
            raise StudyError(f"Each study needs a name of its own, but two are called {run!r}. Rename a file.")
    return names


def _check_weights(studies: Mapping[str, Study], options: argparse.Namespace) -> None:
    """A file is for each study that has its network, but one of them must."""
    known = options.architecture or list(dict.fromkeys(pair for study in studies.values() for pair in study.names))
    for given in options.weights:
        pair, equals, _ = given.partition("=")
        if equals and pair not in known:
            raise UnknownNameError("network in what is to be run called", pair, known)


def _plan(name: str, study: Study, options: argparse.Namespace, arguments: Sequence[str]) -> "Plan":
    # Imported late: torch takes seconds to import, and a mistyped name or --help should not wait for it.
    from study.tuning.plan import make_plan

    plan = make_plan(Path(name).stem, study, _plan_options(study, options, arguments))
    say_plan(plan)
    return plan


def _rehearse(plans: Sequence["Plan"], options: argparse.Namespace) -> int:
    """Trains a few batches of every pair, and says what the plans would take on this machine."""
    import torch

    from study.tuning.rehearsal import rehearse, table

    slots = _slots(options, num_cpus=usable_cpus(), num_gpus=torch.cuda.device_count())
    failing: list[str] = []
    for plan in plans:
        print(f"{plan.run}: training a batch of each network ...", file=sys.stderr, flush=True)
        rehearsed = list(rehearse(plan, slots))
        print(table(rehearsed, slots, num_workers=options.workers_per_trial))
        failing += [f"{plan.run}: {each.pair}: {each.why_not}" for each in rehearsed if each.why_not]
    if failing:
        raise ResultsError(
            "Every network must be able to train, but of these a batch failed:\n  " + "\n  ".join(failing) + "\nMend "
            "its recipe or its file, or train the others with --architecture."
        )
    return DONE


def _run(plans: Sequence["Plan"], options: argparse.Namespace) -> int:
    """Runs all studies that are not finished as one experiment, then draws every report."""
    from study.report import draw_report
    from study.tuning.conducted import is_complete, redraw
    from study.tuning.lease import Lease
    from study.tuning.tensorboard import add_figures

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
        f"{', '.join(unfinished)}: interrupted, with a report of what there is so far. The same command goes on:\n"
        f"  {as_given()}{plans[0].manifest['command']}",
        file=sys.stderr,
    )
    return INTERRUPTED


def _train(plans: Sequence["Plan"], options: argparse.Namespace) -> list["Ended"]:
    from study.tuning.experiment import run_experiment
    from study.tuning.ray_session import cluster_resources, ray_session
    from study.tuning.task import Running

    print("Starting Ray ...", file=sys.stderr, flush=True)
    with ray_session(options.address, verbose=options.verbose):
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


def find_study(name: str) -> Study:
    """The study of that name in `search_spaces`, or in the file of that path.

    Raises:
        StudyError: there is none, or its file doesn't define STUDY.
    """
    if name.endswith(".py"):
        study: Study = registry.load_file(Path(name), attribute="STUDY", kind="study")
    else:
        study = registry.find("search_spaces", name, attribute="STUDY", kind="study")
    return study


def _plan_options(study: Study, options: argparse.Namespace, arguments: Sequence[str]) -> "Options":
    from study.tuning.asked import Options

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
        command=shlex.join(["python", "-m", "study.run", *map(without_secrets, arguments)]),
    )


if __name__ == "__main__":
    sys.exit(main())
