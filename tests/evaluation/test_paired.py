import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from study.evaluation.paired import holm, mcnemar, mid_p

COUNTS = st.integers(0, 60)


def test_mid_p_of_a_published_example():
    # Bentur et al.: 21 children before and after a transplantation, of whom 1 and 7 changed (Fagerland, Lydersen and
    # Laake 2013, table 1 and equations 1 and 2 of the supplement): exact 0.0703, of which 0.03125 is taken off.
    assert binomtest(1, 8).pvalue == pytest.approx(0.0703125)
    assert mid_p(1, 7) == pytest.approx(0.0703125 - 0.03125)


@given(COUNTS, COUNTS)
def test_mid_p_equals_the_direct_definition(first_only, second_only):
    total, fewer = first_only + second_only, min(first_only, second_only)
    exact = binomtest(fewer, total).pvalue if total else 1.0
    point = math.comb(total, fewer) / 2**total
    expected = 1 - point / 2 if first_only == second_only else exact - point
    assert mid_p(first_only, second_only) == pytest.approx(expected if total else 1.0, abs=1e-12)


@given(COUNTS, COUNTS)
def test_mid_p_lies_between_0_and_1_and_does_not_depend_on_the_order(first_only, second_only):
    assert 0 < mid_p(first_only, second_only) <= 1
    assert mid_p(first_only, second_only) == mid_p(second_only, first_only)


def test_only_images_on_which_one_of_two_networks_is_right_count():
    targets = np.array([0, 1, 2, 2, 1, 0])
    first, second = np.array([0, 1, 2, 1, 0, 1]), np.array([0, 1, 0, 2, 0, 2])
    assert mcnemar(targets, first, second) == pytest.approx((1, 1, 0.75))
    assert mcnemar(targets, first, first) == (0, 0, 1.0)


def test_holm_multiplies_the_smallest_p_value_by_their_number_and_keeps_the_order():
    # Holm 1979 by hand: 3 x 0.01, 2 x 0.02, then the largest of 1 x 0.03 and what came before.
    assert holm({"a": 0.03, "b": 0.01, "c": 0.02}) == pytest.approx({"a": 0.04, "b": 0.03, "c": 0.04})


@given(st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 1)))
@settings(max_examples=8)
def test_holm_never_lowers_a_p_value_nor_passes_one(p_values):
    adjusted = holm(p_values)
    assert list(adjusted) == list(p_values)
    assert all(p <= adjusted[name] <= 1 for name, p in p_values.items())


def test_holm_does_not_count_an_undefined_comparison():
    adjusted = holm({("a", "b"): 0.02, ("a", "c"): math.nan, ("b", "c"): 0.5})
    assert adjusted["a", "b"] == pytest.approx(0.04)
    assert math.isnan(adjusted["a", "c"])
    assert holm({}) == {}
