import pytest

from study.evaluation.intervals import Interval
from study.wording import NOTHING, counted, fraction, image_sizes, listing, p_value, percent, signed, threshold

NAN = float("nan")


def test_scores_are_written_with_their_bounds():
    assert fraction(Interval(0.8123, 0.774, 0.851)) == "0.812 (0.77\N{EN DASH}0.85)"
    assert percent(Interval(0.7243, 0.691, 0.758)) == "72.4 % (69\N{EN DASH}76)"


def test_bounds_get_another_decimal_where_rounding_would_shut_the_value_out():
    assert fraction(Interval(0.9982, 0.9961, 0.9994)) == "0.998 (0.996\N{EN DASH}0.999)"


def test_what_is_missing_is_a_dash():
    assert fraction(None) == fraction(NAN) == percent(NAN) == signed(NAN) == "\N{EM DASH}"
    assert fraction(Interval(0.5, NAN, NAN)) == "0.500"


@pytest.mark.parametrize(("value", "words"), [(0.0123, "+0.012"), (-0.0123, "\N{MINUS SIGN}0.012"), (-0.0001, "0.000")])
def test_differences_carry_their_sign(value, words):
    assert signed(value) == words


def test_lists_and_counts_read_like_sentences():
    assert listing(["a"]) == "a"
    assert listing(["a", "b", "c"], "or") == "a, b or c"
    assert (counted(1, "image"), counted(1200, "image")) == ("1 image", "1,200 images")


def test_image_sizes_name_the_networks_only_where_these_differ():
    assert image_sizes({"lenet": 64, "alexnet": 64}) == "64 px"
    assert image_sizes({"lenet": 64}, both_sides=True) == "64 x 64 px"
    sizes = {"resnet18": 224, "lenet": 64, "alexnet": 64}
    assert image_sizes(sizes) == "64 px (lenet and alexnet) and 224 px (resnet18)"
    assert image_sizes(sizes, both_sides=True) == "64 x 64 px (lenet and alexnet) and 224 x 224 px (resnet18)"


def test_p_values_have_three_decimals_and_are_never_zero():
    assert [p_value(p) for p in (0.0312, 1.0, 0.0001, 0.0, NAN)] == ["0.031", "1.000", "< 0.001", "< 0.001", NOTHING]


def test_where_there_are_no_bounds_stands_why():
    assert percent(Interval(NAN, NAN, NAN, "no case in a run")) == NOTHING
    one = Interval(0.0, NAN, NAN, "one case")
    assert (percent(one), fraction(one), signed(one)) == ("0.0 % (one case)", "0.000 (one case)", "0.000 (one case)")


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.3121, "0.312"), (0.00031, "0.00031"), (0.99996, "0.99996"), (0.9996, "0.9996"), (1, "1.000")],
)
def test_a_threshold_is_never_written_as_0_or_1_that_it_is_not(value, written):
    assert threshold(value) == written
