"""The section on the search: what was explored, what it cost, and how far its outcome can be trusted."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from study.evaluation.search_statistics import MIN_TRIALS_FOR_IMPORTANCE, Importance
from study.records import FAILED, SEARCH, Trial
from study.report.core.figure import Drawings, figure
from study.report.core.markdown import join
from study.report.core.naming import origins, starting_recipe
from study.report.core.study_run import Run
from study.report.core.study_tables import space_table
from study.report.search.accounting import first_rung, importance_of, spending
from study.report.search.early_stopping import what_it_missed
from study.report.search.initial_trials import default_words, tried_table, tried_words
from study.report.search.tables import cost_table, importance_table, latency_sizes, minutes, search_table
from study.wording import counted, listing

_FEW_NAMED = 6


def search(run: Run, drawings: Drawings) -> str:
    """Space, trials, their curves and recipes; then the books: cost, more trials, early stopping, importance."""
    starting = starting_recipe(run, run.pairs)
    origin = "" if all(run.has_documents_recipe(pair) for pair in run.pairs) else f" ({origins(run)})"
    return join(
        [
            "## Search",
            f"What was explored; all other hyperparameters kept the value of the {starting}{origin}.",
            space_table(run),
            f"How it went: a trial that was not among the best was STOPPED {_rungs(run)}; each pair has the same "
            f"number of trials, and trial 0 is the {starting}.",
            search_table(run),
            " ".join([*tried_words(run), *default_words(run)]),
            tried_table(run),
            " ".join(_mishaps(run)),
            figure(run, drawings, "learning-curves"),
            figure(run, drawings, "parallel-coordinates"),
            *_cost(run),
            *_more_trials(run, drawings),
            *what_it_missed(run),
            *_importance(run, drawings),
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


def _more_trials(run: Run, drawings: Drawings) -> list[str]:
    if "expected-best" not in drawings:
        return []
    return [
        "### Would more trials have helped?",
        figure(run, drawings, "expected-best"),
        "The given recipes (trial 0, tried values, a default) come first; then the search's own trials, in the mean "
        "over all orders in which they could have come (Tang et al. 2020, unbiased for independent draws). They are "
        "not independent: the search learns from each, so late trials tend to be better than early ones, and the "
        "second half may have gained more. STOPPED trials count with their best so far, which is too low; "
        "FAILED ones not at all.",
    ]


def _importance(run: Run, drawings: Drawings) -> list[str]:
    found = {pair: importance_of(run, pair) for pair in run.pairs}
    if not any(each.num_trials for each in found.values()):
        return []
    return [
        "### Which hyperparameters mattered",
        _importance_words(run, found),
        importance_table(run, found),
        figure(run, drawings, "hyperparameters"),
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
