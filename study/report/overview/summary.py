"""What a reader must know first: whether the images are real, whether the study is done, what came out."""

from datetime import datetime
from typing import Any

from study.records import COMPLETE, FAILED, RUNNING, SPLITS, STOPPED, TEST
from study.report.core.analysis import Analysis
from study.report.core.markdown import bullets, join, plain
from study.report.core.naming import recipe_title
from study.report.core.study_run import Run
from study.report.core.verdict import (
    best_verdict,
    decision_verdict,
    gain_verdict,
    majority_verdict,
    shift_warning,
    told_apart,
)
from study.report.data.leakage import way_of
from study.report.overview.advice import advice
from study.report.search.accounting import spending
from study.report.search.failures import failures, unequal
from study.wording import DOT, counted, image_sizes, listing


def opening(run: Run) -> list[str]:
    """The bold first lines: drawn images, a test split that is still closed, networks without their weights."""
    lines = []
    if run.manifest.stand_in:
        lines.append(
            "**The images of this run are DRAWN by this program, as a stand-in for "
            f"{run.manifest.dataset.title}. The figures say nothing about real patients; they only "
            "show that the program works.**"
        )
    if run.manifest.opened_before:
        lines.append(f"**{opened_before(run)}**")
    if run.manifest.holdout:
        lines.append(
            "**The official test split stayed closed (`--holdout`): test stands for 15 % of the development images "
            "here, so no figure compares with a published one.**"
        )
    if not run.is_tested:
        lines.append(
            "**This report was drawn before the study was finished: the test split has not been scored yet, "
            f"so nothing here is a result.** So far: {progress(run)}."
        )
    for pair, reason in run.from_scratch.items():
        # The sentences after the first one say how to get the weights.
        cause = plain(reason.split(". ")[0]).rstrip(".")
        cause = f"it {cause.removeprefix(f'{pair} ')}" if cause.startswith(f"{pair} ") else cause
        lines.append(f"**{pair} was trained FROM SCRATCH, though its recipe wants it pretrained: {cause}.**")
    return lines


def opened_before(run: Run) -> str:
    """That, when and by what the test split was opened before this run; "" where it wasn't."""
    earlier = run.manifest.opened_before
    if not earlier:
        return ""
    when = listing([f"on {each.opened[:10]} by {each.run}" for each in earlier])
    return f"The test split had been opened {counted(len(earlier), 'time')} before this run, {when}."


def progress(run: Run) -> str:
    """How far the search and the seed runs of an unfinished study have come."""
    budget = run.manifest.budget
    states = dict.fromkeys((COMPLETE, STOPPED, FAILED, RUNNING), 0)
    for pair in run.pairs:
        for state, number in spending(run, pair).states.items():
            states[state] += number
    ended = states[COMPLETE] + states[STOPPED] + states[FAILED]
    seeds = sum(len(run.completed_seed_runs(pair, name)) for pair in run.pairs for name in run.trained_again(pair))
    return (
        f"{ended} of {counted(budget.trials * len(run.pairs), 'trial')} ended, {states[RUNNING]} begun, "
        f"{counted(seeds, 'seed run')} completed"
    )


def question(run: Run) -> str:
    """What the study asks, in one line, from what it compares."""
    *others, last = [f'"{name}"' for name in run.classes]
    apart = f"{others[0]} from {last}" if len(others) == 1 else f"{', '.join(others)} and {last} apart"
    who = f"Which of {listing(run.pairs)} best tells" if len(run.pairs) > 1 else f"How well does {run.pairs[0]} tell"
    return f"*Question.* {who} {apart}, on images that it has not seen?"


def verdict(run: Run, analysis: Analysis) -> str:
    """Two sentences, which network and what a reader must know of it, and a list of the rest; "" before test."""
    if not run.is_tested:
        return ""
    objective, ranking = run.objective, analysis.on_test("roc_auc")
    fall = shift_warning(analysis.shifts, objective)
    decided = majority_verdict(
        analysis.advantages,
        majority_class=analysis.majority_class,
        baseline_accuracy=analysis.baseline[TEST]["accuracy"],
    )
    # Decisions that are worth nothing matter more than that val promised too much.
    second = fall if fall and analysis.advantages[analysis.ranked()[0]].low > 0 else decided
    rest = [
        *advice(run, analysis),
        *(sentence for sentence in (fall, decided) if sentence != second),
        decision_verdict(ranking, analysis.advantages, analysis.one_answers),
        gain_verdict(
            analysis.gains, objective, run.unchanged, [p for p in run.pairs if not run.has_documents_recipe(p)]
        ),
    ]
    first = best_verdict(analysis.on_test(), analysis.differences[objective.name], objective)
    return join([f"*Verdict.* {first} {second}", bullets([sentence for sentence in rest if sentence])])


def gaps(run: Run) -> list[str]:
    """What failed or is missing, so that no reader takes it for complete."""
    missing = []
    num_seeds = run.manifest.budget.seeds
    for pair in run.pairs:
        missing += failures(run, pair)
        if run.is_tested and run.state.finalist(pair) is None:
            missing.append(f"{pair}: no searched trial ran to its end, so it has no finalist and no result.")
            continue
        for recipe_name in run.trained_again(pair):
            predictions = run.predictions.get(pair, recipe_name, TEST)
            scored = len(predictions.numbers) if predictions else 0
            if run.is_tested and scored < num_seeds:
                missing.append(
                    f"{pair}, {recipe_title(run, pair, recipe_name)}: {scored} of {counted(num_seeds, 'seed run')} "
                    "completed and scored; its figures rest on these alone."
                )
    if run.unexplained:
        missing.append(
            "Pictures of single images, maps of what the networks look at, and the time that they take for an image: "
            f"{plain(run.unexplained)}. The study's command, given again, records them."
        )
    return [*missing, *unequal(run)]


def provenance(run: Run) -> str:
    """The line that ties the figures to data, program and machine."""
    manifest, budget = run.manifest, run.manifest.budget
    images = [f"{sum(run.images(split).values()):,} {split}" for split in SPLITS]
    parts = [
        f"data `{manifest.data_hash[:12]}`, split `{manifest.split_hash[:12]}`",
        f"{listing(images)} images at {image_sizes(manifest.image_sizes)}",
        f"{counted(budget.trials, 'trial')} a pair, up to {counted(budget.epochs, 'epoch')}",
        counted(budget.seeds, "seed"),
        f"{device_hours(run):.2f} device hours on {manifest.machine.device}",
        date(run),
        f"version {manifest.versions['study']}{commit(run)}",
    ]
    return f"*{DOT.join(parts)}*"


def commit(run: Run) -> str:
    """`, commit ...`; "" where it isn't known."""
    return f", commit `{run.manifest.commit[:12]}`" if run.manifest.commit else ""


def device_hours(run: Run) -> float:
    """Time spent in training and evaluation by all trials, in hours."""
    return sum(trial.seconds for trial in run.state.trials.values()) / 3600


def date(run: Run) -> str:
    """The day on which the study was declared, as in its records."""
    return datetime.fromisoformat(run.manifest.created).date().isoformat()


def index_entry(run: Run, analysis: Analysis) -> dict[str, Any]:
    """What the index of all reports says about this one."""
    objective, scores = run.objective, analysis.on_test("roc_auc")
    order = analysis.ranked()
    near = [name for name in order[1:] if not told_apart(order[0], name, analysis.differences[objective.name])]
    return {
        "run": run.name,
        "title": run.manifest.title,
        "document": run.manifest.document,
        "dataset": run.manifest.dataset.title,
        "stand_in": run.manifest.stand_in,
        "best": order[0] if order else "",
        "best_test_roc_auc": list(scores[order[0]]) if order else [],
        "not_told_apart": near,
        "from_scratch": list(run.from_scratch),
        "date": date(run),
        "told_apart": len(order) > 1 and order[1] not in near,
        "test_roc_auc": {name: list(score) for name, score in scores.items()},
        "holdout": run.manifest.holdout,
        "groups": way_of(run),
        "objective": objective.title,
    }
