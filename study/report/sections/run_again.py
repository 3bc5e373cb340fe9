"""How to get the same study and the same report again."""

import shlex
from pathlib import PurePath

from study.report.core.markdown import code, join
from study.report.core.section import Context, Section
from study.report.core.study_run import Run
from study.report.overview.summary import commit
from study.wording import counted, listing


def _render(context: Context) -> str:
    run = context.run
    versions = [f"{name} {version}" for name, version in run.manifest.versions.items()]
    machine = run.manifest.machine
    get = run.manifest.dataset.how_to_get
    return join(
        [
            "" if run.manifest.stand_in else f"The images: {get}",
            f"The program: this project at version {run.manifest.versions['study']}{commit(run)}, set up as its "
            "README says. There:",
            code(_elsewhere(run.manifest.command)),
            _same(run),
            f"Seed {run.manifest.seed} of splits and search; {listing(versions)}; {machine.device} "
            f"({machine.cpu}, {counted(machine.num_cpus, 'CPU core')}){_precision(run)}, "
            f"{counted(run.manifest.slots.num, 'trial')} at a time. From the records alone, this "
            "report is drawn again by:",
            code(f"python -m study.report {run.name}"),
        ]
    )


def _precision(run: Run) -> str:
    """What the trials were trained in; a log of an earlier version doesn't say."""
    precision = run.manifest.precision
    return f", trained in {precision} and evaluated in float32" if precision else ""


def _same(run: Run) -> str:
    """By what a reader sees that it is the same study, and what will differ all the same."""
    opened = (
        " `--open-test-again` is needed where the ledger knows of an earlier opening."
        if "--open-test-again" in run.manifest.command
        else ""
    )
    return (
        f"Its report must name the same data, `{run.manifest.data_hash[:12]}`, and the same split, "
        f"`{run.manifest.split_hash[:12]}`.{opened} What the search tries next depends on which of the trials that "
        "run side by side ends first, so another run may find other finalists."
    )


def _elsewhere(command: str) -> str:
    """The command as it is given on another machine: of this one's absolute paths the last part is kept."""
    words = []
    for word in shlex.split(command):
        # "NAME=FILE" is how weights are given.
        before, equals, path = word.rpartition("=")
        words.append(f"{before}{equals}path/to/{PurePath(path).name}" if path.startswith("/") else word)
    return shlex.join(words)


SECTION = Section(title="How to run it again", render=_render)
