import dataclasses
import re

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.metrics import brier_score_loss, log_loss

from study.records import TEST, TUNED
from study.report.calibration_section import AS_TRAINED, TEMPERED, UNWEIGHTED, calibration, to_be_believed
from study.report.load import load


def section_of(page):
    """From the section's heading to the next one."""
    part = page.split("## Are the probabilities to be believed?\n", 1)[1]
    return part.split("\n## ", 1)[0]


def sharpened(run, pair, factor):
    """The run with the log odds of one architecture's answers multiplied on val and test."""
    changed = dict(run.predictions)
    for split in ("val", TEST):
        old = changed[pair, TUNED, split]
        powers = old.probabilities**factor
        changed[pair, TUNED, split] = dataclasses.replace(
            old, probabilities=powers / powers.sum(axis=-1, keepdims=True)
        )
    return dataclasses.replace(run, predictions=changed)


def test_scores_before_and_after_undoing_the_weight_are_those_of_scikit_learn(finished):
    run = load(finished.folder)
    test = run.predictions["hahnet", TUNED, TEST]
    found = calibration(run, "hahnet")
    # The synthetic recipes have pos_weight 0.41.
    undone = [expit(logit(p[:, 1]) - np.log(0.41)) for p in test.probabilities]
    for stage, positive in ((AS_TRAINED, list(test.probabilities[..., 1])), (UNWEIGHTED, undone)):
        values = found.scores[stage]
        assert values["Brier score"] == pytest.approx(np.mean([brier_score_loss(test.targets, p) for p in positive]))
        assert values["Log loss"] == pytest.approx(np.mean([log_loss(test.targets, p) for p in positive]), rel=1e-6)


def test_sharpened_answers_are_called_overconfident_and_flattened_ones_underconfident(multiclass):
    run = load(multiclass.folder)
    for factor, words in ((8.0, "is overconfident on val (temperature above 1)"), (0.1, "are underconfident on val (")):
        first = to_be_believed(sharpened(run, "baseline_cnn", factor)).splitlines()[2]
        assert re.search(rf"baseline_cnn \([\d.]+(\N{{EN DASH}}[\d.]+)?\)[^;]* {re.escape(words)}", first)


def test_a_temperature_undoes_what_sharpening_did(multiclass):
    run = load(multiclass.folder)
    plain, sharp = calibration(run, "baseline_cnn"), calibration(sharpened(run, "baseline_cnn", 4.0), "baseline_cnn")
    assert sharp.temperatures == pytest.approx(4 * plain.temperatures, rel=1e-3)
    assert sharp.scores[TEMPERED]["Log loss"] == pytest.approx(plain.scores[TEMPERED]["Log loss"], rel=1e-3)
    assert sharp.scores[AS_TRAINED]["Log loss"] > plain.scores[AS_TRAINED]["Log loss"]


def test_equal_class_weights_have_no_row_of_their_own(finished, multiclass):
    assert section_of(finished.page).count(f"| {UNWEIGHTED} |") == 3
    assert UNWEIGHTED not in section_of(multiclass.page)
    assert section_of(multiclass.page).count(f"| {TEMPERED} |") == 2


def test_the_weights_of_more_classes_follow_from_their_counts(make_run):
    pairs = {"baseline_cnn": {"recipe": {"class_weight_power": 1.0}}}
    run = load(make_run(num_classes=4, strengths={"baseline_cnn": 1.2}, manifest={"pairs": pairs}))
    found = calibration(run, "baseline_cnn")
    assert found.weighted
    test = run.predictions["baseline_cnn", TUNED, TEST]
    times = test.probabilities * np.array([120, 118, 60, 121])
    by_hand = times / times.sum(axis=-1, keepdims=True)
    expected = np.mean([log_loss(test.targets, p) for p in by_hand])
    assert found.scores[UNWEIGHTED]["Log loss"] == pytest.approx(expected, rel=1e-6)


def test_only_seed_runs_that_answered_both_splits_count(standin):
    run = load(standin.folder)
    assert len(calibration(run, "alexnet").temperatures) == 2
    without_val = {key: value for key, value in run.predictions.items() if key[2] != "val"}
    page = to_be_believed(dataclasses.replace(run, predictions=without_val))
    assert "What to see: nothing" in page
    assert "No seed run of alexnet and hahnet answered both val and test." in page


def test_before_test_nothing_is_said(make_run):
    assert to_be_believed(load(make_run(stage="seeds"))) == ""
