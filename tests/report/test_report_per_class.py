import numpy as np
import pytest
from rendered import rendered
from sklearn.metrics import cohen_kappa_score, precision_score, recall_score

from study.evaluation.per_class import KAPPA, class_metric
from study.records import TEST, TUNED
from study.report.core.analysis import analyse
from study.report.core.study_run import load
from study.report.sections import per_class
from study.report.sections.per_class import shown_architectures
from study.wording import NOTHING


def section_of(page):
    """From the section's heading to the next one."""
    part = page.split("## Class by class\n", 1)[1]
    return part.split("\n## ", 1)[0]


def rows_of(page):
    lines = [line for line in section_of(page).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_each_class_has_the_sensitivity_and_ppv_of_scikit_learn(multiclass):
    run = load(multiclass.folder)
    test = run.predictions.of("baseline_cnn", TUNED, TEST)
    decided = [probabilities.argmax(axis=1) for probabilities in test.probabilities]
    found = analyse(run).by_class["baseline_cnn"]
    for metric, score in (("sensitivity", recall_score), ("ppv", precision_score)):
        expected = np.mean([score(test.targets, each, average=None) for each in decided], axis=0)
        assert [found[class_metric(metric, index)].mean for index in range(4)] == pytest.approx(expected)
    assert all(value.low <= value.mean <= value.high for value in found.values())


def test_few_architectures_are_all_shown_many_by_the_best_alone(finished, multiclass, six):
    assert [row[1] for row in rows_of(finished.page)] == ["positive"] * 3
    assert len(rows_of(multiclass.page)) == 2 * 4
    assert [row[0] for row in rows_of(six.page)] == ["densenet121", "", "", ""]
    run = load(six.folder)
    assert shown_architectures(run, analyse(run)) == ["densenet121"]


def test_the_class_that_is_found_least_often_is_named(multiclass):
    rows = rows_of(multiclass.page)[:4]
    least = min(rows, key=lambda row: float(row[3].split()[0]))
    assert f'"{least[1]}" is found least often ({least[3].split(" (")[0]})' in section_of(multiclass.page)


def test_a_class_that_is_never_answered_has_a_dash(standin):
    (row,) = [row for row in rows_of(standin.page) if row[0] == "hahnet"]
    # It always answers "positive".
    assert row[3].startswith("100.0 %")
    assert row[6] == NOTHING


def test_kappa_is_shown_for_classes_in_an_order_only(make_run, multiclass):
    changes = {"num_classes": 4, "strengths": {"baseline_cnn": 1.2}, "manifest": {"dataset": {"ordinal": True}}}
    run = load(make_run(**changes))
    test = run.predictions.of("baseline_cnn", TUNED, TEST)
    each = [cohen_kappa_score(test.targets, p.argmax(axis=1), weights="quadratic") for p in test.probabilities]
    assert analyse(run).by_class["baseline_cnn"][KAPPA].mean == pytest.approx(np.mean(each))
    assert f"is baseline_cnn {np.mean(each):.3f} (" in rendered(per_class, run)
    assert "kappa" not in multiclass.page


def test_before_test_there_are_no_classes_to_compare(make_run):
    run = load(make_run(stage="seeds"))
    assert rendered(per_class, run) == ""
