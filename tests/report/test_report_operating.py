import dataclasses

import numpy as np
import pytest
from rendered import rendered, with_answers
from sklearn.metrics import balanced_accuracy_score, confusion_matrix

from study.records import TEST, TUNED, Key
from study.report.core.study_run import load
from study.report.sections import operating_points
from study.wording import NOTHING


def section_of(page):
    """From the section's heading to the next one."""
    part = page.split("## At which threshold?\n", 1)[1]
    return part.split("\n## ", 1)[0]


def with_positives(run, pair, split, logit):
    """The run with another log odds added to the positive class of one architecture's answers."""
    old = run.predictions.of(pair, TUNED, split)
    odds = old.probabilities[..., 1] / old.probabilities[..., 0] * np.exp(logit)
    moved = dataclasses.replace(old, probabilities=np.stack([1 / (1 + odds), odds / (1 + odds)], axis=-1))
    return with_answers(run, Key(pair, TUNED, split), moved)


def test_the_values_at_half_are_those_of_scikit_learns_confusion_matrices(finished):
    run = load(finished.folder)
    test = run.predictions.of("hahnet", TUNED, TEST)
    tables = [confusion_matrix(test.targets, probabilities[:, 1] >= 0.5) for probabilities in test.probabilities]
    point = operating_points.operating_points(run, "hahnet")["0.5"]
    assert point.thresholds.tolist() == [0.5, 0.5, 0.5]
    for name, row, column in (("sensitivity", 1, 1), ("specificity", 0, 0)):
        assert point.on_test[name].mean == pytest.approx(np.mean([t[row, column] / t[row].sum() for t in tables]))
    for name, cell in (("ppv", 1), ("npv", 0)):
        assert point.on_test[name].mean == pytest.approx(np.mean([t[cell, cell] / t[:, cell].sum() for t in tables]))


def test_each_seed_run_keeps_the_highest_threshold_that_finds_95_percent_of_its_own_val(finished):
    run = load(finished.folder)
    val = run.predictions.of("lenet", TUNED, "val")
    point = operating_points.operating_points(run, "lenet")["95 % sensitivity on val"]
    for threshold, probabilities in zip(point.thresholds, val.probabilities, strict=True):
        positive = np.sort(probabilities[val.targets == 1, 1])
        # 38 of the 40 positives are 95 %.
        assert threshold == positive[2]
    assert all(value.low <= value.mean <= value.high for value in point.on_test.values())


def test_every_architecture_has_a_row_a_rule(finished):
    rows = [line for line in section_of(finished.page).splitlines() if line.startswith("|")][2:]
    assert len(rows) == 9
    assert [row.split("|")[1].strip() for row in rows[::3]] == ["lenet", "alexnet", "hahnet"]


def test_it_is_said_whether_the_sensitivity_chosen_on_val_is_kept_on_test(finished):
    run = load(finished.folder)
    for logit, words in (
        (3.0, "is kept by lenet (96.8 %), alexnet (96.4 %) and hahnet (100.0 %)."),
        (-0.5, "lenet (96.8 %) and alexnet (96.4 %); is missed, but by no more than luck explains, by hahnet ("),
        (-4.0, "lenet (96.8 %) and alexnet (96.4 %); is missed by hahnet ("),
    ):
        page = rendered(operating_points, with_positives(run, "hahnet", TEST, logit))
        assert words in page.splitlines()[2]


def test_it_is_said_for_whom_a_threshold_of_val_decides_better_than_half(finished):
    run = load(finished.folder)
    for split in ("val", TEST):
        run = with_positives(run, "hahnet", split, 4.0)
    sentence = rendered(operating_points, run).splitlines()[2]
    assert "Against 0.5, by balanced accuracy, Youden's threshold decides better for hahnet (+0." in sentence
    gain = operating_points.operating_points(run, "hahnet")["Youden on val"].gain
    moved = run.predictions.of("hahnet", TUNED, TEST)
    thresholds = operating_points.operating_points(run, "hahnet")["Youden on val"].thresholds
    each = [
        balanced_accuracy_score(moved.targets, p[:, 1] >= threshold)
        - balanced_accuracy_score(moved.targets, p[:, 1] >= 0.5)
        for p, threshold in zip(moved.probabilities, thresholds, strict=True)
    ]
    assert gain.mean == pytest.approx(np.mean(each))


def test_a_seed_run_that_lacks_an_answer_takes_no_part(standin):
    assert len(operating_points.operating_points(load(standin.folder), "alexnet")["Youden on val"].thresholds) == 2


def test_where_val_has_no_positives_nothing_is_chosen(make_run):
    run = load(make_run(strengths={"lenet": 1.0}))
    key = Key("lenet", TUNED, "val")
    old = run.predictions.of(*key)
    negative = dataclasses.replace(old, targets=np.zeros_like(old.targets))
    page = rendered(operating_points, with_answers(run, key, negative))
    assert "What to see: nothing" in page
    assert f"| Youden on val | {NOTHING} | {NOTHING} |" in page


def test_more_than_two_classes_and_untested_runs_have_no_threshold(multiclass, make_run):
    assert "At which threshold" not in multiclass.page
    assert rendered(operating_points, load(make_run(stage="seeds"))) == ""
