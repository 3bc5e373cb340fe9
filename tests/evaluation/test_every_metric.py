"""What holds for every metric that there is, also for those that others add."""

import numpy as np
import pytest
from sklearn import metrics as reference

from study.errors import DeclarationError, UnknownNameError
from study.evaluation import metrics
from study.evaluation.answers import Answers
from study.evaluation.bootstrap import paired_difference, resampled_scores
from study.evaluation.metric import Metric
from study.evaluation.metrics import METRICS, find

NAMES = [*metrics.names(), "sensitivity_at_specificity=0.7", "ppv[1]", "roc_auc[1]"]


def answers(num_classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Of 60 images, every class among them, not all right."""
    random = np.random.default_rng(seed)
    targets = np.arange(60) % num_classes
    raw = random.dirichlet(np.ones(num_classes), 60) + 0.4 * np.eye(num_classes)[targets]
    return targets, raw / raw.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("name", metrics.names())
def test_a_metric_is_called_as_its_file_and_has_a_title_of_its_own(name: str) -> None:
    # One with a level is also known without, by the usual one.
    assert find(name).name.partition("=")[0] == name
    assert [find(other).title for other in metrics.names()].count(find(name).title) == 1


@pytest.mark.parametrize("num_classes", [2, 4])
@pytest.mark.parametrize("name", NAMES)
def test_it_keeps_its_bounds_and_knows_which_end_is_better(name: str, num_classes: int) -> None:
    metric = find(name)
    targets, probabilities = answers(num_classes)
    value = metric.of(targets, probabilities)
    assert metric.lowest <= value <= metric.highest
    right = metric.of(targets, np.eye(num_classes)[targets])
    assert right == pytest.approx(metric.highest if metric.greater_is_better else metric.lowest, abs=1e-6)
    assert metric.merit(right) >= metric.merit(value)


@pytest.mark.parametrize("num_classes", [2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_a_weight_is_how_often_an_image_counts(name: str, num_classes: int) -> None:
    metric = find(name)
    targets, probabilities = answers(num_classes)
    weights = np.random.default_rng(1).integers(0, 3, (60, 2)).astype(float)
    weighted = metric.score(Answers(targets, probabilities, weights))
    for column, value in enumerate(weighted):
        repeated = np.repeat(np.arange(60), weights[:, column].astype(int))
        assert value == pytest.approx(metric.of(targets[repeated], probabilities[repeated]), abs=1e-9)


@pytest.mark.parametrize("num_classes", [2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_a_mean_of_parts_is_their_mean(name: str, num_classes: int) -> None:
    metric = find(name)
    targets, probabilities = answers(num_classes)
    parts = metric.parts_among(targets, num_classes)
    assert sum(parts.values()) == pytest.approx(1)
    mean = sum(weight * part.of(targets, probabilities) for part, weight in parts.items())
    assert metric.of(targets, probabilities) == pytest.approx(mean, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_it_has_an_interval_and_a_difference_with_one(name: str) -> None:
    targets, first = answers(3)
    # Runs of one recipe are alike.
    runs = np.stack([first, *(0.9 * first + 0.1 * answers(3, seed=seed)[1] for seed in (1, 2))])
    others = np.stack([0.5 * run + 0.5 * answers(3, seed=3)[1] for run in runs])
    metric, groups = find(name), np.arange(60)
    interval = resampled_scores(targets, runs, groups, metrics=[name], num_resamples=300).interval(metric.name)
    assert metric.lowest <= interval.low < interval.mean < interval.high <= metric.highest
    difference = paired_difference(targets, runs, others, groups, metric.name, num_resamples=300)
    assert difference.low < difference.mean < difference.high


@pytest.mark.parametrize("name", NAMES)
def test_it_is_undefined_of_nothing_and_of_what_is_no_probability(name: str) -> None:
    targets, probabilities = answers(2)
    probabilities[3] = np.nan
    assert np.isnan(find(name).of(targets, probabilities))
    assert np.isnan(find(name).of(targets[:0], probabilities[:0]))


@pytest.mark.parametrize("name", NAMES)
def test_one_class_among_the_targets_gives_a_value_or_none_but_no_error(name: str) -> None:
    _, probabilities = answers(2)
    value = find(name).of(np.ones(60, dtype=int), probabilities)
    assert np.isnan(value) or find(name).lowest <= value <= find(name).highest


@pytest.mark.parametrize("num_classes", [2, 4])
def test_those_that_scikit_learn_knows_equal_its_own(num_classes: int) -> None:
    targets, probabilities = answers(num_classes)
    decided = probabilities.argmax(axis=1)
    assert find("mcc").of(targets, probabilities) == pytest.approx(reference.matthews_corrcoef(targets, decided))
    kappa = reference.cohen_kappa_score(targets, decided, weights="quadratic")
    assert find("quadratic_kappa").of(targets, probabilities) == pytest.approx(kappa)
    assert find("log_loss").of(targets, probabilities) == pytest.approx(reference.log_loss(targets, probabilities))


def test_correlation_is_none_where_everything_is_answered_alike() -> None:
    targets = np.arange(60) % 2
    assert find("mcc").of(targets, np.tile([0.9, 0.1], (60, 1))) == 0


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_sensitivity_at_a_specificity_is_read_off_the_roc_curve(level: float) -> None:
    targets, probabilities = answers(2)
    false_positive_rate, sensitivity, _ = reference.roc_curve(targets, probabilities[:, 1], drop_intermediate=False)
    expected = sensitivity[false_positive_rate <= 1 - level + 1e-12].max()
    found = find(f"sensitivity_at_specificity={level}")
    assert found.of(targets, probabilities) == pytest.approx(expected)
    assert found.name == f"sensitivity_at_specificity={level}"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("roc_acu", "no metric 'roc_acu'. Did you mean 'roc_auc'"),
        ("f1=0.5", "no metric with a level called 'f1'"),
        ("sensitivity_at_specificity=high", "must be a number, but is 'high'"),
        ("sensitivity_at_specificity=1", "must lie between 0 and 1"),
    ],
)
def test_a_metric_that_isnt_there_is_refused_in_words(name: str, said: str) -> None:
    with pytest.raises((UnknownNameError, DeclarationError), match=said):
        find(name)


def test_a_metric_without_finite_bounds_is_refused() -> None:
    with pytest.raises(DeclarationError, match="needs finite bounds"):
        Metric(name="odds", title="Odds", score=lambda answers: answers.decisions["accuracy"], highest=float("inf"))


def test_what_reports_show_are_metrics() -> None:
    assert {*METRICS} <= {*metrics.names()}
