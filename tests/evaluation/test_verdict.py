import pytest

from study.evaluation.bootstrap import Interval
from study.evaluation.verdict import (
    gain_verdict,
    majority_verdict,
    optimism_verdict,
    ranking_verdict,
    shift_verdict,
    shift_warning,
    told_apart,
)

APART, NEAR = Interval(0.1, 0.05, 0.15), Interval(0.01, -0.02, 0.04)
SCORES = {"a": Interval(0.7, 0.6, 0.8), "b": Interval(0.8, 0.7, 0.9), "c": Interval(0.79, 0.7, 0.9)}


def test_an_architecture_that_is_told_apart_from_all_others_ranks_best():
    sentence = ranking_verdict(SCORES, {("a", "b"): APART, ("b", "c"): APART, ("a", "c"): NEAR})
    assert sentence.startswith("b ranks the images best, with test ROC-AUC 0.800")
    assert sentence.endswith("told apart from c and a.")


def test_the_highest_mean_alone_does_not_make_a_winner():
    sentence = ranking_verdict(SCORES, {("a", "b"): APART, ("b", "c"): NEAR, ("a", "c"): NEAR})
    assert "not told apart from c; it is told apart from a." in sentence
    assert "best" not in sentence


def test_a_single_architecture_is_compared_with_nothing():
    sentence = ranking_verdict({"a": SCORES["a"]}, {})
    assert "no other architecture" in sentence


def test_two_architectures_without_a_comparison_are_not_told_apart():
    assert not told_apart("a", "b", {})
    assert told_apart("b", "a", {("a", "b"): APART})


def test_an_undefined_score_never_ranks_first():
    undefined = Interval(float("nan"), float("nan"), float("nan"))
    assert ranking_verdict({"a": undefined, "b": SCORES["b"]}, {}).startswith("b has the highest")


@pytest.mark.parametrize(
    ("advantage", "words"),
    [
        (Interval(0.1, 0.05, 0.15), "a is more accurate than always"),
        (Interval(0.01, -0.02, 0.04), "a is not distinguishable in accuracy from always"),
        (Interval(-0.1, -0.15, -0.05), "a is less accurate than always"),
    ],
)
def test_accuracy_is_compared_with_always_giving_the_majority_answer(advantage, words):
    verdict = majority_verdict({"a": advantage}, {"a": 0.6}, majority_class="pos", baseline_accuracy=0.72)
    assert verdict == f'{words} answering "pos" (72.0 %).'


def test_a_network_that_gives_nearly_always_one_answer_is_named_even_if_others_do_not():
    verdict = majority_verdict(
        {"a": APART, "b": NEAR}, {"a": 0.7, "b": 0.97}, majority_class="pos", baseline_accuracy=0.72
    )
    assert "b gives that one answer for 97.0 % of the test images" in verdict
    assert "a gives" not in verdict


def test_a_gain_counts_only_if_its_interval_excludes_zero():
    verdict = gain_verdict({"a": APART, "b": NEAR, "c": Interval(-0.1, -0.2, -0.05)})
    assert "Tuning raised the test ROC-AUC of a (+0.100" in verdict
    assert "no gain over the document's recipe is shown for b" in verdict
    assert "lowered the test ROC-AUC of c (\N{MINUS SIGN}0.100" in verdict
    assert gain_verdict({}) == ""


def test_where_the_documents_recipe_won_the_verdict_says_so():
    verdict = gain_verdict({"a": APART}, ["b"])
    assert verdict.endswith("; the search found nothing better than the document's recipe for b.")


def test_the_recipe_that_was_started_from_is_called_the_documents_only_where_it_is():
    worse = Interval(-0.1, -0.2, -0.05)
    verdict = gain_verdict({"a": APART, "b": NEAR, "c": worse, "d": NEAR}, ["e"], not_documents=["d", "e"])
    assert "of a (+0.100 (+0.050 to +0.150)) over the document's recipe; " in verdict
    assert "no gain over the starting recipe is shown for b (" in verdict
    assert "below the document's recipe; " in verdict
    assert verdict.endswith("; the search found nothing better than the starting recipe for e.")


def test_optimism_is_the_best_searched_score_minus_the_mean_of_fresh_seeds():
    verdict = optimism_verdict({"a": 0.9, "b": 0.8}, {"a": [0.85, 0.87], "b": []})
    assert "a +0.040 (0.900 against 0.860)" in verdict
    assert "b" not in verdict.split(": ")[1]


def test_shift_is_val_minus_test_of_the_same_seeds():
    verdict = shift_verdict({"a": [0.8, 0.9]}, {"a": [0.7, 0.9]})
    assert verdict.endswith("a +0.050.")
    assert shift_verdict({"a": [0.8]}, {"a": []}) == ""


def test_a_fall_from_val_to_test_is_warned_of_only_where_it_is_large():
    val = {"a": [0.98, 0.96], "b": [0.9]}
    assert shift_warning(val, {"a": [0.8, 0.8], "b": [0.89]}) == (
        "Val promises more than test holds: from val to test the ROC-AUC falls by 0.170 for a and 0.010 for b."
    )
    assert shift_warning(val, {"a": [0.95, 0.95], "b": [0.89]}) == ""
    assert shift_warning(val, {"a": [], "b": []}) == ""
