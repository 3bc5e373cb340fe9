import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from study.evaluation.search_statistics import (
    MIN_TRIALS_FOR_IMPORTANCE,
    expected_best,
    importance,
    rank_correlation,
)

SCORES = st.lists(st.floats(-1e3, 1e3, allow_subnormal=False), min_size=1, max_size=8)
SPACE = {
    "lr": {"kind": "loguniform", "low": 1e-5, "high": 1e-1, "log": True},
    "dropout": {"kind": "uniform", "low": 0.0, "high": 0.5, "log": False},
    "depth": {"kind": "randint", "low": 1, "high": 5, "log": False},
    "optimizer": {"kind": "choice", "values": ["adam", "sgd"]},
    "augmentation": {"kind": "choice", "values": ["strong"]},
}


@given(SCORES)
def test_the_expected_best_is_the_mean_maximum_over_all_subsets(scores):
    found = expected_best(scores)
    for number in range(1, len(scores) + 1):
        expected = np.mean([max(subset) for subset in combinations(scores, number)])
        assert found[number - 1] == pytest.approx(expected, abs=1e-8)


@given(st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=60))
def test_the_expected_best_rises_from_the_mean_to_the_best_whatever_the_order(scores):
    found = expected_best(scores)
    assert found[0] == pytest.approx(np.mean(scores), abs=1e-12)
    assert found[-1] == max(scores)
    assert (np.diff(found) >= 0).all()
    assert (expected_best(sorted(scores)) == found).all()


def test_the_expected_best_of_thousands_of_trials_is_finite_and_exact():
    # Of the numbers 1 to N, the largest of n drawn without replacement is n (N + 1) / (n + 1) on average.
    num = 3_000
    numbers = np.arange(1, num + 1)
    assert expected_best(numbers) == pytest.approx(numbers * (num + 1) / (numbers + 1), rel=1e-12)


def test_the_expected_best_of_no_trials_is_empty():
    assert expected_best([]).shape == (0,)


def test_the_expected_best_is_unbiased_where_the_estimator_with_replacement_is_too_low():
    # Of n draws that are uniform in [0, 1], the expected maximum is n / (n + 1).
    draws = np.random.default_rng(3).random((4_000, 10))
    without, replaced = (
        np.mean([estimate(row) for row in draws])
        for estimate in (lambda row: expected_best(row)[7], lambda row: _best_with_replacement(row, 8))
    )
    assert without == pytest.approx(8 / 9, abs=0.005)
    assert replaced < 8 / 9 - 0.02


def _best_with_replacement(scores, number):
    """Dodge et al. 2019."""
    shares = np.arange(len(scores) + 1) / len(scores)
    return float(np.sort(scores) @ np.diff(shares**number))


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=4, max_size=12))
def test_the_rank_correlation_is_scipys_and_lies_within_its_bounds(points):
    first, final = zip(*points, strict=True)
    expected = kendalltau(first, final).statistic if len(set(first)) > 1 and len(set(final)) > 1 else math.nan
    found = rank_correlation(first, final)
    assert found.mean == pytest.approx(expected, nan_ok=True)
    assert math.isnan(expected) or -1 <= found.low <= found.mean + 1e-9 <= found.high + 2e-9 <= 1 + 3e-9


def test_a_perfect_agreement_of_few_trials_is_not_taken_for_certain():
    low = {num: rank_correlation(range(num), range(num)).low for num in (4, 12, 100)}
    # Two disjoint pairs that both agree: 0.025 ** (1 / 2) is the smallest probability of agreeing that is plausible.
    assert low[4] == pytest.approx(2 * 0.025**0.5 - 1)
    assert low[4] < 0 < low[12] < low[100] < 1
    assert rank_correlation(range(4), [4, 3, 2, 1]).high == pytest.approx(-low[4])


@pytest.mark.parametrize(
    ("first", "final"), [([0.5, 0.6, 0.7], [0.6, 0.7, 0.8]), ([0.5] * 6, range(6)), (range(6), [0.9] * 6), ([], [])]
)
def test_too_few_trials_or_equal_scores_have_no_rank_correlation(first, final):
    assert all(math.isnan(value) for value in rank_correlation(first, final))


def test_the_interval_of_a_rank_correlation_covers_the_true_one():
    random = np.random.default_rng(5)
    true = 2 / np.pi * np.arcsin(0.8)
    hits = 0
    for _ in range(100):
        first = random.normal(size=8)
        found = rank_correlation(first, 0.8 * first + 0.6 * random.normal(size=8))
        hits += found.low <= true <= found.high
    assert hits >= 90


def trials(num, seed=1):
    random = np.random.default_rng(seed)
    return [
        {
            "lr": float(10 ** random.uniform(-5, -1)),
            "dropout": float(random.uniform(0, 0.5)),
            "depth": int(random.integers(1, 5)),
            "optimizer": str(random.choice(["adam", "sgd"])),
            "augmentation": "strong",
            "width": 32,
        }
        for _ in range(num)
    ]


def test_the_hyperparameter_that_makes_the_score_is_the_most_important_one():
    recipes = trials(20)
    found = importance(SPACE, recipes, [-abs(math.log10(recipe["lr"]) + 3) for recipe in recipes])
    assert found.num_trials == 20
    assert list(found.shares) == ["lr", "dropout", "depth", "optimizer"]
    assert max(found.shares, key=lambda name: found.shares[name].value) == "lr"
    assert found.shares["lr"].above_chance
    assert not found.shares["dropout"].above_chance
    assert sum(share.value for share in found.shares.values()) == pytest.approx(1)


def test_chance_alone_seldom_makes_a_hyperparameter_important():
    marked = [
        share.above_chance
        for seed in range(3)
        for share in importance(SPACE, trials(15, seed), np.random.default_rng(seed + 50).random(15)).shares.values()
    ]
    assert sum(marked) <= 2


def test_the_same_trials_have_the_same_importance_twice():
    recipes = trials(15)
    scores = [recipe["dropout"] for recipe in recipes]
    assert importance(SPACE, recipes, scores) == importance(SPACE, recipes, scores)


def test_trials_outside_the_space_or_without_a_score_say_nothing_of_it():
    outside = [{"lr": 0.0}, {"dropout": 0.9}, {"depth": 5}, {"optimizer": "lion"}, {"lr": None}]
    recipes = [recipe | change for recipe, change in zip(trials(5), outside, strict=True)] + trials(15)
    scores = [0.5] * 5 + [math.nan, math.inf] + [0.1 * number for number in range(13)]
    found = importance(SPACE, recipes, scores)
    assert found.num_trials == 13
    assert found.shares
    assert found == importance(SPACE, trials(15)[2:], scores[7:])


def test_too_few_trials_or_scores_without_a_best_third_have_no_importance():
    few = MIN_TRIALS_FOR_IMPORTANCE - 1
    assert importance(SPACE, trials(few), range(few)).shares == {}
    assert importance(SPACE, trials(few + 1), [0.5] * (few + 1)).shares == {}
    # Of the best third, all but one have the score of the worst.
    assert importance(SPACE, trials(few + 1), [0.6] + [0.5] * few).shares == {}
    assert importance({}, trials(few + 1), range(few + 1)).shares == {}
