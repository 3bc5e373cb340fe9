"""The sections of a report, each from records to markdown."""

import shlex
from collections.abc import Mapping
from pathlib import PurePath

from study.records import SPLITS
from study.report.core.analysis import Analysis
from study.report.core.figure import Drawings, figure
from study.report.core.markdown import bullets, code, join
from study.report.core.study_run import Run
from study.report.core.study_tables import image_table
from study.report.data import leakage
from study.report.data.flow import divided
from study.report.overview.deployed import in_use
from study.report.overview.summary import commit, gaps, opening, provenance, question, verdict
from study.report.results.grid import result_grid
from study.report.results.published import comparison_notes, epochs_beside, published_notes
from study.wording import DOT, counted, listing


def first_screen(run: Run, analysis: Analysis, drawings: Drawings) -> str:
    """Title, warnings, question, verdict, what the commands use, result grid, provenance."""
    missing = gaps(run)
    return join(
        [
            f"# {run.manifest.title}",
            *opening(run),
            question(run),
            verdict(run, analysis),
            in_use(run, analysis),
            join(["**What is missing:**", bullets(missing)]) if missing else "",
            _how_to_read(run, analysis),
            result_grid(run, analysis),
            "<br>".join(published_notes(run)),
            " ".join(comparison_notes(run)),
            provenance(run),
            figure(run, drawings, "test-scores"),
        ]
    )


def data(run: Run, siblings: Mapping[str, Run]) -> str:
    """Images, duplicates, notes and the warning on patients; how the images were divided, and what that changes."""
    manifest = run.manifest
    dataset = manifest.dataset
    about = [_title(run), dataset.source, f"licence: {dataset.licence}"]
    shares = [_share(run, split) for split in SPLITS]
    return join(
        [
            "## Data",
            f"{DOT.join(about)}.",
            f'What to see: how unequal the classes are; "{_largest(run)}" is the most frequent one '
            f"({listing(shares)}).",
            image_table(run),
            _expected(run),
            bullets([*leakage.duplicates(run), *leakage.skipped(run), *manifest.notes, leakage.grouping(run)]),
            divided(run),
            leakage.sensitivity(run, siblings),
        ]
    )


def curves(run: Run, drawings: Drawings) -> str:
    """Training curves, ROC and PR curves and confusion matrices of the seed runs."""
    shown = [figure(run, drawings, name) for name in ("seed-curves", "roc-and-pr-curves", "confusion-matrices")]
    if not any(shown):
        shown = ["No seed run has been trained yet."]
    return join(["## Curves", *shown, epochs_beside(run)])


def again(run: Run) -> str:
    """How to get the same study and the same report again."""
    versions = [f"{name} {version}" for name, version in run.manifest.versions.items()]
    machine = run.manifest.machine
    get = run.manifest.dataset.how_to_get
    return join(
        [
            "## How to run it again",
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


def _how_to_read(run: Run, analysis: Analysis) -> str:
    """What the rows and marks of the result grid mean."""
    if not analysis.rows:
        return "No seed run has been trained yet: so far there are only values to compare with."
    seeds = counted(run.manifest.budget.seeds, "seed run")
    words = (
        f"Tuned recipes, mean over {seeds}; on test with 95 % intervals. The ensemble answers with the mean "
        "probability of the seeds. The best of the networks' means on test is bold only if it is told apart from the "
        "next; a network that nearly always gives one answer has nothing bold but its ROC-AUC. Compare with always "
        "giving the most frequent class of train as the answer."
    )
    if len(run.classes) == 2:
        return words
    return (
        f"{words} Precision, recall, specificity and ROC-AUC are macro averages (such a recall is also called balanced "
        "accuracy); the weighted ROC-AUC counts each class by its number of images."
    )


def _largest(run: Run) -> str:
    counts = run.images("train")
    return max(counts, key=lambda name: counts[name])


def _share(run: Run, split: str) -> str:
    counts = run.images(split)
    total = sum(counts.values())
    return f"{100 * counts[_largest(run)] / total:.0f} % of {split}" if total else f"no images in {split}"


def _title(run: Run) -> str:
    """The data set's name, with the published version that the images were recognised as."""
    title, edition = run.manifest.dataset.title, run.manifest.dataset.edition
    return f"{title}, {edition}" if edition and not run.manifest.stand_in else title


def _expected(run: Run) -> str:
    dataset = run.manifest.dataset
    if run.manifest.stand_in or not dataset.expected:
        return ""
    totals = {side: f"{sum(counts.values()):,}" for side, counts in dataset.expected.items()}
    sides = [total if side == "all" else f"{total} ({side})" for side, total in totals.items()]
    edition = f" ({dataset.edition})" if dataset.edition else ""
    return f"The data set{edition} is published with {listing(sides)} images."
