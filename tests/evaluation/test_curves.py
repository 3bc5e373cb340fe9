import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from study.evaluation.curves import GRID, curves


def a_case(*, num_images=120, num_classes=2, num_seeds=3, strength=1.0, seed=3):
    """Targets, probabilities (K, N, C) and groups; with two classes some scores are tied."""
    random = np.random.default_rng(seed)
    targets = np.arange(num_images) % num_classes
    logits = random.normal(size=(num_seeds, num_images, num_classes))
    logits[:, np.arange(num_images), targets] += strength
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    if num_classes == 2:
        positive = probabilities[..., 1].round(2)
        probabilities = np.stack([1 - positive, positive], axis=2)
    return targets, probabilities, np.arange(num_images) // 2


def test_the_curves_of_one_run_are_scikit_learns():
    targets, probabilities, groups = a_case(num_seeds=1)
    found = curves(targets, probabilities, groups, num_resamples=2)
    false, true, _ = roc_curve(targets, probabilities[0, :, 1], drop_intermediate=False)
    assert found.roc.mean == pytest.approx(np.interp(GRID, false, true))
    precision, recall, _ = precision_recall_curve(targets, probabilities[0, :, 1])
    # Ours is the precision of the highest threshold that reaches a recall; scikit-learn's run from the lowest on.
    expected = [precision[np.flatnonzero(recall >= wanted - 1e-9)[-1]] for wanted in GRID[1:]]
    assert found.precision_recall.mean[1:] == pytest.approx(expected)


@pytest.mark.parametrize("num_classes", [2, 4])
def test_the_areas_under_the_curves_are_roc_auc_and_average_precision(num_classes):
    targets, probabilities, groups = a_case(num_classes=num_classes, num_images=400)
    found = curves(targets, probabilities, groups, num_resamples=2)
    truth = np.eye(num_classes)[targets]
    columns = [1] if num_classes == 2 else list(range(num_classes))
    areas, precisions = (
        np.mean([score(truth[:, c], run[:, c]) for run in probabilities for c in columns])
        for score in (roc_auc_score, average_precision_score)
    )
    assert np.trapezoid(found.roc.mean, GRID) == pytest.approx(areas, abs=0.003)
    assert found.precision_recall.mean[1:].mean() == pytest.approx(precisions, abs=0.01)


def test_the_band_is_as_wide_as_resampled_images_of_a_single_run_make_it():
    targets, probabilities, groups = a_case(num_seeds=1, num_images=300)
    groups = np.arange(300)
    found = curves(targets, probabilities, groups)
    random = np.random.default_rng(0)
    rates = []
    for _ in range(300):
        drawn = random.integers(300, size=300)
        false, true, _ = roc_curve(targets[drawn], probabilities[0, drawn, 1], drop_intermediate=False)
        rates.append(np.interp(0.2, false, true))
    low, high = np.quantile(rates, [0.025, 0.975])
    assert found.roc.high[20] - found.roc.low[20] == pytest.approx(high - low, rel=0.2)


def test_the_band_encloses_the_curve_and_ends_in_the_corner():
    found = curves(*a_case(num_classes=4))
    for band in found:
        assert (band.low <= band.mean).all()
        assert (band.mean <= band.high).all()
        assert ((band.low >= 0) & (band.high <= 1)).all()
    assert found.roc.low[-1] == found.roc.mean[-1] == 1


def width(band):
    return (band.high - band.low).mean()


def test_copies_that_belong_together_tell_no_more_than_one_of_them():
    targets, probabilities, _ = a_case(num_seeds=1, num_images=200)
    twice = np.tile(targets, 2), np.tile(probabilities, (1, 2, 1))
    apart, together = (curves(*twice, groups).roc for groups in (np.arange(400), np.tile(np.arange(200), 2)))
    assert width(together) > 1.2 * width(apart)


def test_seeds_that_differ_make_the_band_wider():
    targets, probabilities, groups = a_case(num_seeds=1, num_images=200)
    other = a_case(num_seeds=1, num_images=200, strength=3.0)[1]
    alike, unlike = (
        curves(targets, np.concatenate([probabilities, each]), groups).roc for each in (probabilities, other)
    )
    assert width(unlike) > 1.5 * width(alike)


def test_a_class_that_no_image_has_is_left_out_of_the_mean():
    targets, probabilities, groups = a_case(num_classes=4)
    few = targets < 3
    found = curves(targets[few], probabilities[:, few], groups[few], num_resamples=5)
    assert np.isfinite(found.roc.mean).all()
    assert np.isfinite(found.precision_recall.mean).all()


def test_probabilities_that_are_not_finite_have_no_curve():
    targets, probabilities, groups = a_case()
    probabilities[0, 0] = np.nan
    found = curves(targets, probabilities, groups, num_resamples=3)
    assert np.isnan(found.roc.mean).all()
    assert np.isnan(found.precision_recall.low).all()


def test_the_bands_hold_the_true_curves_about_as_often_as_they_say():
    random = np.random.default_rng(1)
    at, separation, held = [5, 20, 50, 80], 1.5, []
    rates = GRID[at]
    threshold = separation - norm.ppf(rates)
    truth = norm.cdf(separation + norm.ppf(rates)), rates / (rates + norm.sf(threshold))
    targets, groups = np.arange(200) % 2, np.arange(200)
    for _ in range(60):
        scores = np.sqrt(0.8) * random.normal(size=200) + np.sqrt(0.2) * random.normal(size=(3, 200))
        positive = expit(scores + separation * targets)
        bands = curves(targets, np.stack([1 - positive, positive], axis=-1), groups, num_resamples=100)
        held.append([(b.low[at] <= true) & (true <= b.high[at]) for b, true in zip(bands, truth, strict=True)])
    assert (np.mean(held, axis=0) >= 0.85).all()
    assert 0.91 <= np.mean(held) < 1
