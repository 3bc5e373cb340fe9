import re

import numpy as np
import pytest
from rendered import rendered
from statsmodels.stats.contingency_tables import mcnemar

from study.evaluation.delong import delong_test
from study.records import TEST, TUNED
from study.report.core.section import Context
from study.report.core.study_run import load
from study.report.sections import pairwise_comparison
from study.report.sections.pairwise_comparison import ensemble_tests


def section_of(page):
    """From the section's heading to the next one."""
    part = page.split("## Can they be told apart?\n", 1)[1]
    return part.split("\n## ", 1)[0]


def rows_of(page):
    return {line.split("|")[1].strip(): line for line in section_of(page).splitlines() if " minus " in line}


def test_each_two_architectures_have_a_row_with_differences_and_p_values(finished):
    rows = rows_of(finished.page)
    assert list(rows) == ["lenet minus alexnet", "lenet minus hahnet", "alexnet minus hahnet"]
    for row in rows.values():
        cells = [cell.strip(" *") for cell in row.strip("|").split("|")]
        assert all(re.fullmatch(r".\d\.\d{3} \(.+ to .+\)", cells[i]) for i in (1, 3, 5))
        assert all(re.fullmatch(r"\d\.\d{3}|< 0\.001", cells[i]) for i in (2, 4))


def test_one_sentence_says_which_pairs_differ_and_in_what(finished, multiclass):
    start = section_of(finished.page).strip().splitlines()[0]
    assert start.startswith(
        "What to see: lenet\N{EN DASH}hahnet and alexnet\N{EN DASH}hahnet are told apart in ranking"
    )
    assert start.endswith("lenet\N{EN DASH}alexnet is in neither.")
    start = section_of(multiclass.page).strip().splitlines()[0]
    assert start.startswith("What to see: the pair is not told apart in ranking")


def test_many_pairs_are_counted_not_named(six):
    assert re.search(r"What to see: \d+ of 15 pairs are told apart in ranking", section_of(six.page))


def test_the_page_has_one_table_of_differences_only(finished):
    assert finished.page.count("lenet minus alexnet") == 1


def test_the_p_values_are_those_of_the_ensembles_adjusted_by_holm(make_run):
    run = load(make_run(strengths={"lenet": 1.5, "alexnet": 1.4}))
    first, second = (run.predictions.of(pair, TUNED, TEST) for pair in ("lenet", "alexnet"))
    tests = ensemble_tests(run, [("lenet", "alexnet")])
    means = first.probabilities.mean(axis=0), second.probabilities.mean(axis=0)
    assert tests.ranking["lenet", "alexnet"] == pytest.approx(delong_test(first.targets, *means, first.groups).p)
    right = [(mean[:, 1] >= 0.5) == (first.targets == 1) for mean in means]
    table = [[int(np.sum((right[0] == a) & (right[1] == b))) for b in (True, False)] for a in (True, False)]
    # The mid-p-value is below the exact one.
    assert 0 < tests.decision["lenet", "alexnet"] < mcnemar(table, exact=True).pvalue
    three = load(make_run(name="three"))
    couples = [("lenet", "alexnet"), ("lenet", "hahnet"), ("alexnet", "hahnet")]
    alone = [ensemble_tests(three, [couple]).ranking[couple] for couple in couples]
    together = ensemble_tests(three, couples).ranking
    assert min(together.values()) == pytest.approx(3 * min(alone))


def test_what_the_tests_take_for_granted_is_said(finished):
    part = section_of(finished.page)
    assert "take each architecture's ensemble as one fixed model" in part
    # The first twenty images are ten groups.
    assert "the 220 test images are 210 groups, so its p-values may be too small" in part


def test_a_difference_that_only_a_test_finds_may_be_of_these_networks_alone(make_run):
    context = Context(load(make_run()))
    analysis = context.analysis
    couple = ("lenet", "hahnet")
    interval = analysis.differences["roc_auc"][couple]
    wider = interval._replace(low=-0.9, high=0.1)
    analysis.differences["roc_auc"][couple] = analysis.differences["accuracy"][couple] = wider
    assert "finds a difference for lenet\N{EN DASH}hahnet:" in pairwise_comparison.SECTION.markdown(context)


def test_without_two_tested_architectures_there_is_nothing_to_tell_apart(make_run):
    for changes in ({"stage": "seeds"}, {"name": "one", "strengths": {"lenet": 1.0}}):
        run = load(make_run(**changes))
        assert rendered(pairwise_comparison, run) == ""
