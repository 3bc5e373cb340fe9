import dataclasses
import re

import numpy as np
import pytest
from rendered import rendered, with_answers
from scipy.special import expit, logit
from sklearn.metrics import brier_score_loss, log_loss

from study.evaluation.calibration import reliability
from study.records import TEST, TUNED, Key, PredictionSet
from study.report.core.section import Context
from study.report.core.study_run import load
from study.report.results.calibration import AS_TRAINED, TEMPERED, UNWEIGHTED, calibration_scores, calibrations
from study.report.results.figures import reliability_curves
from study.report.sections import calibration, sections


def section_of(page):
    """From the section's heading to the next one."""
    part = page.split("## Are the probabilities to be believed?\n", 1)[1]
    return part.split("\n## ", 1)[0]


def scores_of(run, pair):
    return calibration_scores(calibrations(run)[pair])


def sharpened(run, pair, factor, splits=("val", TEST)):
    """The run with the log odds of one architecture's answers multiplied."""
    for split in splits:
        old = run.predictions.of(pair, TUNED, split)
        powers = old.probabilities**factor
        changed = dataclasses.replace(old, probabilities=powers / powers.sum(axis=-1, keepdims=True))
        run = with_answers(run, Key(pair, TUNED, split), changed)
    return run


def test_scores_before_and_after_undoing_the_weight_are_those_of_scikit_learn(finished):
    run = load(finished.folder)
    test = run.predictions.of("hahnet", TUNED, TEST)
    found = scores_of(run, "hahnet")
    # The synthetic recipes have pos_weight 0.41.
    undone = [expit(logit(p[:, 1]) - np.log(0.41)) for p in test.probabilities]
    for stage, positive in ((AS_TRAINED, list(test.probabilities[..., 1])), (UNWEIGHTED, undone)):
        values = found.stages[stage]
        by_hand = np.mean([brier_score_loss(test.targets, p) for p in positive])
        assert values["Brier score"].mean == pytest.approx(by_hand)
        by_hand = np.mean([log_loss(test.targets, p) for p in positive])
        assert values["Log loss"].mean == pytest.approx(by_hand, rel=1e-6)


def test_losses_have_intervals_and_the_calibration_error_has_none(finished):
    rows = [[cell.strip() for cell in line.split("|")] for line in section_of(finished.page).splitlines()]
    values = [row[4:7] for row in rows if len(row) > 6 and row[2] in (AS_TRAINED, UNWEIGHTED, TEMPERED)]
    assert len(values) == 9
    bounds = re.compile(r"0\.\d{3} \(0\.\d{2,3}\N{EN DASH}0\.\d{2,3}\)")
    assert all(re.fullmatch(r"0\.\d{3}", error) for error, _, _ in values)
    assert all(bounds.fullmatch(brier) and bounds.fullmatch(loss) for _, brier, loss in values)


def test_copies_of_images_in_the_groups_of_these_leave_the_intervals_as_they_are(finished):
    once = calibrations(load(finished.folder))["lenet"]
    twice = dataclasses.replace(
        once,
        targets=np.tile(once.targets, 2),
        groups=np.tile(once.groups, 2),
        stages={stage: np.tile(probabilities, (1, 2, 1)) for stage, probabilities in once.stages.items()},
    )
    before, after = (calibration_scores(each).stages[TEMPERED]["Log loss"] for each in (once, twice))
    assert after == pytest.approx(before)


def test_seeds_that_disagree_widen_the_intervals(finished):
    alike = calibrations(load(finished.folder))["lenet"]
    powers = alike.stages[TEMPERED] ** np.array([0.3, 1.0, 4.0])[:, None, None]
    apart = dataclasses.replace(alike, stages=alike.stages | {TEMPERED: powers / powers.sum(axis=-1, keepdims=True)})
    (_, low, high), (_, lower, higher) = (
        calibration_scores(each).stages[TEMPERED]["Log loss"] for each in (alike, apart)
    )
    assert higher - lower > 2 * (high - low)


def test_the_class_frequencies_of_train_stand_below_for_comparison(finished):
    # 220 of 310 train images and 158 of 220 test images are positive.
    said, true = 220 / 310, 158 / 220
    brier = true * (1 - said) ** 2 + (1 - true) * said**2
    loss = -true * np.log(said) - (1 - true) * np.log(1 - said)
    last = [line for line in section_of(finished.page).splitlines() if line.startswith("|")][-1]
    assert last.endswith(f"| {abs(said - true):.3f} | {brier:.3f} | {loss:.3f} |")


def test_it_is_said_whose_log_loss_on_test_changes_with_the_temperature(multiclass):
    run = load(multiclass.folder)
    for splits, factor, words in (
        (("val", TEST), 4.0, "falls for baseline_cnn (\N{MINUS SIGN}"),
        (("val",), 4.0, "rises for baseline_cnn (+"),
        (("val", TEST), 1.0, "is not shown to change for baseline_cnn ("),
    ):
        first = rendered(calibration, sharpened(run, "baseline_cnn", factor, splits)).splitlines()[2]
        assert words in first
        assert ("val is no guide to test" in first) == words.startswith("rises")


def test_probabilities_that_are_not_finite_have_no_values(multiclass):
    run = load(multiclass.folder)
    key = Key("baseline_cnn", TUNED, TEST)
    broken = run.predictions.of(*key).probabilities.copy()
    broken[1, 3] = np.nan
    changed = dataclasses.replace(run.predictions.of(*key), probabilities=broken)
    broken = with_answers(run, key, changed)
    page = calibration.SECTION.markdown(Context(broken, sections()))
    assert re.search(rf"\| baseline_cnn \| {AS_TRAINED} \|( \N{{EM DASH}} \|){{4}}\n", page)
    assert "baseline_cnn" not in page.split("log loss on test")[1].split("\n")[0]
    assert "Reliability diagrams of four_block_cnn on" in page


def test_sharpened_answers_are_called_overconfident_and_flattened_ones_underconfident(multiclass):
    run = load(multiclass.folder)
    for factor, words in ((8.0, "is overconfident on val (temperature above 1)"), (0.1, "underconfident on val (")):
        first = rendered(calibration, sharpened(run, "baseline_cnn", factor)).splitlines()[2]
        assert re.search(rf"baseline_cnn \([\d.]+(\N{{EN DASH}}[\d.]+)?\)[^;]* {re.escape(words)}", first)


def test_a_temperature_undoes_what_sharpening_did(multiclass):
    run = load(multiclass.folder)
    plain, sharp = (calibrations(each)["baseline_cnn"] for each in (run, sharpened(run, "baseline_cnn", 4.0)))
    assert sharp.temperatures == pytest.approx(4 * plain.temperatures, rel=1e-3)
    plain, sharp = (calibration_scores(each).stages for each in (plain, sharp))
    assert sharp[TEMPERED]["Log loss"] == pytest.approx(plain[TEMPERED]["Log loss"], rel=1e-3)
    assert sharp[AS_TRAINED]["Log loss"].mean > plain[AS_TRAINED]["Log loss"].mean


def test_equal_class_weights_have_no_row_of_their_own(finished, multiclass):
    assert section_of(finished.page).count(f"| {UNWEIGHTED} |") == 3
    assert UNWEIGHTED not in section_of(multiclass.page)
    assert section_of(multiclass.page).count(f"| {TEMPERED} |") == 2


def test_the_weights_of_more_classes_follow_from_their_counts(make_run):
    pairs = {"baseline_cnn": {"recipe": {"class_weight_power": 1.0}}}
    run = load(make_run(num_classes=4, strengths={"baseline_cnn": 1.2}, manifest={"pairs": pairs}))
    test = run.predictions.of("baseline_cnn", TUNED, TEST)
    times = test.probabilities * np.array([120, 118, 60, 121])
    by_hand = times / times.sum(axis=-1, keepdims=True)
    expected = np.mean([log_loss(test.targets, p) for p in by_hand])
    found = scores_of(run, "baseline_cnn").stages[UNWEIGHTED]
    assert found["Log loss"].mean == pytest.approx(expected, rel=1e-6)


def test_only_seed_runs_that_answered_both_splits_count(standin):
    run = load(standin.folder)
    assert len(calibrations(run)["alexnet"].temperatures) == 2
    without_val = PredictionSet({key: each for key, each in run.predictions.by_key.items() if key.split != "val"})
    page = rendered(calibration, dataclasses.replace(run, predictions=without_val))
    assert "What to see: nothing" in page
    assert "No seed run of alexnet and hahnet answered both val and test." in page


def test_each_panel_shows_the_pooled_bins_of_its_architecture_before_and_after(six):
    found = calibrations(load(six.folder))
    panels = reliability_curves(found).axes
    assert [axis.get_title() or axis.get_title(loc="left") for axis in panels] == list(found)
    for each, axis in zip(found.values(), panels, strict=True):
        # Bars and marks of the one, then of the other.
        drawn = zip(axis.collections[::2], axis.collections[1::2], strict=True)
        for stage, (bars, marks) in zip((TEMPERED, AS_TRAINED), drawn, strict=True):
            bins = reliability(each.targets, each.stages[stage], num_bins=10)
            assert np.allclose(marks.get_offsets(), [(one.confidence, one.right.mean) for one in bins])
            assert np.allclose([segment[:, 1] for segment in bars.get_segments()], [one.right[1:] for one in bins])
            assert np.argmax(marks.get_sizes()) == np.argmax([one.num_images for one in bins])


def test_the_sentence_above_the_figure_names_the_gap_that_counts_most(multiclass):
    run = load(multiclass.folder)
    sharp = sharpened(run, "baseline_cnn", 8.0)
    sees = calibration.SECTION.figures(Context(sharp))["reliability"].sees
    test = sharp.predictions.of("baseline_cnn", TUNED, TEST)
    sure = test.probabilities.max(axis=-1) > 0.9
    right = (test.probabilities.argmax(axis=-1) == test.targets)[sure].mean()
    assert sees == (
        "Below the diagonal, less came true than was promised; the gap that counts most: as trained, baseline_cnn "
        f"promises {test.probabilities.max(axis=-1)[sure].mean():.2f} on average for {round(sure.sum() / 3)} of "
        f"196 images, and {100 * right:.1f} % came true."
    )
    flat = sharpened(run, "baseline_cnn", 0.1)
    assert calibration.SECTION.figures(Context(flat))["reliability"].sees.startswith(
        "Above the diagonal, more came true"
    )


def test_the_figure_says_whose_probability_it_is_and_what_the_bars_leave_out(finished, multiclass):
    assert 'The probability is that of "positive".' in section_of(finished.page)
    assert "The probability is that of the answer" in section_of(multiclass.page)
    for drawn in (finished, multiclass):
        assert "count each image once, however many seed runs there are" in section_of(drawn.page)


def test_before_test_nothing_is_said(make_run):
    assert rendered(calibration, load(make_run(stage="seeds"))) == ""
