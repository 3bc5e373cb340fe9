import numpy as np
from scipy.special import softmax

from study.evaluation.misclassified import ConfusedPair, confused_pairs, most_confident, suspected_label_errors


def test_the_most_frequent_confusions_come_first_with_their_share_of_the_true_class():
    found = confused_pairs(np.array([[8, 2, 0], [5, 4, 1], [0, 2, 2]]))
    assert found == [ConfusedPair(1, 0, 5, 0.5), ConfusedPair(0, 1, 2, 0.2), ConfusedPair(2, 1, 2, 0.5), (1, 2, 1, 0.1)]


def test_decisions_that_are_all_right_confuse_nothing():
    assert confused_pairs(np.diag([3, 0, 2])) == []


def test_wrong_decisions_and_right_ones_are_given_from_the_most_confident_one_down():
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.05, 0.95], [0.2, 0.8]])
    targets = np.array([1, 0, 1, 0])
    assert most_confident(targets, probabilities, right=False).tolist() == [0, 3, 1]
    assert most_confident(targets, probabilities, right=True).tolist() == [2]


def test_planted_label_flips_are_found():
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 1_500)
    probabilities = softmax(random.normal(size=(1_500, 3)) + 5 * np.eye(3)[truth], axis=1)
    flipped = random.choice(1_500, 60, replace=False)
    labels = truth.copy()
    labels[flipped] = (labels[flipped] + random.integers(1, 3, 60)) % 3
    found = suspected_label_errors(labels, probabilities, 60)
    assert np.isin(found, flipped).mean() >= 0.95
    assert len(suspected_label_errors(labels, probabilities, 10)) == 10


def test_only_a_class_that_reaches_its_usual_probability_casts_doubt_on_a_label():
    # Class 1 is usually given 0.9, so 0.6 for it is no reason to doubt the label 0 of the third image.
    probabilities = np.array([[0.7, 0.3], [0.1, 0.9], [0.4, 0.6], [0.05, 0.95]])
    assert suspected_label_errors(np.array([0, 1, 0, 0]), probabilities, 9).tolist() == [3]


def test_a_class_without_labels_casts_no_doubt():
    probabilities = np.array([[0.35, 0.15, 0.5], [0.15, 0.35, 0.5]])
    assert not len(suspected_label_errors(np.array([0, 1]), probabilities, 9))
