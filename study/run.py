"""`python -m study.run NAME...`: plan studies, run them or go on with them, draw their reports."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from study.command import DONE, INTERRUPTED, ended

# Imported late below: it takes seconds, in which Ctrl-C is answered as at any other time.
if TYPE_CHECKING:
    from study.planning.options import Options
    from study.planning.plan import Plan


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code: 0 done, 2 the user can mend it, 130 interrupted."""
    given = sys.argv[1:] if arguments is None else arguments
    return ended(
        lambda: _parsed(given),
        _run,
        interrupted="Interrupted; the same command goes on from what is on disk"
        + (", without --fresh: with it, it deletes that." if "--fresh" in given else "."),
    )


def _parsed(arguments: Sequence[str]) -> "Options":
    from study.cli.arguments import parse

    return parse(arguments)


def _run(options: "Options") -> int:
    from study.execution.ray_backend import environment

    environment.apply()
    from study.cli.console import say, say_plan
    from study.cli.listing import listing
    from study.cli.study_selection import known_studies, save, studies_of
    from study.session import plan_studies

    if options.list_studies:
        print(listing(known_studies(), options.results))
        return DONE
    if options.save and options.images:
        save(options.save, options.images, options)
        return DONE
    studies = studies_of(options)
    say("Reading declarations and images ...")
    plans = []
    for plan in plan_studies(studies, options):
        say_plan(plan)
        plans.append(plan)
    return _try(plans, options) if options.dry_run else _train(plans, options)


def _try(plans: Sequence["Plan"], options: "Options") -> int:
    from study.cli.console import say
    from study.planning.dry_run import table
    from study.session import require_runnable, try_plan

    dry_runs = []
    for plan in plans:
        say(f"{plan.run}: training a batch of each network ...")
        tried = try_plan(plan, options)
        print(table(tried.pairs, tried.slots, num_workers=options.workers_per_trial))
        dry_runs.append(tried)
    require_runnable(dry_runs)
    return DONE


def _train(plans: Sequence["Plan"], options: "Options") -> int:
    from study.cli.console import say, say_interrupted, say_report
    from study.errors import ResultsError
    from study.session import run_plans

    outcomes = run_plans(plans, options, say)
    for outcome in outcomes:
        say_report(outcome.report)
    if stuck := [f"{outcome.plan.run}: {outcome.stuck}" for outcome in outcomes if outcome.stuck]:
        raise ResultsError("\n".join(stuck))
    if unfinished := [outcome.plan.folder.root for outcome in outcomes if not outcome.done]:
        say_interrupted(unfinished, options)
        return INTERRUPTED
    return DONE


if __name__ == "__main__":
    sys.exit(main())
