import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_softmax, logit, softmax
from sklearn import metrics as reference
from statsmodels.stats.proportion import proportion_confint

from study.evaluation.calibration import (
    BRIER_SCORE,
    LOG_LOSS,
    TEMPERATURE_BOUNDS,
    brier_scores,
    expected_calibration_error,
    fit_temperature,
    log_losses,
    reliability,
    resampled_losses,
    scaled,
    undo_class_weights,
)


def calibrated(num_images=4_000, num_classes=3, random_seed=0):
    """Targets that are drawn with the very probabilities."""
    random = np.random.default_rng(random_seed)
    logits = random.normal(scale=1.5, size=(num_images, num_classes))
    probabilities = softmax(logits, axis=1)
    targets = (random.random((num_images, 1)) > np.cumsum(probabilities, axis=1)).sum(axis=1)
    return targets.clip(max=num_classes - 1), probabilities


@given(st.floats(0.05, 20), st.lists(st.floats(1e-6, 1 - 1e-6), min_size=1, max_size=5))
def test_undoing_pos_weight_lowers_the_log_odds_by_its_logarithm(weight, positive):
    positive = np.array(positive)
    undone = undo_class_weights(np.stack([1 - positive, positive], axis=1), (1, weight))
    assert logit(undone[:, 1]) == pytest.approx(logit(positive) - np.log(weight), abs=1e-6)


@given(st.lists(st.floats(0.05, 20), min_size=3, max_size=3), st.integers(0, 1_000))
def test_undoing_class_weights_divides_by_them(weights, random_seed):
    probabilities = np.random.default_rng(random_seed).dirichlet(np.ones(3), size=(2, 4))
    divided = probabilities / weights
    assert np.allclose(undo_class_weights(probabilities, weights), divided / divided.sum(axis=-1, keepdims=True))


def test_undoing_weights_mends_what_a_weighted_loss_learns():
    # The minimum of the weighted log loss for a share q of positives is w q / (w q + 1 - q).
    share, weight = 0.1, 9.0
    learnt = weight * share / (weight * share + 1 - share)
    assert undo_class_weights(np.array([[1 - learnt, learnt]]), (1, weight))[0, 1] == pytest.approx(share)


def test_certain_probabilities_stay_certain():
    sure = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert np.allclose(undo_class_weights(sure, (1, 50)), sure, atol=1e-30)
    assert np.allclose(scaled(sure, 2.0), sure, atol=1e-15)
    assert np.isfinite(log_losses(np.array([1, 0]), sure)).all()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("num_classes", [2, 4])
def test_the_temperature_that_logits_were_divided_by_is_found(temperature, num_classes):
    targets, probabilities = calibrated(num_classes=num_classes, num_images=20_000)
    sharpened = scaled(probabilities, 1 / temperature)
    assert fit_temperature(targets, sharpened) == pytest.approx(temperature, rel=0.05)
    assert scaled(sharpened, temperature) == pytest.approx(probabilities)


def test_hardly_any_other_temperature_has_a_smaller_log_loss():
    targets, probabilities = calibrated(num_images=300)
    best = fit_temperature(targets, probabilities)
    losses = [log_losses(targets, scaled(probabilities, t)).mean() for t in np.geomspace(*TEMPERATURE_BOUNDS, 200)]
    assert log_losses(targets, scaled(probabilities, best)).mean() <= min(losses) + 1e-3


@pytest.mark.parametrize("num_classes", [2, 10])
@pytest.mark.parametrize("num_images", [20, 400])
def test_where_all_predictions_are_right_the_temperature_makes_none_certain(num_images, num_classes):
    targets = np.arange(num_images) % num_classes
    probabilities = np.full((num_images, num_classes), 0.1 / (num_classes - 1))
    probabilities[np.arange(num_images), targets] = 0.9
    made = scaled(probabilities, fit_temperature(targets, probabilities))[np.arange(num_images), targets]
    # Laplace's rule of succession: after so many without a mistake.
    assert made.mean() == pytest.approx((num_images + 1) / (num_images + 2), abs=1e-4)


def test_the_temperature_stays_within_bounds_when_no_prediction_is_right():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    assert fit_temperature(np.array([1, 0, 1]), probabilities) == pytest.approx(TEMPERATURE_BOUNDS[1], rel=0.01)


@pytest.mark.parametrize("num_classes", [2, 3])
def test_brier_and_log_loss_equal_those_of_scikit_learn(num_classes):
    targets, probabilities = calibrated(num_images=200, num_classes=num_classes)
    if num_classes == 2:
        expected = reference.brier_score_loss(targets, probabilities[:, 1])
    else:
        expected = reference.brier_score_loss(targets, probabilities, scale_by_half=False)
    found = resampled_losses(targets, probabilities[None], np.arange(200), num_resamples=2).by_seed
    assert found[BRIER_SCORE] == brier_scores(targets, probabilities).mean() == pytest.approx(expected)
    assert found[LOG_LOSS] == pytest.approx(reference.log_loss(targets, probabilities))


def test_a_resampled_loss_is_that_of_the_images_drawn_with_their_groups():
    targets, probabilities = calibrated(num_images=40)
    groups = np.arange(40) // 3
    found = resampled_losses(targets, probabilities[None], groups, num_resamples=50, seed=3)
    counts = np.random.default_rng([3, 1]).multinomial(14, np.full(14, 1 / 14), size=50)
    drawn = np.repeat(np.arange(40), counts[7][groups])
    expected = reference.log_loss(targets[drawn], probabilities[drawn], labels=[0, 1, 2])
    assert found.samples[LOG_LOSS][7] == pytest.approx(expected)


def test_the_interval_of_a_loss_is_symmetric_on_its_logarithm_and_that_of_a_difference_as_it_is():
    targets, probabilities = calibrated(num_images=60)
    one, other = (
        resampled_losses(targets, scaled(probabilities, temperature)[None], np.arange(60)) for temperature in (0.3, 1)
    )
    mean, low, high = one.interval(LOG_LOSS)
    assert np.log(mean / low) == pytest.approx(np.log(high / mean), rel=0.05)
    mean, low, high = one.minus(other, LOG_LOSS)
    assert mean - low == pytest.approx(high - mean, rel=0.02)


def test_a_brier_score_of_more_classes_may_lie_above_1():
    targets, probabilities = np.zeros(30, dtype=int), np.tile([0.1, 0.1, 0.8], (30, 1))
    probabilities[:5] = [0.2, 0.1, 0.7]
    _, low, high = resampled_losses(targets, probabilities[None], np.arange(30)).interval(BRIER_SCORE)
    assert 1 < low < high < 2


def test_of_few_images_even_true_probabilities_have_a_calibration_error_and_more_so_in_resamples():
    random = np.random.default_rng(0)
    found, again = [], []
    for study in range(40):
        targets, probabilities = calibrated(num_images=300, random_seed=study)
        drawn = random.integers(300, size=300)
        found.append(expected_calibration_error(targets, probabilities))
        again.append(expected_calibration_error(targets[drawn], probabilities[drawn]))
    assert np.mean(found) > 0.05
    assert np.mean(again) > 1.2 * np.mean(found)


def test_calibration_error_of_a_case_done_by_hand():
    positive = np.array([0.1, 0.1, 0.6, 0.8, 0.9, 0.9])
    targets = np.array([0, 1, 1, 0, 1, 1])
    # Two bins, up to 0.5 and above: 0.1 against 1/2 with 2 images, 0.8 against 3/4 with 4.
    expected = (2 * abs(0.1 - 0.5) + 4 * abs(0.8 - 0.75)) / 6
    assert expected_calibration_error(targets, np.stack([1 - positive, positive], axis=1), 2) == pytest.approx(expected)


def test_with_more_than_two_classes_the_largest_probability_is_the_confidence():
    probabilities = np.array([[0.6, 0.3, 0.1], [0.1, 0.1, 0.8]])
    (one,) = reliability(np.array([0, 1]), probabilities, num_bins=1)
    assert (one.confidence, one.right.mean, one.num_images) == pytest.approx((0.7, 0.5, 2))


def test_every_image_stands_in_one_bin_with_its_edges_and_the_wilson_interval():
    positive = np.array([0.0, 0.2, 0.20001, 1.0])
    bins = reliability(np.array([0, 0, 1, 1]), np.stack([1 - positive, positive], axis=1), num_bins=5)
    assert [each.num_images for each in bins] == [2, 1, 1]
    assert bins[0].right == (0.0, *proportion_confint(0, 2, method="wilson"))


def test_several_runs_are_pooled_but_count_each_image_once():
    targets, probabilities = calibrated(num_images=200, num_classes=2)
    once, thrice = (reliability(targets, runs) for runs in (probabilities, np.stack([probabilities] * 3)))
    for one, other in zip(once, thrice, strict=True):
        assert other.right == pytest.approx(one.right)
        assert (other.confidence, other.num_images) == pytest.approx((one.confidence, one.num_images))
    (both,) = reliability(targets, np.stack([probabilities, scaled(probabilities, 2.0)]), num_bins=1)
    assert both.confidence == pytest.approx(np.mean([probabilities[:, 1], scaled(probabilities, 2.0)[:, 1]]))
    assert (both.num_images, both.right.mean) == pytest.approx((200, targets.mean()))


def test_true_probabilities_have_little_calibration_error_and_overconfident_ones_much():
    targets, probabilities = calibrated(num_images=20_000)
    assert expected_calibration_error(targets, probabilities) < 0.015
    assert expected_calibration_error(targets, scaled(probabilities, 0.3)) > 0.1
    covered = [each.right.low <= each.confidence <= each.right.high for each in reliability(targets, probabilities)]
    assert np.mean(covered) > 0.7


def test_scaling_keeps_the_order_of_the_images_and_the_decision():
    random = np.random.default_rng(0)
    logits = random.normal(size=(50, 3))
    tempered = scaled(softmax(logits, axis=1), 2.5)
    assert np.allclose(tempered, np.exp(log_softmax(logits / 2.5, axis=1)))
    assert (tempered.argmax(axis=1) == logits.argmax(axis=1)).all()
    positive = expit(logits[:, 0])
    halves = scaled(np.stack([1 - positive, positive], axis=1), 2.5)
    assert (np.argsort(halves[:, 1]) == np.argsort(positive)).all()


def test_no_images_give_nan():
    nothing = np.zeros(0, dtype=int), np.zeros((0, 2))
    assert all(np.isnan(f(*nothing)) for f in (expected_calibration_error, fit_temperature))
    assert reliability(*nothing) == []
