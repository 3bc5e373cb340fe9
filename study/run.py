"""`python -m study.run NAME...`: plan studies, run them or go on with them, draw their reports."""

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from study import records, registry
from study.datasets.images import groups
from study.errors import EngineLostError, ResultsError, StudyError, UnknownNameError
from study.report import draw_report
from study.spec import BUDGETS, Study
from study.tuning import ray_environment

if TYPE_CHECKING:
    from study.tuning.asked import Options
    from study.tuning.experiment import Ended
    from study.tuning.plan import Plan

DONE, USER_ERROR, INTERRUPTED = 0, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code: 0 done, 2 the user can mend it, 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else arguments
    # Names may stand before and after flags.
    options = _parser().parse_intermixed_args(arguments)
    ray_environment.apply()
    try:
        if options.list:
            from study.listing import listing

            print(listing({name: find_study(name) for name in registry.names("search_spaces")}, options.results))
            return DONE
        studies = {name: find_study(name) for name in _names(options.names)}
        _check_weights(studies, options)
        # All are checked before the first one trains for hours.
        plans = [_plan(name, study, options, arguments) for name, study in studies.items()]
        return DONE if options.dry_run else _run(plans, options)
    except EngineLostError as error:
        print(f"interrupted: {error}", file=sys.stderr)
        return INTERRUPTED
    except StudyError as error:
        print(f"error: {error}", file=sys.stderr)
        return USER_ERROR
    except OSError as error:
        # A full disk, a folder that can't be written: what was recorded until then is kept.
        print(f"error: {error}. Mend it and give the same command again.", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on from what is on disk.", file=sys.stderr)
        return INTERRUPTED


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
    _say_plan(plan.manifest)
    return plan


def _run(plans: Sequence["Plan"], options: argparse.Namespace) -> int:
    """Runs all studies that are not finished as one experiment, then draws every report."""
    from study.tuning.conducted import is_complete, redraw

    with ExitStack() as locks:
        for plan in plans:
            locks.enter_context(records.exclusive(plan.folder))
            if plan.previous is None and not options.fresh and any(records.read_events(plan.folder.events)):
                raise ResultsError(
                    f"A run must not begin where another has, but {plan.folder.root} was begun meanwhile. Give the "
                    "same command again to go on with it."
                )
        todo = []
        for plan in plans:
            if plan.previous is not None and is_complete(plan.folder, plan.previous):
                print(f"{plan.run} is finished; its report is drawn again.", file=sys.stderr)
                redraw(plan)
            else:
                if plan.previous is not None and plan.previous.finished:
                    print(f"{plan.run} is finished, but for what its report shows of single images.", file=sys.stderr)
                todo.append(plan)
        ended = _train(todo, options) if todo else []
        for plan in plans:
            print(draw_report(plan.folder, options.reports))
    stuck = [f"{plan.run}: {end.stuck}" for plan, end in zip(todo, ended, strict=True) if end.stuck]
    if stuck:
        raise ResultsError("\n".join(stuck))
    unfinished = [str(p.folder.root) for p, end in zip(todo, ended, strict=True) if not end.done]
    if not unfinished:
        return DONE
    print(
        f"{', '.join(unfinished)}: interrupted, with a report of what there is so far. The same command goes on:\n"
        f"  {plans[0].manifest['command']}",
        file=sys.stderr,
    )
    return INTERRUPTED


def _train(plans: Sequence["Plan"], options: argparse.Namespace) -> list["Ended"]:
    from study.tuning.experiment import run_experiment
    from study.tuning.ray_session import cluster_resources, ray_session
    from study.tuning.resources import choose_slots
    from study.tuning.task import Running

    print("Starting Ray ...", file=sys.stderr, flush=True)
    with ray_session(options.address):
        num_cpus, num_gpus = cluster_resources()
        slots = choose_slots(
            num_cpus=num_cpus,
            num_gpus=num_gpus,
            cpus_per_trial=options.cpus_per_trial,
            gpus_per_trial=options.gpus_per_trial,
            num_workers=options.workers_per_trial,
            num=options.slots,
        )
        print(f"{slots.num} trials at a time, {slots.cpus:g} CPUs and {slots.gpus:g} GPUs each", file=sys.stderr)
        opened = [plan.open_records(slots) for plan in plans]
        # Machines of a cluster share at least the results folder.
        shared = options.storage or (str(options.results.resolve()) if options.address else "")
        running = Running(num_workers=options.workers_per_trial, hang_after_s=options.hang_after, shared=shared)
        return run_experiment(opened, slots, running)


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


def _say_plan(manifest: dict[str, Any]) -> None:
    counts = {name: sum(by_class.values()) for name, by_class in manifest["counts"].items()}
    budget = manifest["budget"]
    data = "DRAWN stand-in images" if manifest["stand_in"] else "real images"
    images = ", ".join(f"{n} {split}" for split, n in counts.items())
    print(
        f"{manifest['run']}: {data} ({images}) at {manifest['image_size']} px; {', '.join(manifest['pairs'])}; "
        f"{budget['trials']} trials of up to {budget['epochs']} epochs and 2 x {budget['seeds']} seed runs each",
        file=sys.stderr,
    )


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
        command=shlex.join(["python", "-m", "study.run", *arguments]),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m study.run",
        description="Runs a whole hyperparameter study, or goes on with it, and writes its report.",
        epilog="Without --data and without data/<dataset>, the study runs on drawn stand-in images.",
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="a file in search_spaces/ (without .py), or a path to one; all")
    add("--list", action="store_true", help="show all studies with their data, architectures and status")
    add(
        "--data",
        type=_folder_or_uri,
        metavar="DIR",
        help="folder of the dataset; or its URI, such as s3://bucket/folder",
    )
    add("--budget", choices=list(BUDGETS), help="default: demo on drawn images, standard on real ones")
    add("--trials", type=int, metavar="N", help="searched trials of each pair")
    add("--epochs", type=int, metavar="N", help="full budget of a trial")
    add("--seeds", type=int, metavar="K", help="seed runs of each finalist")
    add("--audit", type=_not_negative, metavar="N", help="searched trials of each pair that are never stopped early")
    add("--image-size", type=int, metavar="PX", help="side to which images are resized")
    add("--architecture", action="append", default=[], metavar="NAME", help="only this network (repeatable)")
    add("--weights", action="append", default=[], metavar="[NAME=]FILE", help="pretrained weights of a network")
    add("--seed", type=_not_negative, default=0, metavar="N", help="of splits, search and training (default 0)")
    add("--groups", choices=list(groups.WAYS), default=groups.DEFAULT, help=_groups_help())
    add(
        "--holdout", action="store_true", help="leave the official test split closed; test on 15 %% of the other images"
    )
    add("--results", type=Path, default=Path("results"), metavar="DIR", help="records (default results)")
    add("--reports", type=Path, default=Path("reports"), metavar="DIR", help="reports (default reports)")
    cache = Path(platformdirs.user_cache_dir("medical-image-study"))
    add("--cache", type=Path, default=cache, metavar="DIR", help="resized and drawn images (default %(default)s)")
    ledger = Path(platformdirs.user_state_dir("medical-image-study")) / "test-openings.jsonl"
    add(
        "--ledger",
        type=Path,
        default=ledger,
        metavar="FILE",
        help="which test splits were opened (default %(default)s)",
    )
    add("--open-test-again", action="store_true", help="score a test split that another run has opened before")
    add("--fresh", action="store_true", help="delete the results of an earlier run and start again")
    add("--skip-unreadable", action="store_true", help="go on without images that can't be read")
    add("--address", metavar="ADDR", help='Ray cluster to run on ("auto": the one this machine belongs to)')
    add(
        "--storage",
        default="",
        metavar="URI",
        help="where the machines of a cluster share no folder: s3://bucket/folder gets checkpoints and records",
    )
    add(
        "--workers-per-trial",
        type=_not_negative,
        default=0,
        metavar="N",
        help="train each trial on N devices at once, in a Ray Train worker group (default 0: none)",
    )
    add("--hang-after", type=_positive, default=600.0, metavar="S", help="end a worker without a step for so long")
    add("--cpus-per-trial", type=float, metavar="X", help="or per worker; default: one")
    add(
        "--gpus-per-trial",
        type=float,
        metavar="X",
        help="or per worker; default: a quarter of one, where there is one; one a worker of several",
    )
    add(
        "--slots",
        type=_at_least_one,
        metavar="N",
        help="trials at a time, whatever there is now: where a cluster that `ray up` did not start grows on demand",
    )
    add("--dry-run", action="store_true", help="show the plan, train nothing")
    return parser


def _groups_help() -> str:
    return "what stays in one split: " + "; ".join(f"{way}: {what}" for way, what in groups.WAYS.items())


def _folder_or_uri(text: str) -> Path | str:
    return text if "://" in text else Path(text)


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"must be more than 0, but is {text}")
    return value


def _at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, but is {text}")
    return value


def _not_negative(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must be 0 or more, but is {text}")
    return value


if __name__ == "__main__":
    sys.exit(main())
