from dataclasses import replace

import numpy as np
import pytest

from study.records import DOCUMENT, TEST, TRAIN, TUNED, VAL, Key, Predictions, PredictionSet
from study.selection import (
    MISTAKES,
    NUM_SHOWN,
    SUSPECTED_LABELS,
    answers_to_test,
    best_architecture,
    listed,
    looked_at,
    mistakes,
    suspected_labels,
    unseen,
)


def predictions_of(targets, positive, *, split="test", numbers=None):
    """Of a binary network; `positive` is (K, N)."""
    positive = np.atleast_2d(np.asarray(positive, dtype=float))
    return Predictions(
        numbers=numbers or tuple(range(len(positive))),
        paths=np.array([f"{split}/{row:03}.png" for row in range(len(targets))]),
        targets=np.asarray(targets),
        groups=np.arange(len(targets)),
        probabilities=np.stack([1 - positive, positive], axis=-1),
    )


@pytest.fixture
def many():
    random = np.random.default_rng(0)
    return predictions_of(random.integers(0, 2, 60), random.uniform(size=(3, 60)))


def test_only_the_tuned_answers_to_test_count_and_only_unseen_images_cast_doubt(many):
    keys = [("b", TUNED, TEST), ("b", TUNED, VAL), ("b", TUNED, TRAIN), ("b", DOCUMENT, TEST), ("a", DOCUMENT, TEST)]
    predictions = PredictionSet({Key(*key): many for key in keys})
    assert list(answers_to_test(predictions)) == ["b"]
    assert list(unseen(predictions, "b")) == [VAL, TEST]
    assert unseen(predictions, "a") == {}


def test_the_best_architecture_has_the_highest_mean_area_and_the_first_of_equals_is_taken():
    targets = [0, 0, 1, 1]
    good, bad = [0.1, 0.2, 0.8, 0.9], [0.9, 0.8, 0.2, 0.1]
    test = {
        "mixed": predictions_of(targets, [good, bad]),
        "good": predictions_of(targets, [good, good]),
        "equal": predictions_of(targets, [good]),
        "undefined": predictions_of(targets, [[np.nan] * 4]),
    }
    assert best_architecture(test, "roc_auc") == "good"


def test_areas_that_differ_in_their_last_digit_alone_are_equal():
    targets = [0, *[1] * 10]

    def with_areas(*tenths):
        return predictions_of(targets, [[0.5, *[0.9] * above, *[0.1] * (10 - above)] for above in tenths])

    first, second = (0, 3), (1, 2)
    assert np.mean(np.array(second) / 10) > np.mean(np.array(first) / 10)
    assert best_architecture({"first": with_areas(*first), "second": with_areas(*second)}, "roc_auc") == "first"


def test_mistakes_are_those_of_the_ensemble():
    # Each seed alone is surer of another image.
    found = mistakes("test", predictions_of([0, 0, 1], [[0.9, 0.7, 0.6], [0.5, 0.9, 0.8]]))
    assert [(each.path, each.target, each.answer) for each in found] == [("test/001.png", 0, 1), ("test/000.png", 0, 1)]
    assert [each.of_answer for each in found] == pytest.approx([0.8, 0.7])
    assert [each.of_target for each in found] == pytest.approx([0.2, 0.3])


def test_no_more_mistakes_are_shown_than_a_reader_looks_at(many):
    assert len(mistakes("test", many)) == NUM_SHOWN


def test_of_images_of_one_group_only_the_most_confident_is_shown():
    answers = predictions_of([0, 0, 0, 1], [[0.7, 0.9, 0.8, 0.9]])
    answers = replace(answers, groups=np.array([7, 7, 8, 9]))
    assert [each.path for each in mistakes("test", answers)] == ["test/001.png", "test/002.png"]
    looked = looked_at("test", answers, number=0, seed=0)
    assert [each.path for why, each in looked if why == "wrong"] == ["test/001.png", "test/002.png"]


def test_suspected_labels_are_counted_by_image_and_shown_by_group():
    sure = predictions_of([0] * 6 + [1] * 6, [[0.1] * 6 + [0.9] * 6], split="val")
    doubtful = replace(predictions_of([0, 0, 1], [[0.96, 0.97, 0.95]]), groups=np.array(["a", "a", "b"]))
    predictions = PredictionSet({Key("net", TUNED, VAL): sure, Key("net", TUNED, TEST): doubtful})
    assert [each.path for each in suspected_labels(unseen(predictions, "net"))] == ["test/001.png", "test/000.png"]
    assert [each.path for each in listed(predictions, "roc_auc")[SUSPECTED_LABELS]] == ["test/001.png"]
    assert [each.path for each in listed(predictions, "roc_auc")[MISTAKES]] == ["test/001.png"]
    assert listed(PredictionSet(), "roc_auc") == {}


def test_a_suspected_label_is_told_with_its_split():
    sure = [0.05, 0.1, 0.9, 0.95]
    doubtful = [0.05, 0.02, 0.9, 0.95]
    parts = {VAL: predictions_of([0, 0, 1, 1], sure, split="val"), TEST: predictions_of([0, 1, 1, 1], doubtful)}
    (found,) = suspected_labels(parts)
    assert (found.split, found.path, found.target, found.answer) == (TEST, "test/001.png", 1, 0)


def test_right_and_wrong_images_are_one_networks_own_and_random_ones_are_the_same_for_all(many):
    first, second = (looked_at("test", many, number=number, seed=5) for number in (0, 2))
    assert [why for why, _ in first] == ["right"] * 3 + ["wrong"] * 3 + ["random"] * 3
    assert [each.path for _, each in first[6:]] == [each.path for _, each in second[6:]]
    assert [each.path for _, each in first[:6]] != [each.path for _, each in second[:6]]
    answers = many.probabilities[0].argmax(axis=1)
    for why, each in first[:6]:
        index = list(many.paths).index(each.path)
        assert each.answer == answers[index]
        assert (each.answer == each.target) == (why == "right")
        same = (answers == many.targets) == (why == "right")
        assert each.of_answer >= np.sort(many.probabilities[0].max(axis=1)[same])[-3]
    assert first == looked_at("test", many, number=0, seed=5)
    assert first[6:] != looked_at("test", many, number=0, seed=6)[6:]


def test_a_network_without_mistakes_is_looked_at_where_it_is_right():
    found = looked_at("test", predictions_of([0, 1], [0.1, 0.9]), number=0, seed=0)
    assert [why for why, _ in found] == ["right"] * 2 + ["random"] * 2
