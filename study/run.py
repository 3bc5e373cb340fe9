"""`python -m study.run NAME...`: plan a study, run it or go on with it, draw its report."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from study import records, registry
from study.errors import StudyError
from study.report import draw_report
from study.spec import BUDGETS, Study

if TYPE_CHECKING:
    from study.tuning.plan import Options

DONE, USER_ERROR, INTERRUPTED = 0, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code: 0 done, 2 the user can mend it, 130 interrupted."""
    options = _parser().parse_args(arguments)
    try:
        if options.list:
            print("\n".join(registry.names("search_spaces")))
            return DONE
        if not options.names:
            raise StudyError("A study's name is needed, but none was given. --list shows all.")
        codes = [_run_one(name, options) for name in options.names]
        return max(codes)
    except StudyError as error:
        print(f"error: {error}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("Interrupted before the study began; nothing was lost.", file=sys.stderr)
        return INTERRUPTED


def _run_one(name: str, options: argparse.Namespace) -> int:
    study = find_study(name)
    # Imported late: Ray takes seconds to import, and a mistyped name or --help should not wait for it.
    from study.tuning.experiment import run_experiment
    from study.tuning.plan import make_plan
    from study.tuning.ray_session import cluster_resources, ray_session
    from study.tuning.resources import choose_slots

    plan = make_plan(Path(name).stem, study, _plan_options(options))
    _say_plan(plan.manifest)
    if options.dry_run:
        return DONE
    if plan.previous is not None and plan.previous.finished:
        print("This study is finished; its report is drawn again.", file=sys.stderr)
        return _report(plan.folder, options.reports)
    print("Starting Ray ...", file=sys.stderr, flush=True)
    with ray_session(options.address):
        num_cpus, num_gpus = cluster_resources()
        slots = choose_slots(
            num_cpus=num_cpus,
            num_gpus=num_gpus,
            cpus_per_trial=options.cpus_per_trial,
            gpus_per_trial=options.gpus_per_trial,
        )
        print(f"{slots.num} trials at a time, {slots.cpus:g} CPUs and {slots.gpus:g} GPUs each", file=sys.stderr)
        state = run_experiment(plan.open_records(slots), slots, num_workers=options.workers_per_trial)
    code = _report(plan.folder, options.reports)
    if not state.finished:
        print(
            f"Interrupted. {plan.folder.root} keeps all finished trials and the checkpoints of those in flight; "
            "the same command goes on from there.",
            file=sys.stderr,
        )
        return INTERRUPTED
    return code


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


def _report(folder: records.RunFolder, reports: Path) -> int:
    print(draw_report(folder, reports))
    return DONE


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


def _plan_options(options: argparse.Namespace) -> "Options":
    from study.tuning.plan import Options

    return Options(
        data=options.data,
        results=options.results,
        cache=options.cache,
        budget=options.budget,
        trials=options.trials,
        epochs=options.epochs,
        seeds=options.seeds,
        image_size=options.image_size,
        architectures=options.architecture,
        seed=options.seed,
        skip_unreadable=options.skip_unreadable,
        fresh=options.fresh,
        command=shlex.join(["python", "-m", "study.run", *sys.argv[1:]]),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m study.run",
        description="Runs a whole hyperparameter study, or goes on with it, and writes its report.",
        epilog="Without --data and without data/<dataset>, the study runs on drawn stand-in images.",
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="a file in search_spaces/ (without .py), or a path to one")
    add("--list", action="store_true", help="show all studies")
    add("--data", type=Path, metavar="DIR", help="folder of the dataset")
    add("--budget", choices=list(BUDGETS), help="default: demo on drawn images, standard on real ones")
    add("--trials", type=int, metavar="N", help="searched trials of each pair")
    add("--epochs", type=int, metavar="N", help="full budget of a trial")
    add("--seeds", type=int, metavar="K", help="seed runs of each finalist")
    add("--image-size", type=int, metavar="PX", help="side to which images are resized")
    add("--architecture", action="append", default=[], metavar="NAME", help="only this network (repeatable)")
    add("--seed", type=int, default=0, metavar="N", help="of splits, search and training (default 0)")
    add("--results", type=Path, default=Path("results"), metavar="DIR", help="records (default results)")
    add("--reports", type=Path, default=Path("reports"), metavar="DIR", help="reports (default reports)")
    cache = Path(platformdirs.user_cache_dir("medical-image-study"))
    add("--cache", type=Path, default=cache, metavar="DIR", help="resized and drawn images (default %(default)s)")
    add("--fresh", action="store_true", help="delete the results of an earlier run and start again")
    add("--skip-unreadable", action="store_true", help="go on without images that can't be read")
    add("--address", metavar="ADDR", help='Ray cluster to run on ("auto": the one this machine belongs to)')
    add("--workers-per-trial", type=int, default=0, metavar="N", help="Ray Train workers of a trial")
    add("--cpus-per-trial", type=float, metavar="X")
    add("--gpus-per-trial", type=float, metavar="X")
    add("--dry-run", action="store_true", help="show the plan, train nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main())
