"""The section on the search: what was explored, what it cost, and how far its outcome can be trusted."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import add

import numpy as np

from study.evaluation.search_statistics import MIN_TRIALS_FOR_IMPORTANCE, Importance
from study.records import FAILED, SEARCH, STOPPED, Trial
from study.report.core.figure import Drawing
from study.report.core.markdown import join, value
from study.report.core.naming import origins, starting_recipe
from study.report.core.search_space import explored
from study.report.core.section import Context, Section
from study.report.core.study_run import Run
from study.report.core.study_tables import space_table
from study.report.search.accounting import (
    final_score,
    first_rung,
    growth,
    importance_of,
    score_at,
    spending,
    survivors,
)
from study.report.search.early_stopping import what_it_missed
from study.report.search.figures import expected_best_lines, learning_curves
from study.report.search.hyperparameter_figures import hyperparameters, parallel_coordinates
from study.report.search.initial_trials import default_words, tried_table, tried_words
from study.report.search.tables import cost_table, importance_table, latency_sizes, minutes, search_table
from study.wording import counted, listing, signed

_LEARNING_CURVES, _PARALLEL_COORDINATES = "learning-curves", "parallel-coordinates"
_EXPECTED_BEST, _HYPERPARAMETERS = "expected-best", "hyperparameters"

_FEW_NAMED = 6
# The last digit that a score is shown with.
_VISIBLE = 0.001
# Two trials agree by chance too often.
_MIN_BEST = 3


def _render(context: Context) -> str:
    """Space, trials, their curves and recipes; then the books: cost, more trials, early stopping, importance."""
    run = context.run
    starting = starting_recipe(run, run.pairs)
    origin = "" if all(run.has_documents_recipe(pair) for pair in run.pairs) else f" ({origins(run)})"
    return join(
        [
            f"What was explored; all other hyperparameters kept the value of the {starting}{origin}.",
            space_table(run),
            f"How it went: a trial that was not among the best was STOPPED {_rungs(run)}; each pair has the same "
            f"number of trials, and trial 0 is the {starting}.",
            search_table(run),
            " ".join([*tried_words(run), *default_words(run)]),
            tried_table(run),
            " ".join(_mishaps(run)),
            context.figure(_LEARNING_CURVES),
            context.figure(_PARALLEL_COORDINATES),
            *_cost(run),
            *_more_trials(context),
            *what_it_missed(run),
            *_importance(context),
        ]
    )


def _cost(run: Run) -> list[str]:
    spent = {pair: spending(run, pair) for pair in run.pairs}
    if not any(each.ended for each in spent.values()):
        return []
    failed = sum(each.failed_seconds for each in spent.values())
    words = (
        "What to see: the share of the device time that early stopping saved. Without rungs, STOPPED trials would have "
        f"gone on to epoch {run.manifest.budget.epochs}, each at the pace of its own epochs. Device time is that "
        "of training and evaluation, added up over trials that ran side by side."
    )
    if failed:
        words += f" FAILED trials are not in the table; they took {minutes(failed)} minutes more."
    return ["### What it cost", " ".join([words, *_latency(run)]), cost_table(run)]


def _latency(run: Run) -> list[str]:
    if run.explanations is None or not latency_sizes(run):
        return []
    machine = run.explanations.machine
    return [
        "The time for an image is that of the tuned network alone on "
        f"{counted(machine['num_threads'], 'thread')} of {machine['cpu']}, median of some repeats; reading the image "
        "comes on top."
    ]


def _more_trials(context: Context) -> list[str]:
    if _EXPECTED_BEST not in context.figures:
        return []
    return [
        "### Would more trials have helped?",
        context.figure(_EXPECTED_BEST),
        "The given recipes (trial 0, tried values, a default) come first; then the search's own trials, in the mean "
        "over all orders in which they could have come (Tang et al. 2020, unbiased for independent draws). They are "
        "not independent: the search learns from each, so late trials tend to be better than early ones, and the "
        "second half may have gained more. STOPPED trials count with their best so far, which is too low; "
        "FAILED ones not at all.",
    ]


def _importance(context: Context) -> list[str]:
    run = context.run
    found = {pair: importance_of(run, pair) for pair in run.pairs}
    if not any(each.num_trials for each in found.values()):
        return []
    return [
        "### Which hyperparameters mattered",
        _importance_words(run, found),
        importance_table(run, found),
        context.figure(_HYPERPARAMETERS),
    ]


def _importance_words(run: Run, found: Mapping[str, Importance]) -> str:
    known = [pair for pair in found if found[pair].shares]
    sentences = []
    num_shares = sum(len(found[pair].shares) for pair in known)
    if known:
        sentences = [
            _marked(found, known),
            f"Importance (PED-ANOVA) is for being among the best third of the trials {_fidelity(run, known)}, where "
            "all are equally far; the shares of a column add up to 100 %. Bold is above chance: higher than with "
            f"shuffled scores in 95 % of shufflings. Luck alone does that for 1 in 20, and {num_shares} are tested.",
        ]
    few = [
        f"{pair} ({counted(each.num_trials, 'trial')})"
        for pair, each in found.items()
        if each.num_trials < MIN_TRIALS_FOR_IMPORTANCE
    ]
    if few:
        sentences.append(
            f"Importance needs at least {MIN_TRIALS_FOR_IMPORTANCE} trials that reached the first rung with values "
            f"inside the space: too few for {listing(few)}."
        )
    same = [pair for pair in found if pair not in known and found[pair].num_trials >= MIN_TRIALS_FOR_IMPORTANCE]
    if same:
        sentences.append(
            f"At the first rung the best third of the trials of {listing(same)} can't be told from the rest."
        )
    return " ".join(sentences)


def _marked(found: Mapping[str, Importance], known: Sequence[str]) -> str:
    """What stands above chance."""
    parts, none = [], []
    for pair in known:
        shares = found[pair].shares
        names = sorted((name for name in shares if shares[name].above_chance), key=lambda name: -shares[name].value)
        if names:
            parts.append(f"{listing([f'{name} ({100 * shares[name].value:.0f} %)' for name in names])} for {pair}")
        else:
            none.append(pair)
    if none:
        parts.append(f"nothing for {listing(none)}")
    return f"What to see, above chance: {'; '.join(parts)}."


def _fidelity(run: Run, pairs: Sequence[str]) -> str:
    epochs = listing([str(rung) for rung in sorted({first_rung(run, pair) for pair in pairs})], "or")
    return f"after {epochs} epoch{'' if epochs == '1' else 's'}"


def _mishaps(run: Run) -> list[str]:
    """What was tried again after a failure, and what memory forced."""
    trials = [trial for trial in run.state.trials.values() if trial.pair in run.pairs]
    again = [trial for trial in trials if trial.attempts]
    smaller = [trial for trial in trials if trial.micro_batch]
    sentences = []
    if again:
        num_failed = sum(trial.state == FAILED for trial in again)
        end = f"{num_failed or 'none'} of which FAILED in the end"
        sentences.append(
            f"Tried again from the last checkpoint after something broke: {counted(len(again), 'trial')}, {end}: "
            f"{_named(again, _causes)}."
        )
    if smaller:
        words = _named(smaller, lambda trial: f"{trial.micro_batch} of {trial.recipe.batch_size} images at a time")
        normalized = " (batch normalization saw the smaller ones)" if any(_normalizes(t) for t in smaller) else ""
        sentences.append(
            "Too large for the memory, so gradients were added up over micro-batches to the same batch size"
            f"{normalized}: {words}."
        )
    return sentences


def _normalizes(trial: Trial) -> bool:
    return trial.recipe.batchnorm


def _causes(trial: Trial) -> str:
    kinds = Counter(str(attempt.get("kind", "error")) for attempt in trial.attempts)
    return ", ".join(kind if number == 1 else f"{number} x {kind}" for kind, number in kinds.items())


def _named(trials: Sequence[Trial], detail: Callable[[Trial], str]) -> str:
    """`lenet trial 3 (lost) and hahnet tuned seed run 0 (2 x hung)`; the first few of many."""
    names = [f"{_name(trial)} ({detail(trial)})" for trial in trials[:_FEW_NAMED]]
    return listing([*names, f"{len(trials) - _FEW_NAMED} others"] if len(trials) > _FEW_NAMED else names)


def _name(trial: Trial) -> str:
    if trial.kind == SEARCH:
        return f"{trial.pair} trial {trial.number}"
    return f"{trial.pair} {trial.recipe_name} seed run {trial.number}"


def _rungs(run: Run) -> str:
    """After how many epochs trials are compared, and of which architectures where these differ."""
    pairs_of: dict[tuple[int, ...], list[str]] = {}
    for pair in run.pairs:
        pairs_of.setdefault(run.manifest.pairs[pair].rungs, []).append(pair)
    if len(pairs_of) == 1:
        return _after(*pairs_of)
    return listing([f"{_after(rungs)} ({listing(pairs)})" for rungs, pairs in pairs_of.items()], "or")


def _after(rungs: Sequence[int]) -> str:
    if not rungs:
        return "nowhere, since the budget is too short for rungs"
    words = listing([str(rung) for rung in rungs], "or")
    return f"after {words} epoch{'' if words == '1' else 's'}"


def _figures(context: Context) -> dict[str, Drawing]:
    run = context.run
    found: dict[str, Drawing] = {}
    if any(trial.epochs for pair in run.pairs for trial in run.search(pair)):
        found[_LEARNING_CURVES] = _learning_curves(run)
        if explored(run) and any(np.isfinite(final_score(t)) for pair in run.pairs for t in run.search(pair)):
            found[_PARALLEL_COORDINATES] = _parallel_coordinates(run)
            found[_HYPERPARAMETERS] = _hyperparameters(run)
    if any(len(each.trials) > 1 for pair in run.pairs if (each := growth(run, pair)) is not None):
        found[_EXPECTED_BEST] = _expected_best(run)
    return found


def _learning_curves(run: Run) -> Drawing:
    passed = [f"{' to '.join(map(str, survivors(run, pair)))} of {pair}" for pair in run.pairs]
    sees = "The thick line is the trial that won, the dot its best epoch"
    spent = reduce(add, [spending(run, pair) for pair in run.pairs])
    if spent.ended:
        sees += (
            "; lines that end early were given up at a rung "
            f"({spent.states[STOPPED]} of {counted(spent.ended, 'trial')} stopped early)"
        )
    return Drawing(
        sees=f"{sees}.",
        how=f"The numbers count the trials that train on from rung to rung: {listing(passed)}.",
        alt=f"Validation {run.objective.words} over the epochs of every searched trial of {listing(run.pairs)}; "
        "the finalists are highlighted, and the trials that train on past each rung are counted",
        draw=lambda: learning_curves(run),
    )


def _parallel_coordinates(run: Run) -> Drawing:
    agreed = {pair: shared for pair in run.pairs if (shared := _agreed(run, pair)) is not None}
    parts = [f"{listing(shared)} for {pair}" for pair, shared in agreed.items() if shared]
    parts += [f"no choice for {listing(without)}"] if (without := [pair for pair in agreed if not agreed[pair]]) else []
    words = f"; the best third of the trials agree on {'; '.join(parts)}" if parts else ""
    return Drawing(
        sees=f"Where dark lines run together, good trials are alike{words}.",
        how="Each line is a trial that runs down through its values, the first or lowest of each at the left, those "
        "outside the space beyond the ends.",
        alt=f"Parallel coordinates: the hyperparameters of every searched trial of {listing(run.pairs)}, coloured by "
        f"best validation {run.objective.words}",
        draw=lambda: parallel_coordinates(run),
    )


def _agreed(run: Run, pair: str) -> list[str] | None:
    """The choices that the best third of a pair's trials have in common and the others haven't; None of too few."""
    trials = sorted(
        (trial for trial in run.search(pair) if np.isfinite(trial.best_score)),
        key=lambda trial: -trial.objective.merit(trial.best_score),
    )
    best = trials[: len(trials) // 3]
    if len(best) < _MIN_BEST:
        return None
    lists = [name for name, domain in run.manifest.space.get(pair, {}).items() if "values" in domain]
    had = {name: [getattr(trial.recipe, name) for trial in trials] for name in lists}
    return [
        f"{name} {value(values[0])}"
        for name, values in had.items()
        if len(set(values[: len(best)])) == 1 < len(set(values))
    ]


def _hyperparameters(run: Run) -> Drawing:
    places = [
        f"{place} of {number} ({pair})"
        for pair in run.pairs
        if (found := _place(run, pair))
        for place, number in [found]
    ]
    won = f", then in place {listing(places)}" if places else ""
    return Drawing(
        sees="Where marks of one shape rise or fall from left to right, that hyperparameter went with the score; the "
        f"large ones are the finalists{won}.",
        how="Each mark is a trial at the first rung.",
        alt=f"Validation {run.objective.words} at the first rung of every searched trial of {listing(run.pairs)} "
        "against each searched hyperparameter",
        draw=lambda: hyperparameters(run),
    )


def _place(run: Run, pair: str) -> tuple[int, int] | None:
    """The finalist's place among the trials with a score at the first rung, 1 is the best, and their number."""
    finalist, rung = run.state.finalist(pair), first_rung(run, pair)
    scores = [score for trial in run.search(pair) if np.isfinite(score := score_at(trial, rung))]
    if finalist is None or not np.isfinite(own := score_at(finalist, rung)):
        return None
    merit = run.objective.merit
    return 1 + sum(merit(score) > merit(own) for score in scores), len(scores)


def _expected_best(run: Run) -> Drawing:
    gains = {pair: each.second_half for pair in run.pairs if (each := growth(run, pair)) is not None}
    risen = sorted((pair for pair in gains if gains[pair] >= _VISIBLE), key=lambda pair: -gains[pair])
    flat = [pair for pair in gains if pair not in risen]
    parts = [f"{signed(gains[pair])} for {pair}" for pair in risen]
    parts += [f"nothing (less than {_VISIBLE:g}) for {listing(flat)}"] if flat else []
    return Drawing(
        sees="Where a line still rises at its end, more trials would probably have found better: the second half of "
        f"the trials is expected to have gained {listing(parts)}.",
        how="The mark is what the given recipes reached.",
        alt=f"Expected best validation {run.objective.words} of {listing(list(gains))} against the number of trials",
        draw=lambda: expected_best_lines(run),
    )


SECTION = Section(title="Search", render=_render, figures=_figures)
