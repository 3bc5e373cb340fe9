"""The sections of a report, each from records to markdown."""

from collections.abc import Mapping

from study.evaluation.wording import DOT, counted, listing
from study.records import DOCUMENT
from study.report.analysis import Analysis
from study.report.figures import Drawing
from study.report.load import SPLITS, Run
from study.report.markdown import bullets, code, image, join, table
from study.report.study_tables import image_table, recipe_table, search_table, seed_table, space_table
from study.report.summary import gaps, opening, provenance, selection_notes, verdict
from study.report.tables import difference_table, published_notes, result_grid

Drawings = Mapping[str, Drawing]

_FEW_SKIPPED = 5


def first_screen(run: Run, analysis: Analysis, drawings: Drawings) -> str:
    """Title, warnings, verdict, result grid, provenance."""
    missing = gaps(run)
    seeds = counted(run.manifest["budget"]["seeds"], "seed run")
    averages = "" if len(run.classes) == 2 else " Precision, recall, specificity and ROC-AUC are macro averages."
    sees = (
        f"Tuned recipes, mean over {seeds}; on test with 95 % intervals. The ensemble answers with the mean "
        "probability of the seeds. The best test value is bold only if it is told apart from the next. "
        f"Compare with always giving the most frequent answer.{averages}"
        if analysis.rows
        else "No seed run has been trained yet: so far there are only values to compare with."
    )
    return join(
        [
            f"# {run.manifest['title']}",
            *opening(run),
            verdict(run, analysis),
            join(["**What is missing:**", bullets(missing)]) if missing else "",
            sees,
            result_grid(run, analysis),
            "<br>".join(published_notes(run)),
            provenance(run),
            figure(run, drawings, "test-scores"),
        ]
    )


def data(run: Run) -> str:
    """Images, what was left out, duplicates, notes and the warning on patients."""
    manifest = run.manifest
    dataset = manifest["dataset"]
    left_out = [[reason, f"{number:,}"] for reason, number in manifest["left_out"].items() if number]
    about = [dataset["title"], dataset["source"], f"licence: {dataset['licence']}"]
    shares = [_share(run, split) for split in SPLITS]
    return join(
        [
            "## Data",
            f"{DOT.join(about)}.",
            f'What to see: how unequal the classes are; "{_largest(run)}" is the most frequent one '
            f"({listing(shares)}).",
            image_table(run),
            _expected(run),
            "Left out before anything was trained:" if left_out else "No image was left out.",
            table(["Reason", "Images"], left_out),
            bullets([*_duplicates(run), *_skipped(run), *manifest["notes"], _grouping(run)]),
        ]
    )


def search(run: Run, drawings: Drawings) -> str:
    """Space, trials, learning curves, learning rates."""
    rungs = [str(rung) for rung in run.manifest["rungs"]]
    at = f"after {listing(rungs, 'or')} epochs" if rungs else "nowhere: the budget is too short for rungs"
    return join(
        [
            "## Search",
            "What was explored; all other hyperparameters kept the value of the document's recipe.",
            space_table(run),
            f"How it went: a trial that was not among the best was STOPPED {at}; each pair has the same "
            "number of trials, and trial 0 is the document's recipe.",
            search_table(run),
            figure(run, drawings, "learning-curves"),
            figure(run, drawings, "learning-rates"),
        ]
    )


def finalists(run: Run, analysis: Analysis) -> str:
    """Winning recipes beside the document's, differences, optimism and shift, seed runs."""
    blocks = ["## Finalists"]
    if differences := difference_table(analysis):
        blocks += [
            f"Each two architectures on test, the same images and seeds paired; the intervals are widened so "
            f"that all of them hold together ({100 * analysis.level:.1f} % each).",
            differences,
        ]
    blocks.append(bullets(selection_notes(run)))
    for pair in run.pairs:
        blocks += [
            f"### {pair}",
            f"{_finalist_words(run, pair)} The document's recipe is reconstructed: what the document doesn't "
            "state is assumed. Values in bold are where the winner departs from it.",
            recipe_table(run, pair),
        ]
    if seeds := seed_table(run):
        blocks += ["### Seed runs", "How much the scores move when nothing but the seed changes.", seeds]
    return join(blocks)


def curves(run: Run, drawings: Drawings) -> str:
    """Training curves, ROC curves and confusion matrices of the seed runs."""
    shown = [figure(run, drawings, name) for name in ("seed-curves", "roc-curves", "confusion-matrices")]
    if not any(shown):
        return join(["## Curves", "No seed run has been trained yet."])
    return join(["## Curves", *shown])


def again(run: Run) -> str:
    """How to get the same study and the same report again."""
    versions = [f"{name} {version}" for name, version in run.manifest["versions"].items()]
    machine = run.manifest["machine"]
    get = run.manifest["dataset"]["how_to_get"]
    return join(
        [
            "## How to run it again",
            "" if run.manifest["stand_in"] else f"The images: {get}",
            code(run.manifest["command"]),
            f"Seed {run.manifest['seed']}; {listing(versions)}; {machine['device']} "
            f"({machine['cpu']}, {counted(machine['num_cpus'], 'CPU core')}). From the records alone, this "
            "report is drawn again by:",
            code(f"python -m study.report {run.name}"),
        ]
    )


def figure(run: Run, drawings: Drawings, name: str) -> str:
    """A figure under the sentence that says what to see in it; "" if there is no such figure (yet)."""
    if name not in drawings:
        return ""
    return join([drawings[name].sees, image(f"{run.name}/{name}.png", drawings[name].alt)])


def _largest(run: Run) -> str:
    counts = run.images("train")
    return max(counts, key=lambda name: counts[name])


def _share(run: Run, split: str) -> str:
    counts = run.images(split)
    total = sum(counts.values())
    return f"{100 * counts[_largest(run)] / total:.0f} % of {split}" if total else f"no images in {split}"


def _expected(run: Run) -> str:
    expected = run.manifest["dataset"].get("expected", {})
    if run.manifest["stand_in"] or not expected:
        return ""
    sides = [f"{sum(counts.values()):,} ({side})" for side, counts in expected.items()]
    return f"The data set is published with {listing(sides)} images."


def _duplicates(run: Run) -> list[str]:
    found = run.manifest["duplicates"]
    if not found.get("extra_copies"):
        return ["No two image files are byte-identical."]
    words = (
        f"{counted(found['extra_copies'], 'file')} repeat another one byte by byte, in "
        f"{counted(found['groups'], 'group')}; a group never spans two splits."
    )
    if found.get("spanning_test"):
        words += (
            f" {counted(found['spanning_test'], 'test image')} also stood on the training side; those copies "
            "were left out of it."
        )
    if found.get("groups_of_two_labels"):
        words += f" {counted(found['groups_of_two_labels'], 'group')} carry two different labels."
    return [words]


def _skipped(run: Run) -> list[str]:
    paths = run.manifest.get("skipped", [])
    if not paths:
        return []
    named = listing([f"`{path}`" for path in paths[:_FEW_SKIPPED]])
    more = " and others" if len(paths) > _FEW_SKIPPED else ""
    return [f"Not readable and left out: {counted(len(paths), 'file')} ({named}{more})."]


def _grouping(run: Run) -> str:
    meaning = run.manifest["dataset"].get("group_meaning", "")
    if meaning:
        return f"Images of one {meaning} stay in one split and are drawn together in the intervals."
    return (
        "**Which images come from one patient or slide is unknown.** Related images may stand in two splits, "
        "and the intervals take images that aren't copies for independent, so they are too narrow."
    )


def _finalist_words(run: Run, pair: str) -> str:
    finalist = run.state.finalist(pair)
    if finalist is None:
        return "No trial has run to its end, so there is no winner."
    declared = run.manifest["pairs"][pair]
    # The winner's own size: dense units and kernels may differ from the document's recipe.
    parameters = finalist.result.get("num_parameters") or declared.get("num_parameters")
    won = "The document's own recipe (trial 0)" if finalist.number == 0 else f"Trial {finalist.number}"
    words = f"{declared['title']}. {won} won" if declared.get("title") else f"{won} won"
    words += f", a network of {parameters:,} parameters." if parameters else "."
    if not run.seed_runs(pair, DOCUMENT):
        words += " The document's recipe has no seed runs of its own."
    return words
