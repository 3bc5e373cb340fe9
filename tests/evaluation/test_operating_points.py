import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.evaluation.bootstrap import resampled_scores
from study.evaluation.confusion import decide
from study.evaluation.metrics import find, scores
from study.evaluation.operating_points import at_threshold, sensitivity_threshold, youden_threshold

PROBABILITIES = st.lists(
    st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.7, 0.9, 1.0]) | st.floats(0, 1), min_size=2, max_size=30
)


def two_columns(positive):
    positive = np.asarray(positive)
    return np.stack([1 - positive, positive], axis=-1)


@st.composite
def predictions(draw):
    positive = np.array(draw(PROBABILITIES))
    targets = np.random.default_rng(draw(st.integers(0, 10_000))).integers(0, 2, len(positive))
    targets[:2] = [0, 1]
    return targets, two_columns(positive)


@given(predictions())
@settings(max_examples=60)
def test_no_threshold_has_a_larger_youden_index(case):
    targets, probabilities = case

    def index(threshold):
        found = scores(targets, probabilities, threshold=threshold)
        return found["recall"] + found["specificity"]

    chosen = youden_threshold(*case)
    candidates = np.unique(probabilities[:, 1])
    assert index(chosen) == pytest.approx(max(index(each) for each in candidates))
    assert all(index(each) < index(chosen) - 1e-12 for each in candidates[candidates > chosen])


@given(predictions(), st.sampled_from([0.5, 0.9, 0.95, 1.0]))
@settings(max_examples=60)
def test_the_highest_threshold_with_enough_sensitivity_is_chosen(case, wanted):
    targets, probabilities = case
    chosen = sensitivity_threshold(targets, probabilities, wanted)
    reached = [
        each
        for each in np.unique(probabilities[:, 1])
        if scores(targets, probabilities, threshold=each)["recall"] >= wanted - 1e-12
    ]
    assert chosen == max(reached)


def test_nineteen_of_twenty_positives_are_ninety_five_percent():
    probabilities = two_columns(np.arange(1, 21) / 20)
    assert sensitivity_threshold(np.ones(20, dtype=int), probabilities) == pytest.approx(0.1)


@given(PROBABILITIES, st.floats(0, 1), st.booleans())
def test_deciding_at_a_half_is_deciding_at_the_threshold(positive, threshold, own):
    given_ones = two_columns(positive)
    threshold = positive[0] if own else threshold
    moved = at_threshold(given_ones, threshold)
    assert (decide(moved) == decide(given_ones, threshold=threshold)).all()
    assert ((moved >= 0) & (moved <= 1)).all()
    assert (np.diff(moved[np.argsort(given_ones[:, 1]), 1]) >= 0).all()


def test_single_precision_is_decided_alike():
    positive = np.random.default_rng(0).random(1_000).astype(np.float32)
    probabilities = two_columns(positive)
    for threshold in map(float, positive[:50]):
        assert (decide(at_threshold(probabilities, threshold)) == decide(probabilities, threshold=threshold)).all()


def test_moving_the_threshold_shifts_the_log_odds_and_keeps_the_ranking():
    probabilities = two_columns([0.1, 0.2, 0.6])
    assert at_threshold(probabilities, 0.2)[:, 1] == pytest.approx([0.08 / 0.26, 0.5, 0.48 / 0.56])
    targets = np.array([0, 1, 0])
    assert find("roc_auc").of(targets, at_threshold(probabilities, 0.2)) == find("roc_auc").of(targets, probabilities)


def test_intervals_at_a_threshold_are_those_of_its_decisions_seed_by_seed():
    random = np.random.default_rng(0)
    targets, probabilities = random.integers(0, 2, 80), two_columns(random.random((3, 80)))
    moved = np.stack([at_threshold(run, t) for run, t in zip(probabilities, (0.2, 0.5, 0.8), strict=True)])
    found = resampled_scores(targets, moved, np.arange(80), metrics=["recall"], num_resamples=20)
    each = [scores(targets, run, threshold=t)["recall"] for run, t in zip(probabilities, (0.2, 0.5, 0.8), strict=True)]
    assert found.by_seed["recall"] == pytest.approx(each)


def test_a_split_without_positives_has_no_threshold():
    nothing = np.zeros(3, dtype=int), two_columns([0.1, 0.2, 0.3])
    assert np.isnan(youden_threshold(*nothing))
    assert np.isnan(sensitivity_threshold(*nothing))
