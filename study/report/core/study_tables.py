"""Tables of what was studied: images, search space, recipes and seed runs."""

import math
from collections.abc import Mapping
from typing import Any

from study.records import SPLITS, TEST, TUNED, VAL, Trial
from study.report.core.analysis import seed_scores
from study.report.core.markdown import table, value
from study.report.core.naming import starting_recipe
from study.report.core.search_space import ends
from study.report.core.study_run import Run
from study.spec import HYPERPARAMETERS
from study.wording import NOTHING, shown


def image_table(run: Run) -> str:
    """Classes x splits, with totals."""
    counts = {split: run.images(split) for split in SPLITS}
    rows = []
    for name in run.classes:
        each = [counts[split][name] for split in SPLITS]
        rows.append([name, *(f"{number:,}" for number in each), f"{sum(each):,}"])
    totals = [sum(counts[split].values()) for split in SPLITS]
    rows.append(["**all**", *(f"**{number:,}**" for number in totals), f"**{sum(totals):,}**"])
    return table(["Class", *SPLITS, "all"], rows)


def space_table(run: Run) -> str:
    """Hyperparameter x explored values; one column if all pairs share one space, else one a pair."""
    spaces = {pair: run.manifest.space.get(pair, {}) for pair in run.pairs}
    names = list(dict.fromkeys(name for space in spaces.values() for name in space))
    if all(space == spaces[run.pairs[0]] for space in spaces.values()):
        columns = {"Explored, in every pair": spaces[run.pairs[0]]}
    else:
        columns = spaces
    rows = [
        [name, *(describe_domain(space[name]) if name in space else NOTHING for space in columns.values())]
        for name in names
    ]
    return table(["Hyperparameter", *columns], rows, left=1 + len(columns))


def describe_domain(domain: Mapping[str, Any]) -> str:
    """A search space's domain in words: `0.0001 to 0.1, log scale`."""
    if "values" in domain and len(domain["values"]) == 1:
        return f"always {value(domain['values'][0])}"
    if "values" in domain:
        return " / ".join(value(each) for each in domain["values"])
    if "low" not in domain:
        return str(domain.get("kind", NOTHING))
    low, high = ends(domain)
    words = [f"{low:g} to {high:g}"]
    words += ["whole numbers"] if "randint" in domain["kind"] else []
    words += ["log scale"] if domain.get("log") or domain["kind"].startswith("log") else []
    return ", ".join(words)


def recipe_table(run: Run, pair: str) -> str:
    """The winning recipe beside the one it started from, and where the latter's values come from.

    Hyperparameters that make no difference for this pair are left out.
    """
    recipe, searched = run.manifest.pairs[pair].recipe, run.manifest.space.get(pair, {})
    finalist = run.state.finalist(pair)
    rows = []
    for name in shown_hyperparameters(run, pair):
        content = getattr(recipe, name)
        tuned = value(getattr(finalist.recipe, name)) if finalist else NOTHING
        if finalist and getattr(finalist.recipe, name) != content:
            tuned = f"**{tuned}**"
        rows.append([name, "yes" if name in searched else "no", tuned, value(content), _source(run, pair, name)])
    start = starting_recipe(run, [pair])
    source = "Source" if run.is_reference(pair) else "Stated or assumed"
    header = ["Hyperparameter", "Searched", "Winner", start[0].upper() + start[1:], source]
    return table(header, rows, left=5)


def shown_hyperparameters(run: Run, pair: str) -> list[str]:
    """Those that make a difference for this pair, in the order of its recipe."""
    declared, searched = run.manifest.pairs[pair], run.manifest.space.get(pair, {})
    return [name for name in HYPERPARAMETERS if name in declared.uses or name in searched]


def _source(run: Run, pair: str, name: str) -> str:
    """Where the value of a starting recipe comes from."""
    if run.is_reference(pair):
        return "this project's default"
    if name == "pretrained" and pair in run.from_scratch:
        return "no weights could be had"
    unstated = "assumed" if run.manifest.document else NOTHING
    return run.manifest.pairs[pair].stated.get(name, unstated)


def seed_table(run: Run) -> str:
    """One row a seed run: how it was trained and what it scored."""
    rows = []
    for pair in run.pairs:
        for recipe_name in run.trained_again(pair):
            val = _scores(run, pair, recipe_name, VAL)
            test = _scores(run, pair, recipe_name, TEST)
            name = recipe_name if recipe_name == TUNED or run.has_documents_recipe(pair) else "starting"
            rows += [_seed_row(trial, name, val, test) for trial in run.seed_runs(pair, recipe_name)]
    header = ["Architecture", "Recipe", "Run", "Seed", "State", "Epochs", "Best epoch"]
    return table([*header, f"Val {run.objective.words}", f"Test {run.objective.words}", "Minutes"], rows, left=2)


def _scores(run: Run, pair: str, recipe_name: str, split: str) -> dict[int, float]:
    predictions = run.predictions.get(pair, recipe_name, split)
    if predictions is None:
        return {}
    return {number: values[run.objective.name] for number, values in seed_scores(predictions, run.metrics).items()}


def _seed_row(trial: Trial, recipe: str, val: Mapping[int, float], test: Mapping[int, float]) -> list[str]:
    best_epoch = trial.result.get("best_epoch")
    return [
        trial.pair,
        recipe,
        str(trial.number),
        str(trial.seed),
        trial.state,
        str(len(trial.epochs)),
        str(best_epoch) if best_epoch is not None else NOTHING,
        shown(val.get(trial.number), trial.objective.shown_as),
        shown(test.get(trial.number), trial.objective.shown_as),
        f"{trial.seconds / 60:.1f}" if not math.isnan(trial.seconds) else NOTHING,
    ]
