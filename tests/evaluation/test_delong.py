import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.evaluation.delong import area_influences, auc_interval, delong_test
from study.evaluation.metrics import find

# 113 patients with a subarachnoid haemorrhage (Turck et al., Intensive Care Medicine 2010), which the R package pROC
# publishes as `aSAH`: poor outcome, WFNS grade, S100B in ug/l.
ASAH = """
G,1,0.13 G,1,0.14 G,1,0.1 G,1,0.04 P,3,0.13 P,2,0.1 G,5,0.47 P,4,0.16 G,1,0.18 G,2,0.1 P,5,0.12
G,2,0.1 P,5,0.44 P,5,0.71 G,1,0.04 G,2,0.08 P,5,0.49 G,2,0.04 P,2,0.07 P,5,0.33 P,2,0.09
G,1,0.09 P,1,0.07 G,1,0.11 G,1,0.07 G,2,0.17 G,1,0.07 G,2,0.11 G,1,0.13 G,1,0.19 G,3,0.05
G,4,0.16 P,2,0.41 G,1,0.14 G,4,0.34 P,5,0.35 P,4,0.48 G,1,0.09 P,4,0.96 P,2,0.25 G,5,0.5
G,5,0.46 G,1,0.16 G,1,0.07 G,2,0.43 G,4,0.45 G,1,0.11 G,1,0.08 G,2,0.09 P,5,0.86 P,5,0.52
G,2,0.08 G,1,0.06 G,2,0.13 P,5,2.07 G,1,0.1 G,2,0.14 G,2,0.15 P,2,0.07 G,1,0.06 P,5,0.77
G,1,0.05 G,1,0.09 P,2,0.3 P,5,0.03 P,2,0.09 G,1,0.04 P,4,0.23 P,5,0.7 G,2,0.09 P,4,0.27 P,4,0.71
P,1,0.08 P,4,0.26 G,1,0.08 G,2,0.16 G,1,0.09 P,4,0.13 P,2,0.1 G,1,0.08 P,2,0.11 G,3,0.33
G,2,0.11 G,4,0.28 G,2,0.07 G,1,0.1 G,4,0.32 P,5,0.22 G,1,0.07 G,1,0.05 G,5,0.24 G,4,0.38 G,2,0.1
G,2,0.15 G,1,0.08 G,1,0.14 G,1,0.1 G,3,0.07 G,1,0.04 G,2,0.19 P,5,0.56 P,2,0.14 P,2,0.58
P,5,0.32 P,5,0.82 P,5,0.74 G,2,0.15 G,4,0.47 G,4,0.17 P,5,0.44 G,1,0.15 G,1,0.5 G,1,0.48
"""


def two_columns(positive):
    positive = np.asarray(positive, dtype=float)
    return np.stack([-positive, positive], axis=1)


def asah():
    rows = [patient.split(",") for patient in ASAH.split()]
    targets = np.array([int(outcome == "P") for outcome, _, _ in rows])
    return targets, *(two_columns([row[column] for row in rows]) for column in (1, 2))


def drawn(random_seed, *, num_images=40, num_classes=2, levels=5):
    """Coarse values make ties common."""
    random = np.random.default_rng(random_seed)
    targets = np.append(np.repeat(np.arange(num_classes), 2), random.integers(0, num_classes, num_images))
    values = random.integers(0, levels, size=(2, len(targets), num_classes)) / levels
    return targets, *values


def covariance_by_definition(targets, values):
    """DeLong et al. 1988, equations 4 to 6: values (2, N), every couple of images one by one."""
    positive, negative = values[:, targets == 1], values[:, targets != 1]
    above = (positive[:, :, None] > negative[:, None, :]) + 0.5 * (positive[:, :, None] == negative[:, None, :])
    by_positive, by_negative = np.cov(above.mean(axis=2)), np.cov(above.mean(axis=1))
    return by_positive / positive.shape[1] + by_negative / negative.shape[1]


@given(random_seed=st.integers(0, 10_000), levels=st.sampled_from([2, 5, 1_000]))
@settings(max_examples=60)
def test_variances_and_covariance_equal_the_direct_definition(random_seed, levels):
    targets, first, second = drawn(random_seed, levels=levels)
    one, other = area_influences(targets, first), area_influences(targets, second)
    found = [[a.influences @ b.influences for b in (one, other)] for a in (one, other)]
    expected = covariance_by_definition(targets, np.stack([first[:, 1], second[:, 1]]))
    assert np.allclose(found, expected, rtol=0, atol=1e-12)


def test_standard_errors_and_test_of_a_published_example():
    # Figures as R's pROC 1.18 gives them for its own data (its tests/testthat/test-var.R and test-roc.test.R).
    targets, wfns, s100b = asah()
    assert area_influences(targets, wfns).standard_error ** 2 == pytest.approx(0.00146991470882363, rel=1e-12)
    assert area_influences(targets, s100b).standard_error ** 2 == pytest.approx(0.00266868245717244, rel=1e-12)
    found = delong_test(targets, wfns, s100b)
    assert found.p == pytest.approx(0.0271757822291882, rel=1e-10)
    assert (found.low, found.high) == pytest.approx((0.0104061769564846, 0.174214419249478), rel=1e-10)


@given(random_seed=st.integers(0, 10_000), num_classes=st.sampled_from([2, 3, 4]))
@settings(max_examples=30)
def test_the_area_is_that_of_the_metrics_and_lies_in_its_interval(random_seed, num_classes):
    targets, probabilities, _ = drawn(random_seed, num_classes=num_classes)
    mean, low, high = auc_interval(targets, probabilities)
    assert mean == pytest.approx(find("roc_auc").of(targets, probabilities), abs=1e-12)
    assert 0 <= low <= mean <= high <= 1


def test_macro_areas_vary_as_the_mean_of_the_classes_areas_does():
    # Redrawing the test set shows what the formula should give.
    random = np.random.default_rng(0)
    areas, errors = [], []
    for _ in range(600):
        targets = random.integers(0, 3, 150)
        probabilities = random.normal(size=(150, 3)) + np.eye(3)[targets]
        found = area_influences(targets, probabilities)
        areas.append(found.area)
        errors.append(found.standard_error)
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(areas), rel=0.1)


@given(random_seed=st.integers(0, 10_000))
@settings(max_examples=30)
def test_groups_equal_the_sums_of_obuchowski(random_seed):
    targets, probabilities, _ = drawn(random_seed)
    groups = np.random.default_rng(random_seed).integers(0, 12, len(targets))
    value = probabilities[:, 1]
    above = (value[:, None] > value) + 0.5 * (value[:, None] == value)
    positive, negative = targets == 1, targets == 0
    area = above[np.ix_(positive, negative)].mean()
    expected = 0.0
    sides = [
        (positive, above[:, negative].mean(axis=1) - area),
        (negative, above[positive].mean(axis=0) - area),
    ]
    sums = []
    for side, centred in sides:
        by_group = np.array([centred[side & (groups == group)].sum() for group in range(12)])
        num_groups = len(np.unique(groups[side]))
        sums.append(by_group / side.sum() * np.sqrt(num_groups / (num_groups - 1)))
        expected += (sums[-1] ** 2).sum()
    expected += 2 * (sums[0] * sums[1]).sum()
    assert area_influences(targets, probabilities, groups).standard_error ** 2 == pytest.approx(expected, abs=1e-12)


def test_copies_in_one_group_count_once():
    targets, first, second = drawn(1, num_images=100)
    copies = [np.tile(targets, 3), np.tile(first, (3, 1)), np.tile(second, (3, 1))]
    groups = np.tile(np.arange(len(targets)), 3)
    assert delong_test(*copies, groups) == pytest.approx(delong_test(targets, first, second))
    assert delong_test(*copies).p < delong_test(targets, first, second).p


def test_a_network_does_not_differ_from_itself_or_from_one_that_ranks_alike():
    targets, probabilities, _ = drawn(0)
    assert delong_test(targets, probabilities, probabilities) == (0.0, 0.0, 0.0, 1.0)
    assert delong_test(targets, probabilities, two_columns(probabilities[:, 1] ** 3)) == (0.0, 0.0, 0.0, 1.0)


def test_swapping_the_networks_turns_the_sign_and_keeps_the_p_value():
    targets, first, second = drawn(3)
    one, other = delong_test(targets, first, second), delong_test(targets, second, first)
    assert (one.difference, one.low, one.high, one.p) == pytest.approx(
        (-other.difference, -other.high, -other.low, other.p)
    )


def test_a_perfect_ranking_differs_from_an_inverse_one_without_doubt():
    targets, values = np.repeat([0, 1], 5), np.arange(10)
    assert delong_test(targets, two_columns(values), two_columns(-values)) == (1.0, 1.0, 1.0, 0.0)
    assert auc_interval(targets, two_columns(values)) == (1.0, 1.0, 1.0)


def test_a_split_of_one_class_has_neither_area_nor_test():
    targets, probabilities = np.ones(4, dtype=int), two_columns([0.1, 0.2, 0.3, 0.4])
    assert np.isnan(auc_interval(targets, probabilities)).all()
    assert np.isnan(delong_test(targets, probabilities, probabilities)).all()


def test_an_absent_class_is_left_out_and_one_image_of_a_class_has_no_variance():
    targets, probabilities = np.array([0, 0, 1, 1]), np.array([[4, 1, 9], [2, 2, 9], [3, 3, 9], [1, 4, 8]]) / 10
    assert auc_interval(targets, probabilities).low >= 0
    alone = auc_interval(np.array([0, 0, 0, 1]), probabilities[:, :2])
    assert alone.mean == 1.0
    assert np.isnan(alone.low)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_probabilities_that_are_not_finite_give_nan(bad):
    targets, probabilities, other = drawn(0)
    probabilities[3, 1] = bad
    assert np.isnan(delong_test(targets, probabilities, other)).all()


def test_two_hundred_thousand_images_are_no_burden():
    random = np.random.default_rng(0)
    targets, values = random.integers(0, 2, 220_000), random.random(220_000)
    assert auc_interval(targets, two_columns(values)).mean == pytest.approx(0.5, abs=0.01)
