import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from study.evaluation.confusion import confusion, decide
from study.evaluation.metrics import METRICS, find, majority_baseline, scores

NAN = float("nan")


@st.composite
def predictions(draw, num_classes):
    """Every class occurs, since scikit-learn's ROC-AUC asks for that; coarse values make ties common."""
    num_images = draw(st.integers(num_classes, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    targets = np.append(np.arange(num_classes), random.integers(0, num_classes, num_images - num_classes))
    levels = draw(st.sampled_from([2, 3, 10, 1_000]))
    raw = random.integers(0, levels, size=(num_images, num_classes)) + 1.0
    return targets, raw / raw.sum(axis=1, keepdims=True)


@given(predictions(num_classes=2))
@settings(max_examples=60)
def test_two_class_scores_equal_those_of_scikit_learn(case):
    targets, probabilities = case
    positive = probabilities[:, 1]
    answers = (positive >= 0.5).astype(int)
    assert scores(targets, probabilities) == pytest.approx(
        {
            "accuracy": reference.accuracy_score(targets, answers),
            "precision": reference.precision_score(targets, answers, zero_division=0),
            "recall": reference.recall_score(targets, answers, zero_division=0),
            "specificity": reference.recall_score(targets, answers, pos_label=0, zero_division=0),
            "balanced_accuracy": reference.balanced_accuracy_score(targets, answers),
            "f1": reference.f1_score(targets, answers, zero_division=0),
            "roc_auc": reference.roc_auc_score(targets, positive),
            "roc_auc_weighted": reference.roc_auc_score(targets, positive, average="weighted"),
            "average_precision": reference.average_precision_score(targets, positive),
        },
        abs=1e-12,
    )


@given(predictions(num_classes=4))
@settings(max_examples=60)
def test_multi_class_scores_equal_those_of_scikit_learn(case):
    targets, probabilities = case
    answers = probabilities.argmax(axis=1)
    specificities = [reference.recall_score(targets != index, answers != index, zero_division=0) for index in range(4)]
    one_hot = np.eye(4)[targets]
    assert scores(targets, probabilities) == pytest.approx(
        {
            "accuracy": reference.accuracy_score(targets, answers),
            "precision": reference.precision_score(targets, answers, average="macro", zero_division=0),
            "recall": reference.recall_score(targets, answers, average="macro", zero_division=0),
            "specificity": np.mean(specificities),
            "balanced_accuracy": reference.balanced_accuracy_score(targets, answers),
            "f1": reference.f1_score(targets, answers, average="macro", zero_division=0),
            "roc_auc": reference.roc_auc_score(targets, probabilities, multi_class="ovr"),
            "roc_auc_weighted": reference.roc_auc_score(targets, probabilities, multi_class="ovr", average="weighted"),
            "average_precision": reference.average_precision_score(one_hot, probabilities, average="macro"),
        },
        abs=1e-12,
    )


@given(predictions(num_classes=3))
@settings(max_examples=30)
def test_confusion_equals_that_of_scikit_learn(case):
    targets, probabilities = case
    answers = decide(probabilities)
    assert (confusion(targets, answers, 3) == reference.confusion_matrix(targets, answers)).all()


def test_the_threshold_itself_counts_as_positive():
    probabilities = np.array([[0.3, 0.7], [0.31, 0.69]])
    assert decide(probabilities, threshold=0.7).tolist() == [1, 0]
    assert scores(np.array([1, 0]), probabilities, threshold=0.7)["accuracy"] == 1.0
    assert scores(np.array([1, 0]), probabilities, threshold=0.5)["accuracy"] == 0.5


def test_precision_without_a_positive_answer_is_zero():
    values = scores(np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]]))
    assert (values["precision"], values["recall"], values["specificity"]) == (0.0, 0.0, 1.0)


def test_roc_auc_of_a_split_with_an_absent_class_averages_the_others():
    targets = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.3, 0.6, 0.1], [0.1, 0.8, 0.1]])
    # Class 0: 3 of 4 couples in order. Class 1: also 3 of 4. Class 2 has no curve.
    assert find("roc_auc").of(targets, probabilities) == pytest.approx(0.75)
    # Precision at each hit: class 0 1/1 and 2/3; class 1 1/1 and 2/3; class 2 is left out.
    assert find("average_precision").of(targets, probabilities) == pytest.approx((1 + 2 / 3) / 2)


def test_a_split_of_one_class_has_no_roc_auc():
    assert np.isnan(find("roc_auc").of(np.array([1, 1]), np.array([[0.5, 0.5], [0.2, 0.8]])))


@pytest.mark.parametrize("bad", [NAN, np.inf])
def test_probabilities_that_are_not_finite_give_nan_and_no_exception(bad):
    targets, probabilities = np.array([0, 1]), np.array([[0.5, 0.5], [0.5, bad]])
    assert np.isnan(find("roc_auc").of(targets, probabilities))
    assert np.isnan(find("average_precision").of(targets, probabilities))
    values = scores(targets, probabilities)
    assert tuple(values) == METRICS
    assert all(np.isnan(value) for value in values.values())


def test_scores_of_no_images_are_nan():
    values = scores(np.array([], dtype=int), np.zeros((0, 2)))
    assert all(np.isnan(value) for value in values.values())


def test_the_majority_baseline_answers_the_training_majority_whatever_the_split_holds():
    values = majority_baseline(np.array([0, 1, 1, 1]), np.array([0, 0, 0, 1]))
    assert values["accuracy"] == 0.25
    assert (values["recall"], values["specificity"]) == (1.0, 0.0)
    assert values["balanced_accuracy"] == values["roc_auc"] == 0.5


def test_roc_auc_of_three_thousand_images_is_fast_enough_for_every_epoch():
    random = np.random.default_rng(0)
    targets, probabilities = random.integers(0, 4, 3_000), random.dirichlet(np.ones(4), 3_000)
    fastest_s = min(_seconds(lambda: find("roc_auc").of(targets, probabilities)) for _ in range(5))
    assert fastest_s < 0.02


def _seconds(call):
    started_s = time.perf_counter()
    call()
    return time.perf_counter() - started_s
