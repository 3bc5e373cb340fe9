import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from study.evaluation.bootstrap import resampled_scores
from study.evaluation.confusion import confusion
from study.evaluation.per_class import (
    CLASS_METRICS,
    KAPPA,
    class_metric,
    per_class_scores,
    quadratic_weighted_kappa,
)


@st.composite
def decisions(draw):
    num_classes = draw(st.sampled_from([2, 3, 5]))
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    num_images = draw(st.integers(1, 40))
    return num_classes, random.integers(0, num_classes, num_images), random.integers(0, num_classes, num_images)


@given(decisions())
@settings(max_examples=60)
def test_scores_of_a_class_equal_those_of_scikit_learn_for_that_class_against_the_rest(case):
    num_classes, targets, decided = case
    found = per_class_scores(confusion(targets, decided, num_classes))
    assert tuple(found) == CLASS_METRICS
    for index in range(num_classes):
        true, said = targets == index, decided == index
        expected = {
            "sensitivity": reference.recall_score(true, said, zero_division=np.nan),
            "specificity": reference.recall_score(true, said, pos_label=False, zero_division=np.nan),
            "ppv": reference.precision_score(true, said, zero_division=np.nan),
            "npv": reference.precision_score(true, said, pos_label=False, zero_division=np.nan),
        }
        assert {name: values[index] for name, values in found.items()} == pytest.approx(expected, nan_ok=True)


@given(decisions())
@settings(max_examples=60)
def test_kappa_equals_that_of_scikit_learn(case):
    num_classes, targets, decided = case
    found = quadratic_weighted_kappa(confusion(targets, decided, num_classes))
    if len(set(targets) | set(decided)) == 1:
        assert np.isnan(found)
    else:
        labels = list(range(num_classes))
        expected = reference.cohen_kappa_score(targets, decided, labels=labels, weights="quadratic")
        assert found == pytest.approx(expected, abs=1e-12)


def test_a_stack_of_confusion_matrices_is_scored_matrix_by_matrix():
    stack = np.random.default_rng(0).integers(1, 9, size=(2, 4, 3, 3))
    assert per_class_scores(stack)["ppv"][1, 2] == pytest.approx(per_class_scores(stack[1, 2])["ppv"])
    assert quadratic_weighted_kappa(stack)[1, 2] == pytest.approx(float(quadratic_weighted_kappa(stack[1, 2])))


def test_a_class_that_is_never_decided_for_has_no_predictive_value():
    found = per_class_scores(np.array([[5, 0], [2, 0]]))
    assert np.isnan(found["ppv"][1])
    assert found["npv"][1] == pytest.approx(5 / 7)


def test_intervals_of_classes_and_of_kappa_come_from_the_same_resamples_as_those_of_the_metrics():
    random = np.random.default_rng(0)
    targets = random.integers(0, 3, 90)
    probabilities = random.dirichlet(np.ones(3), size=(2, 90)) + 0.4 * np.eye(3)[targets]
    names = [class_metric("sensitivity", 1), class_metric("npv", 2), KAPPA, "accuracy"]
    found = resampled_scores(targets, probabilities, np.arange(90), metrics=names, num_resamples=200)
    for name in names:
        mean, low, high = found.interval(name)
        assert low < mean < high
    sensitivity = [np.mean(run.argmax(axis=1)[targets == 1] == 1) for run in probabilities]
    assert found.by_seed["sensitivity[1]"] == pytest.approx(sensitivity)
    alone = resampled_scores(targets, probabilities, np.arange(90), metrics=["accuracy"], num_resamples=200)
    assert alone.interval("accuracy") == pytest.approx(found.interval("accuracy"))
