import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from study.evaluation import bootstrap
from study.evaluation.bootstrap import (
    Interval,
    bonferroni_level,
    hierarchical_interval,
    paired_difference,
    resampled_scores,
)
from study.evaluation.metrics import METRICS, find, scores, weighted_scores


def a_case(*, num_seeds=3, num_images=60, num_classes=2, strength=1.0, random_seed=0, ties=False):
    random = np.random.default_rng(random_seed)
    targets = random.integers(0, num_classes, num_images)
    logits = random.normal(size=(num_seeds, num_images, num_classes))
    logits[:, np.arange(num_images), targets] += strength
    logits = np.round(logits) if ties else logits
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    return targets, probabilities, np.arange(num_images)


@given(num_classes=st.sampled_from([2, 3, 4]), ties=st.booleans(), random_seed=st.integers(0, 10_000))
@settings(max_examples=25)
def test_weighting_images_scores_the_same_as_repeating_them(num_classes, ties, random_seed):
    targets, probabilities, _ = a_case(
        num_seeds=1, num_images=30, num_classes=num_classes, ties=ties, random_seed=random_seed
    )
    weights = np.random.default_rng(random_seed).integers(0, 4, size=(30, 5)).astype(float)
    weighted = weighted_scores(targets, probabilities[0], weights, [find(name) for name in METRICS])
    for column in range(5):
        repeated = np.repeat(np.arange(30), weights[:, column].astype(int))
        expected = scores(targets[repeated], probabilities[0][repeated])
        found = {name: weighted[name][column] for name in METRICS}
        assert found == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_the_value_is_the_mean_over_seeds_on_all_images_and_lies_in_its_interval():
    targets, probabilities, groups = a_case(num_classes=4, num_images=120)
    found = hierarchical_interval(targets, probabilities, groups, num_resamples=400)
    assert tuple(found) == METRICS
    for name, (mean, low, high) in found.items():
        assert mean == pytest.approx(np.mean([scores(targets, run)[name] for run in probabilities]))
        assert low < mean < high


def test_the_accuracy_interval_agrees_with_the_binomial_distribution():
    targets, probabilities, groups = a_case(num_seeds=1, num_images=400)
    mean, low, high = hierarchical_interval(targets, probabilities, groups, ["accuracy"])["accuracy"]
    half_width = 1.96 * np.sqrt(mean * (1 - mean) / 400)
    assert high - low == pytest.approx(2 * half_width, rel=0.1)


def test_the_roc_auc_interval_covers_the_truth_about_as_often_as_it_says():
    # Two normal distributions one standard deviation apart: the true area is Phi(1 / sqrt 2).
    truth, num_covered, num_studies = 0.7602, 0, 120
    for study in range(num_studies):
        random = np.random.default_rng(study)
        targets = np.repeat([0, 1], 60)
        values = random.normal(size=120) + targets
        probabilities = np.stack([-values, values], axis=1)[None]
        _, low, high = hierarchical_interval(targets, probabilities, np.arange(120), ["roc_auc"], num_resamples=300)[
            "roc_auc"
        ]
        num_covered += low <= truth <= high
    assert 0.88 <= num_covered / num_studies <= 0.99


def test_images_that_stand_in_one_group_widen_the_interval():
    targets, probabilities, groups = a_case(num_seeds=1, num_images=200)
    copies = [np.tile(targets, 4), np.tile(probabilities, (1, 4, 1)), np.tile(groups, 4)]
    apart = hierarchical_interval(*copies[:2], np.arange(800), ["roc_auc"])["roc_auc"]
    together = hierarchical_interval(*copies, ["roc_auc"])["roc_auc"]
    once = hierarchical_interval(targets, probabilities, groups, ["roc_auc"])["roc_auc"]
    assert together == pytest.approx(once)
    assert together.high - together.low > 1.5 * (apart.high - apart.low)


def test_seeds_that_disagree_widen_the_interval():
    targets, probabilities, groups = a_case(num_seeds=1, num_images=300)
    worse = a_case(num_seeds=1, num_images=300, strength=0.0)[1]
    agreeing = np.concatenate([probabilities] * 4)
    disagreeing = np.concatenate([probabilities, probabilities, worse, worse])
    narrow, wide = (
        hierarchical_interval(targets, runs, groups, ["roc_auc"])["roc_auc"] for runs in (agreeing, disagreeing)
    )
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    case = a_case()
    first, again, other = (hierarchical_interval(*case, ["roc_auc"], seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_intervals_do_not_depend_on_how_many_resamples_are_held_at_once(monkeypatch):
    case = a_case(num_classes=3)
    whole = hierarchical_interval(*case, num_resamples=50)
    monkeypatch.setattr(bootstrap, "_WEIGHTS_AT_ONCE", 1)
    monkeypatch.setattr(bootstrap, "_LEAST_AT_ONCE", 7)
    in_parts = hierarchical_interval(*case, num_resamples=50)
    for name in METRICS:
        assert in_parts[name] == pytest.approx(whole[name])


def test_some_of_the_seed_runs_are_resampled_as_they_are_alone():
    targets, probabilities, groups = a_case(num_seeds=4)
    some = resampled_scores(targets, probabilities, groups, metrics=["roc_auc"]).only([1, 3])
    alone = resampled_scores(targets, probabilities[[1, 3]], groups, metrics=["roc_auc"])
    assert some.interval("roc_auc") == alone.interval("roc_auc")
    assert some.minus(alone, "roc_auc").mean == 0


def test_recipes_that_answer_alike_may_differ_by_what_so_few_images_would_not_have_shown():
    targets, probabilities, groups = a_case()
    found = paired_difference(targets, probabilities, probabilities, groups, "accuracy")
    exact = stats.binomtest(0, 60).proportion_ci(0.95, method="exact").high
    assert found == pytest.approx((0.0, -exact, exact))


def test_a_clear_difference_is_found_with_the_sign_of_first_minus_second():
    targets, strong, groups = a_case(strength=2.0, num_images=200)
    weak = a_case(strength=0.3, num_images=200)[1]
    assert paired_difference(targets, strong, weak, groups, "roc_auc").low > 0
    assert paired_difference(targets, weak, strong, groups, "roc_auc").high < 0


def test_pairing_makes_the_interval_of_a_difference_narrower_than_of_either():
    targets, probabilities, groups = a_case(num_images=300, num_seeds=3)
    similar = probabilities + np.random.default_rng(1).normal(size=probabilities.shape) * 0.02
    difference = paired_difference(targets, probabilities, similar, groups, "roc_auc")
    alone = hierarchical_interval(targets, probabilities, groups, ["roc_auc"])["roc_auc"]
    assert difference.high - difference.low < 0.5 * (alone.high - alone.low)


def test_recipes_with_different_numbers_of_seeds_can_be_compared():
    targets, probabilities, groups = a_case(num_seeds=4)
    difference = paired_difference(targets, probabilities, probabilities[:2], groups, "accuracy")
    assert difference.low <= difference.mean <= difference.high


def test_a_higher_level_widens_the_interval():
    resampled = resampled_scores(*a_case(), metrics=["roc_auc"])
    narrow, wide = (resampled.interval("roc_auc", level=level) for level in (0.95, bonferroni_level(10)))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_bonferroni_shares_the_error_among_the_comparisons():
    assert bonferroni_level(1) == pytest.approx(0.95)
    assert bonferroni_level(5) == pytest.approx(0.99)


def test_a_test_split_of_one_class_has_an_undefined_roc_auc_and_a_defined_accuracy():
    probabilities = np.full((2, 4, 2), 0.5)
    found = hierarchical_interval(np.ones(4, dtype=int), probabilities, np.arange(4), num_resamples=20)
    assert np.isnan(found["roc_auc"]).all()
    assert found["accuracy"] == pytest.approx((1.0, 0.025 ** (1 / 4), 1.0))


def test_a_seed_with_probabilities_that_are_not_finite_makes_the_interval_undefined():
    targets, probabilities, groups = a_case()
    probabilities[1, 0] = np.nan
    assert np.isnan(hierarchical_interval(targets, probabilities, groups, ["f1"])["f1"]).all()


def test_an_interval_excludes_zero_only_if_both_bounds_lie_on_one_side():
    assert Interval(0.2, 0.1, 0.3).excludes_zero
    assert Interval(-0.2, -0.3, -0.1).excludes_zero
    assert not Interval(0.2, -0.1, 0.3).excludes_zero
    assert not Interval(0.2, float("nan"), float("nan")).excludes_zero


@given(by_seed=st.lists(st.floats(0.2, 0.8), min_size=2, max_size=6))
def test_where_the_images_leave_no_doubt_the_interval_is_students_over_the_seeds(by_seed):
    scores_of_seeds = np.array(by_seed)
    found = bootstrap._spread(scores_of_seeds, np.tile(scores_of_seeds, (10, 1))).interval(50, 0.95, (-1e3, 1e3))
    half_width = stats.sem(scores_of_seeds) * stats.t.ppf(0.975, len(by_seed) - 1)
    assert (found.low, found.high) == pytest.approx((found.mean - half_width, found.mean + half_width), abs=1e-4)


def test_the_seeds_share_is_that_of_an_analysis_of_variance():
    random = np.random.default_rng(0)
    num_seeds, num_images = 4, 400
    skill, difficulty = random.normal(scale=0.3, size=(num_seeds, 1)), random.normal(size=num_images)
    right = random.normal(size=(num_seeds, num_images)) + skill + difficulty > -1
    targets = np.ones(num_images, dtype=int)
    probabilities = np.stack([1 - right, right], axis=-1).astype(float)
    resampled = resampled_scores(targets, probabilities, np.arange(num_images), metrics=["accuracy"])
    (found,) = bootstrap._spread(resampled.by_seed["accuracy"], resampled.samples["accuracy"]).seeds
    by_seed, by_image = right.mean(axis=1, keepdims=True), right.mean(axis=0)
    of_seeds = num_images * by_seed.var(ddof=1)
    residual = right - by_seed - by_image + right.mean()
    of_both = (residual**2).sum() / (num_seeds - 1) / (num_images - 1)
    assert found.between == pytest.approx(of_seeds / num_seeds / num_images)
    assert found.added == pytest.approx((of_seeds - of_both) / num_seeds / num_images, rel=0.05)


@given(num=st.integers(2, 60), data=st.data())
@settings(max_examples=30)
def test_the_interval_of_a_share_of_independent_images_is_the_exact_one(num, data):
    right = np.arange(num) < data.draw(st.integers(0, num))
    answers = np.eye(2)[np.where(right, 1, 0)][None]
    found = resampled_scores(np.ones(num, dtype=int), answers, np.arange(num), metrics=["accuracy"])
    exact = stats.binomtest(int(right.sum()), num).proportion_ci(0.95, method="exact")
    # The variance of 2,000 resamples is known to 3 % or so.
    assert found.interval("accuracy") == pytest.approx((right.mean(), exact.low, exact.high), abs=0.02)


def test_bounds_are_values_that_a_metric_can_take():
    targets, probabilities, groups = a_case(num_seeds=3, num_images=30, strength=3.0)
    for mean, low, high in hierarchical_interval(targets, probabilities, groups).values():
        assert 0 <= low <= mean <= high <= 1


def test_one_group_of_images_has_no_interval():
    targets, probabilities, _ = a_case()
    assert np.isnan(hierarchical_interval(targets, probabilities, np.zeros(60), ["f1"])["f1"].low)


def test_seeds_that_are_not_paired_tell_of_the_spread_twice():
    # By Welch's test, with as much spread on either side: 2 (K - 1) degrees of freedom.
    one, other = np.array([0.5, 0.6, 0.7]), np.array([0.55, 0.45, 0.35])
    first, second = (bootstrap.ResampledScores({"f1": x}, {"f1": np.tile(x, (9, 1))}, 50) for x in (one, other))
    found = first.minus(second, "f1", seeds_paired=False)
    expected = stats.ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    half_width = (expected.high - expected.low) / 2 / (1 - found.mean**2)
    assert np.arctanh(found) == pytest.approx(np.arctanh(found.mean) + half_width * np.array([0, -1, 1]))


@pytest.mark.parametrize("right", [True, False])
def test_a_score_at_the_end_of_its_range_has_the_exact_bound_of_a_proportion(right: bool) -> None:
    targets = np.array([0, 1] * 20)
    answers = targets if right else 1 - targets
    probabilities = np.eye(2)[answers][None].repeat(3, axis=0)
    found = resampled_scores(targets, probabilities, np.arange(40), metrics=["accuracy"]).interval("accuracy")
    exact = stats.binomtest(40 if right else 0, 40).proportion_ci(0.95, method="exact")
    assert (found.mean, found.low, found.high) == pytest.approx((float(right), exact.low, exact.high))


def all_right(counts, num_seeds=3):
    """Targets, certain and right answers of each seed, a group an image; so many images a class."""
    targets = np.repeat(np.arange(len(counts)), counts)
    return targets, np.eye(len(counts))[targets][None].repeat(num_seeds, axis=0), np.arange(len(targets))


@pytest.mark.parametrize(("num", "exact"), [(2, 0.842), (64, 0.056)])
def test_none_found_of_so_many_has_the_exact_bound_however_many_others_there_are(num, exact):
    targets, answers, groups = all_right((100, num))
    none_found = np.zeros_like(answers)
    none_found[..., 0] = 1
    found = resampled_scores(targets, none_found, groups, metrics=["recall", "sensitivity[1]"])
    assert found.interval("recall") == found.interval("sensitivity[1]") == pytest.approx((0, 0, exact), abs=5e-4)


@pytest.mark.parametrize("metric", ["recall", "precision", "f1", "roc_auc", "average_precision"])
def test_two_positives_all_right_among_a_hundred_say_as_little_as_two_images(metric):
    found = resampled_scores(*all_right((100, 2)), metrics=[metric]).interval(metric)
    assert found == pytest.approx((1, 0.025**0.5, 1))


def test_a_macro_average_is_no_surer_than_its_smallest_class_allows():
    targets, answers, groups = all_right((100, 2))
    # One mistake in the large class must not make the two of the small one look certain.
    answers[:, 0] = [0, 1]
    found = resampled_scores(targets, answers, groups, metrics=["balanced_accuracy"]).interval("balanced_accuracy")
    assert found.low == pytest.approx(found.mean - (1 - 0.025**0.5) / 2, abs=0.01)
    of_three = resampled_scores(*all_right((100, 80, 2)), metrics=["recall", "roc_auc"])
    assert of_three.interval("recall").low < 1 - (1 - 0.025**0.5) / 3
    assert of_three.interval("roc_auc").low < 1 - (1 - 0.025**0.5) / 3


@pytest.mark.parametrize("right", [True, False])
def test_one_case_has_words_instead_of_bounds(right):
    targets, answers, groups = all_right((30, 1))
    answers[:, -1] = [0, 1] if right else [1, 0]
    found = resampled_scores(targets, answers, groups, metrics=["sensitivity[1]"])
    interval = found.interval("sensitivity[1]")
    assert (interval.mean, interval.note) == (float(right), "one case")
    assert np.isnan(interval.low)
    assert np.isnan(found.minus(found, "sensitivity[1]").low)


def test_two_seeds_far_apart_have_words_instead_of_bounds_from_0_to_1():
    targets, strong, groups = a_case(num_seeds=1, num_images=200, strength=3.0)
    weak = a_case(num_seeds=1, num_images=200, strength=0.0)[1]
    found = resampled_scores(targets, np.concatenate([strong, weak]), groups, metrics=["roc_auc"])
    interval = found.interval("roc_auc")
    assert interval.note == found.minus(found, "roc_auc", seeds_paired=False).note == "too few seeds"
    assert np.isnan(interval.low)


def test_a_predictive_value_rests_on_the_seed_run_with_the_fewest_calls():
    targets, answers, groups = all_right((40, 10), num_seeds=2)
    # The second run calls three images positive, rightly.
    answers[1, 43:] = [1, 0]
    found = resampled_scores(targets, answers, groups, metrics=["ppv[1]"]).interval("ppv[1]")
    assert found == pytest.approx((1, 0.025 ** (1 / 3), 1))
