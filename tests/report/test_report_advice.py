"""What the first screen advises, from the numbers alone."""

from dataclasses import replace

import pytest

from study.evaluation.intervals import Interval
from study.records import TUNED, VAL
from study.report.core.analysis import analyse
from study.report.core.study_run import load
from study.report.overview.advice import advice
from study.report.sections import glossary
from study.spec import HYPERPARAMETERS

APART, NOT_APART = Interval(0.2, 0.1, 0.3), Interval(0.01, -0.1, 0.1)


@pytest.fixture
def run(finished):
    return load(finished.folder)


@pytest.fixture
def analysis(run):
    """In which all networks are told apart, and hahnet is the best of them."""
    found = analyse(run)
    roc_auc = {
        couple: APART if couple[0] == "hahnet" else Interval(-0.2, -0.3, -0.1)
        for couple in found.differences["roc_auc"]
    }
    return replace(found, differences=found.differences | {"roc_auc": roc_auc})


def test_a_network_that_is_told_apart_from_all_others_is_the_one_to_use(run, analysis):
    for gain, said in (
        (APART, "hahnet, with its tuned recipe."),
        (NOT_APART, "hahnet, with its tuned recipe or the starting one, which are not told apart."),
        (Interval(-0.2, -0.3, -0.1), "hahnet, with its starting recipe, which is better than the tuned one."),
    ):
        which = advice(run, replace(analysis, gains={"hahnet": gain}))[0]
        assert which.startswith(f"If one of them is to be used, these figures speak for {said}")


def test_between_networks_that_are_not_told_apart_the_smallest_is_named(run, analysis):
    couples = dict.fromkeys(analysis.differences["roc_auc"], NOT_APART)
    which = advice(run, replace(analysis, differences=analysis.differences | {"roc_auc": couples}))[0]
    assert which.startswith("These figures don't decide between hahnet, ")
    assert "; the smallest of them is " in which


def test_probabilities_that_say_no_more_than_class_frequencies_are_warned_of(run, analysis, make_run):
    warning = "The probabilities of hahnet, as trained or mended on val, are not shown to be worth more"
    assert warning not in advice(run, analysis)[0]
    idle = load(make_run(strengths={"lenet": 0.0, "hahnet": 0.01}))
    assert "are not shown to be worth more than the class frequencies of train." in advice(idle, analyse(idle))[0]


def test_that_val_would_have_chosen_another_network_is_told(run, analysis):
    assert advice(run, analysis)[1] == ""
    rows = [
        replace(row, values=row.values | {"roc_auc": Interval(0.999, float("nan"), float("nan"))})
        if (row.architecture, row.recipe, row.split) == ("lenet", TUNED, VAL)
        else row
        for row in analysis.rows
    ]
    assert advice(run, replace(analysis, rows=rows))[1].startswith(
        "By val, lenet would have been chosen (ROC-AUC 0.999 "
    )


def test_without_predictions_for_val_nothing_is_said_of_it(run, analysis):
    rows = [row for row in analysis.rows if row.split != VAL]
    assert advice(run, replace(analysis, rows=rows))[1] == ""


def test_each_hyperparameter_is_explained():
    assert set(glossary.HYPERPARAMETERS) == set(HYPERPARAMETERS)
