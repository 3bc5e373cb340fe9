import numpy as np
import pytest
from scipy.stats import rankdata

from study.evaluation.saliency_maps import heat, likeness, rank_correlation


def test_the_correlation_of_two_maps_is_that_of_their_ranks():
    random = np.random.default_rng(0)
    one = random.normal(size=(4, 5)).round(1)
    other = one + random.normal(size=(4, 5))
    ranks = np.corrcoef(rankdata(one), rankdata(other))[0, 1]
    assert rank_correlation(one, other) == pytest.approx(ranks)
    assert rank_correlation(one, np.exp(3 * one)) == pytest.approx(1)
    assert rank_correlation(one, -one) == pytest.approx(-1)


def test_maps_with_one_value_throughout_or_of_few_cells_have_no_correlation():
    one = np.arange(16.0).reshape(4, 4)
    assert rank_correlation(one, np.full((4, 4), 2.0)) is None
    assert rank_correlation(np.zeros((4, 4)), one) is None
    # What rounding leaves of a map that is the same everywhere.
    assert rank_correlation(one, 2 + 1e-7 * np.random.default_rng(0).normal(size=(4, 4))) is None
    assert rank_correlation(one[:2, :2], one[:2, :2]) is None


def test_the_likeness_of_maps_is_the_mean_without_signs_and_known_if_most_are_defined():
    found = likeness([0.2, -0.6, None, 0.7])
    assert (found.mean, found.low, found.high) == (pytest.approx(0.5), 0.2, 0.7)
    assert (found.num, found.num_undefined) == (3, 1)
    assert found.alike
    assert not found.different
    assert likeness([0.3, -0.4]).different
    half = likeness([0.1, None])
    assert not half.known
    assert not half.different
    assert not half.alike
    assert np.isnan(likeness([]).mean)


def test_heat_is_what_is_above_zero_scaled_to_its_maximum():
    found = heat(np.array([[-3.0, 0.0], [1.0, 2.0]]))
    assert found.dtype == np.uint8
    assert found.tolist() == [[0, 0], [128, 255]]
    assert heat(np.array([[-3.0, 0.0]])) is None
