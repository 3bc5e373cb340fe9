"""How a study is done and what its figures can't say, in words."""

from collections.abc import Mapping

from study.parts import SECTION as _SECTION_OF_ONES_OWN
from study.records import TUNED
from study.report.core.markdown import bullets, join, value
from study.report.core.naming import starting_recipe
from study.report.core.search_space import explored
from study.report.core.section import Context, Section
from study.report.core.study_run import Run
from study.report.core.verdict import NEARLY_ALWAYS
from study.report.data.leakage import kept_together
from study.report.overview.summary import opened_before
from study.report.search.accounting import num_audited
from study.report.sections import added
from study.wording import counted, image_sizes, listing


def _render(context: Context) -> str:
    run = context.run
    return join(
        [
            "What to see: which steps protect the test figures from wishful thinking, and what stays open.",
            bullets([step(run) for step in (_splits, _search, _books, _finalists, _test, _statistics)]),
            bullets([*_limits(run), *_own_parts(run), *_added(context.sections)]),
        ]
    )


def _splits(run: Run) -> str:
    trimmed = " Dark margins around the pictures were cut away." if run.manifest.dataset.trimmed else ""
    return f"*Splits.* {splits(run)[0].upper()}{splits(run)[1:]}. {kept_together(run)}{trimmed}"


def splits(run: Run) -> str:
    """Where test and val come from."""
    test = (
        "15 % of the images other than those of the official test split"
        if run.manifest.holdout
        else "the data set's own test split, or 15 % of the images where it has none"
    )
    if "val" in run.manifest.given_splits:
        return f"test is {test}; val is the data set's own; what is drawn is drawn with seed {run.manifest.seed}"
    return (
        f"test is {test}; {100 * run.manifest.val_fraction:g} % of the rest is val, stratified by class and drawn "
        f"with seed {run.manifest.seed}"
    )


def _search(run: Run) -> str:
    budget = run.manifest.budget
    extreme = "highest" if run.objective.greater_is_better else "lowest"
    return (
        f"*Search.* {counted(budget.trials, 'trial')} a pair ({_policy(run)}), each "
        f"up to {counted(budget.epochs, 'epoch')}; the {extreme} val {run.objective.words} wins, ties go to the "
        "lower val loss. Architectures never compete for epochs."
    )


def _policy(run: Run) -> str:
    """How the search describes itself; a run of an earlier version has no words for it."""
    searches = {pair: str(entry.search["title"]) for pair, entry in run.manifest.pairs.items() if entry.search}
    if len(set(searches.values())) > 1:
        return "; ".join(f"{pair}: {title}" for pair, title in searches.items())
    factor = run.manifest.reduction_factor
    earlier = f"Optuna's TPE sampler; ASHA, of which the best 1 in {factor} go on past each rung"
    return next(iter(searches.values()), earlier)


def _books(run: Run) -> str:
    number = num_audited(run)
    audited = (
        f"{counted(number, 'trial')} of each pair, chosen before they began, and trial 0 are never stopped early: they "
        "tell what early stopping costs"
        if number
        else "No trials were audited, that is trained to their end whatever the rungs say (`--audit N`), so what early "
        "stopping costs is unknown"
    )
    return (
        f"*Bookkeeping.* {audited}. The expected best of n trials is the mean over all orders of the trials (Tang et "
        "al. 2020). Importance (PED-ANOVA, Watanabe et al. 2023) is taken from the score at the first rung, which "
        "stopped trials and finished ones have alike; it is what went with good scores here, not what caused them."
    )


def _finalists(run: Run) -> str:
    return (
        f"*Finalists.* The winner of each pair and its {starting_recipe(run, run.pairs)} (once, where it won) were "
        "trained again with "
        f"{counted(run.manifest.budget.seeds, 'new seed')}, because the search's best score is the "
        f"luckiest of many. Of each run the epoch with the best val {run.objective.words} is kept."
    )


def _test(run: Run) -> str:
    opened = run.state.test_opened
    if not opened:
        return "*Test.* The test split is scored once, at the end; it has not been opened in this run yet."
    scored = counted(len(opened.get("trials", [])), "seed run")
    images = counted(int(opened.get("num_images", 0)), "image")
    text = f"*Test.* In this run the test split ({images}) was scored once, for all of {scored} together"
    if run.manifest.stand_in or run.manifest.opened_before is None:
        return f"{text}."
    first = "The ledger of test openings that this machine keeps knows of no earlier look at it."
    return f"{text}. {opened_before(run) or first}"


def _statistics(run: Run) -> str:
    rule = (
        f'"{run.classes[1]}" is the positive class and is answered from a probability of 0.5 on'
        if len(run.classes) == 2
        else "the most probable class is answered; averages over classes are unweighted where nothing else is said"
    )
    return (
        f"*Statistics.* In every figure {rule}. Test values are means over the seeds; their 95 % intervals "
        "come from 2,000 resamples of the images, groups as a whole, and from the variance between the seeds. Each "
        "rests on the cases that its score is about (a sensitivity on the images of the class, a PPV on those called "
        "so in the seed run with the fewest), that of a macro average on those of every class; where all of them are "
        "right, or none is, it is the exact interval of a proportion (Clopper and Pearson). One case has none. Two "
        "recipes are told apart if the interval of their difference, on the same resamples, excludes 0; between "
        "architectures it is widened for the number of comparisons (Bonferroni). The ensembles are moreover compared "
        "by DeLong's and McNemar's tests (Holm), which take them as fixed. Differences are of values that "
        "were not rounded. A network that gives one answer for "
        f"{100 * NEARLY_ALWAYS:.0f} % of the images or more is named, however well it ranks."
    )


def _seeds(run: Run) -> str:
    """What so many seeds can tell of the luck of training."""
    number = run.manifest.budget.seeds
    if number == 1:
        return "One seed shows nothing of how much training varies: the intervals count the luck of the images alone."
    if number == 2:
        return (
            "Two seeds hardly show how much training varies: intervals are wide, and where the two differ by more than "
            'the images explain there is none ("too few seeds"); `--seeds 5` narrows them.'
        )
    return f"{number} seeds show only roughly how much training varies."


def _decisions(run: Run) -> str:
    """What the probabilities are worth, and the answers that follow from them; before test nothing tells of it."""
    two = len(run.classes) == 2
    answered = f'"{run.classes[1]}" is answered from 0.5 on' if two else "the most probable class is answered"
    words = f"Where nothing else is said, probabilities are as trained and {answered}."
    if run.is_tested:
        words += ' How far the probabilities can be believed is under "Are the probabilities to be believed?"'
        words += ', what other thresholds do under "At which threshold?".' if two else "."
    if two:
        return f"{words} No threshold here was chosen by what a mistake costs, so none is a clinical operating point."
    return f"{words} Such an answer weighs all mistakes alike; operating points are chosen for two classes only."


def _what_differs(run: Run) -> str:
    """That networks are compared with all that belongs to them; what was fixed for some and not for others."""
    if len(run.pairs) == 1:
        return ""
    fixed = []
    for name in explored(run):
        always = {}
        for pair in run.pairs:
            values = run.manifest.space.get(pair, {}).get(name, {}).get("values", ())
            if len(values) == 1:
                always[pair] = value(values[0])
        fixed += [f"{name} is always {what} for {pair}" for pair, what in always.items()]
    words = (
        "*What is compared.* Each architecture comes with the recipe that its own search found, in its own space "
        "and from its own start; so a difference may be the recipe's, not the network's"
    )
    words = f"{words} ({listing(fixed)})." if fixed else f"{words}."
    sizes = run.manifest.image_sizes
    if len({*sizes.values()}) == 1:
        return words
    return f"{words} It may also be that of the images' sizes: {image_sizes(sizes)}."


def _epochs(run: Run) -> str:
    """Whose training the budget may have ended too early."""
    last = run.manifest.budget.epochs
    found = {}
    for pair in run.pairs:
        best = [t.result["best_epoch"] for t in run.completed_seed_runs(pair, TUNED)]
        if best and sum(epoch == last for epoch in best) * 2 >= len(best):
            found[pair] = f"{pair} ({sum(epoch == last for epoch in best)} of {len(best)})"
    if not found:
        return ""
    return (
        "*Length of training.* Tuned seed runs whose best epoch was the last one of the budget: "
        f"{listing(list(found.values()))}. More epochs might have made them better."
    )


def _limits(run: Run) -> list[str]:
    limits = [
        f"*Limits.* {_seeds(run)} The intervals describe this data set; images of another scanner, laboratory or "
        f"population may give other values. {_decisions(run)}"
    ]
    limits += [limit for limit in (_what_differs(run), _epochs(run)) if limit]
    if run.manifest.published:
        limits.append(
            f"*Comparison with document {run.manifest.document}.* Its rows are as published: its splits, "
            "image size, number of runs and selection are its own, so a difference from our rows is no finding."
        )
    if run.manifest.stand_in:
        limits.append("*Drawn images.* All of the above holds for drawings; none of it is evidence.")
    return limits


def _own_parts(run: Run) -> list[str]:
    """Which files of one's own the study was made with."""
    parts = [f"the {part.kind} {part.name}" for part in run.manifest.parts if part.kind != _SECTION_OF_ONES_OWN]
    if not parts:
        return []
    return [
        f"*Parts of one's own.* {listing(parts)} {'is' if len(parts) == 1 else 'are'} not of this project, but of "
        "whoever ran the study; the text is in `parts/` of the records."
    ]


def _added(sections: Mapping[str, Section]) -> list[str]:
    """Which sections of the page aren't this project's, so that nobody takes their figures for its own."""
    names = added(sections)
    if not names:
        return []
    titles = listing([f'"{sections[name].title}"' for name in names])
    one = len(names) == 1
    return [
        f"*Added sections.* {titles} {'is' if one else 'are'} not of this project: whoever drew this page added "
        f"{'it' if one else 'them'}, and answers for {'its' if one else 'their'} words and figures."
    ]


SECTION = Section(title="How it was done, and its limits", render=_render)
