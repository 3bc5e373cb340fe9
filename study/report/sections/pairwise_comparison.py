"""Which architectures differ on test: in how they rank the images, in how they decide, or in neither."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from study.evaluation.confusion import decide
from study.evaluation.delong import delong_test
from study.evaluation.paired import holm, mcnemar
from study.report.core.analysis import Analysis
from study.report.core.markdown import join, table
from study.report.core.section import Context, Section
from study.report.core.study_run import Run
from study.report.core.verdict import told_apart
from study.wording import DASH, counted, listing, p_value, signed

SIGNIFICANT = 0.05

_PAIRS_NAMED = 6

Couple = tuple[str, str]


class EnsembleTests(NamedTuple):
    """Holm-adjusted p-values of each two architectures' ensembles on test.

    Attributes:
        ranking: couple -> p of DeLong's test of equal ROC-AUC; NaN where its variance is undefined.
        decision: couple -> mid-p of McNemar's test of equal accuracy.
    """

    ranking: dict[Couple, float]
    decision: dict[Couple, float]


def _render(context: Context) -> str:
    run, analysis = context.run, context.analysis
    couples = list(analysis.differences.get("roc_auc", {}))
    if not couples:
        return ""
    tests = ensemble_tests(run, couples)
    return join(
        [
            _what_to_see(analysis, couples),
            f"Each two architectures on the same test images, each with its own seeds. The intervals are widened so "
            f"that all of them hold together ({100 * analysis.level:.1f} % each) and count both the luck of the images "
            "and that of the seeds; they decide here. DeLong's test (of the ROC-AUC; images that belong together count "
            "as one group) and McNemar's (of the accuracy, mid-p) take each architecture's ensemble as one fixed model "
            "and count the luck of the images alone; their p-values are adjusted for the number of pairs by Holm's "
            "method. Bold: a difference whose interval excludes 0, an adjusted p below "
            f"{SIGNIFICANT:g}. {_independence(run)}",
            _table(analysis, tests, couples),
            _fixed_only(analysis, tests, couples),
        ]
    )


def ensemble_tests(run: Run, couples: Sequence[Couple]) -> EnsembleTests:
    """DeLong's and McNemar's tests of the ensembles of the tuned seed runs."""
    ranking, decision = {}, {}
    for a, b in couples:
        one, other = run.tested[a], run.tested[b]
        ranking[a, b] = delong_test(one.targets, one.ensemble[0], other.ensemble[0], one.groups).p
        decision[a, b] = mcnemar(one.targets, decide(one.ensemble[0]), decide(other.ensemble[0])).p
    return EnsembleTests(holm(ranking), holm(decision))


def _what_to_see(analysis: Analysis, couples: Sequence[Couple]) -> str:
    apart = {
        metric: [couple for couple in couples if told_apart(*couple, analysis.differences[metric])]
        for metric in ("roc_auc", "accuracy")
    }
    neither = [couple for couple in couples if not any(couple in found for found in apart.values())]
    words = (
        f"What to see: {_named(apart['roc_auc'], couples)} told apart in ranking (ROC-AUC); "
        f"{_named(apart['accuracy'], couples)} in decisions (accuracy)"
    )
    return f"{words}; {_named(neither, couples)} in neither." if neither else f"{words}."


def _named(chosen: Sequence[Couple], couples: Sequence[Couple]) -> str:
    """The pairs by name where they are few, their number where they are many."""
    if not chosen:
        return "no pair is" if len(couples) > 1 else "the pair is not"
    return f"{_names(chosen, couples)} {'is' if len(chosen) == 1 else 'are'}"


def _names(chosen: Sequence[Couple], couples: Sequence[Couple]) -> str:
    if len(chosen) > _PAIRS_NAMED:
        return f"{len(chosen)} of {len(couples)} pairs"
    return listing([DASH.join(couple) for couple in chosen])


def _independence(run: Run) -> str:
    """Whether McNemar's test may be believed: it knows of no groups."""
    groups = next(iter(run.tested.values())).groups
    num_groups = len(np.unique(groups))
    words = "McNemar's test moreover takes the images as independent of each other"
    if num_groups == len(groups):
        return f"{words}."
    return (
        f"{words}, but the {counted(len(groups), 'test image')} are {counted(num_groups, 'group')}, so its p-values "
        "may be too small."
    )


def _table(analysis: Analysis, tests: EnsembleTests, couples: Sequence[Couple]) -> str:
    rows = []
    for couple in couples:
        ranking, decision, balanced = (
            _marked(signed(difference), bold=difference.excludes_zero)
            for difference in (analysis.differences[m][couple] for m in ("roc_auc", "accuracy", "balanced_accuracy"))
        )
        delong, mcnemars = (_p(found[couple]) for found in tests)
        rows.append([f"{couple[0]} minus {couple[1]}", ranking, delong, decision, mcnemars, balanced])
    return table(["Pair", "ROC-AUC", "DeLong's p", "Accuracy", "McNemar's p", "Balanced accuracy"], rows)


def _p(value: float) -> str:
    return _marked(p_value(value), bold=value < SIGNIFICANT)


def _marked(text: str, *, bold: bool) -> str:
    return f"**{text}**" if bold else text


def _fixed_only(analysis: Analysis, tests: EnsembleTests, couples: Sequence[Couple]) -> str:
    """Where a test finds a difference that the interval doesn't: it may be of these very networks."""
    checks = {"roc_auc": tests.ranking, "accuracy": tests.decision}
    found = [
        couple
        for couple in couples
        if any(
            p[couple] < SIGNIFICANT and not told_apart(*couple, analysis.differences[metric])
            for metric, p in checks.items()
        )
    ]
    if not found:
        return ""
    return (
        f"Only a test, not the interval, finds a difference for {_names(found, couples)}: the "
        "ensembles that were trained differ on images like these; whether those of other seeds would is not shown."
    )


SECTION = Section(title="Can they be told apart?", render=_render)
