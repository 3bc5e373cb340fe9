import pytest

from study.evaluation.intervals import Interval
from study.records import Objective
from study.report.core.verdict import (
    OneAnswer,
    best_verdict,
    decision_verdict,
    gain_verdict,
    majority_verdict,
    optimism_verdict,
    shift_verdict,
    shift_warning,
    told_apart,
)
from study.wording import MINUS

APART, NEAR = Interval(0.1, 0.05, 0.15), Interval(0.01, -0.02, 0.04)
AUC, LOSS = Objective(), Objective(name="log_loss", title="Log loss", greater_is_better=False)
SCORES = {"a": Interval(0.7, 0.6, 0.8), "b": Interval(0.8, 0.7, 0.9), "c": Interval(0.79, 0.7, 0.9)}


def test_an_architecture_that_is_told_apart_from_all_others_ranks_best():
    sentence = best_verdict(SCORES, {("a", "b"): APART, ("b", "c"): APART, ("a", "c"): NEAR}, AUC)
    assert sentence.startswith("b ranks the images best, with test ROC-AUC 0.800")
    assert sentence.endswith("told apart from c and a.")


def test_the_highest_mean_alone_does_not_make_a_winner():
    sentence = best_verdict(SCORES, {("a", "b"): APART, ("b", "c"): NEAR, ("a", "c"): NEAR}, AUC)
    assert "not told apart from c; it is told apart from a." in sentence
    assert "best" not in sentence


def test_a_single_architecture_is_compared_with_nothing():
    sentence = best_verdict({"a": SCORES["a"]}, {}, AUC)
    assert "no other architecture" in sentence


def test_two_architectures_without_a_comparison_are_not_told_apart():
    assert not told_apart("a", "b", {})
    assert told_apart("b", "a", {("a", "b"): APART})


def test_an_undefined_score_never_ranks_first():
    undefined = Interval(float("nan"), float("nan"), float("nan"))
    assert best_verdict({"a": undefined, "b": SCORES["b"]}, {}, AUC).startswith("b has the highest")


@pytest.mark.parametrize(
    ("advantage", "words"),
    [
        (Interval(0.1, 0.05, 0.15), "a is more accurate than always"),
        (Interval(0.01, -0.02, 0.04), "a is not distinguishable in accuracy from always"),
        (
            Interval(0.49, -0.02, 0.8),
            f"a (by +0.490, but within an interval from {MINUS}0.020 to +0.800) is not distinguishable in accuracy "
            "from always",
        ),
        (Interval(-0.1, -0.15, -0.05), "a is less accurate than always"),
        (
            Interval(0.3, float("nan"), float("nan"), "too few seeds"),
            "a (by +0.300, but too few seeds) is not distinguishable in accuracy from always",
        ),
    ],
)
def test_accuracy_is_compared_with_always_giving_the_majority_answer(advantage, words):
    verdict = majority_verdict({"a": advantage}, majority_class="pos", baseline_accuracy=0.72)
    assert verdict == f'{words} answering "pos" (72.0 %).'


def test_a_network_that_gives_nearly_always_one_answer_is_named_even_if_others_do_not():
    verdict = decision_verdict(
        SCORES, {"a": APART, "b": NEAR}, {"a": OneAnswer(("pos",), 0.7), "b": OneAnswer(("neg",), 0.97)}
    )
    assert verdict.startswith('b gives the one answer "neg" for 97.0 % of the test images')
    assert "a gives" not in verdict


def test_a_network_whose_seed_runs_give_one_answer_each_is_named_too():
    given = {"b": OneAnswer(("neg", "pos"), 1.0)}
    assert 'b gives one answer, "neg" or "pos" by the seed, for 100.0 %' in decision_verdict(SCORES, {"b": NEAR}, given)


def test_a_network_that_ranks_well_but_decides_badly_is_told_from_one_that_does_neither():
    chance = Interval(0.52, 0.48, 0.56)
    verdict = decision_verdict(
        {"a": SCORES["a"], "b": SCORES["b"], "c": chance},
        {"a": APART, "b": NEAR, "c": NEAR},
        dict.fromkeys("abc", OneAnswer(("pos",), 0.6)),
    )
    assert verdict.startswith("b ranks the images better than chance all the same (ROC-AUC 0.800 (")
    assert ": it ranks better than it decides." in verdict
    assert verdict.endswith("c is not shown to rank the images better than chance either.")


def test_of_networks_that_decide_well_nothing_more_is_said():
    assert decision_verdict(SCORES, dict.fromkeys(SCORES, APART), dict.fromkeys(SCORES, OneAnswer(("p",), 0.6))) == ""


def test_a_gain_counts_only_if_its_interval_excludes_zero():
    verdict = gain_verdict({"a": APART, "b": NEAR, "c": Interval(-0.1, -0.2, -0.05)}, AUC)
    assert "Tuning raised the test ROC-AUC of a (+0.100" in verdict
    assert "no gain in test ROC-AUC over the document's recipe is shown for b" in verdict
    assert "lowered the test ROC-AUC of c (\N{MINUS SIGN}0.100" in verdict
    assert gain_verdict({}, AUC) == ""


def test_where_the_documents_recipe_won_the_verdict_says_so():
    verdict = gain_verdict({"a": APART}, AUC, ["b"])
    assert verdict.endswith("; the search found nothing better than the document's recipe for b.")


def test_the_recipe_that_was_started_from_is_called_the_documents_only_where_it_is():
    worse = Interval(-0.1, -0.2, -0.05)
    verdict = gain_verdict({"a": APART, "b": NEAR, "c": worse, "d": NEAR}, AUC, ["e"], not_documents=["d", "e"])
    assert "of a (+0.100 (+0.050 to +0.150)) over the document's recipe; " in verdict
    assert "no gain in test ROC-AUC over the starting recipe is shown for b (" in verdict
    assert "below the document's recipe; " in verdict
    assert verdict.endswith("; the search found nothing better than the starting recipe for e.")


def test_optimism_is_the_best_searched_score_minus_the_mean_of_fresh_seeds():
    verdict = optimism_verdict({"a": 0.9, "b": 0.8}, {"a": [0.85, 0.87], "b": []}, AUC)
    assert "a +0.040 (0.900 against 0.860)" in verdict
    assert "b" not in verdict.split(": ")[1]


def test_the_shift_is_told_with_its_interval():
    assert shift_verdict({"a": APART}, AUC).endswith("a +0.100 (+0.050 to +0.150).")
    assert shift_verdict({}, AUC) == ""


def test_a_fall_from_val_to_test_is_warned_of_only_where_it_is_large_and_no_luck():
    large, lucky, small = Interval(0.17, 0.1, 0.2), Interval(0.17, -0.02, 0.3), Interval(0.02, 0.01, 0.03)
    assert shift_warning({"a": large, "b": lucky, "c": small, "d": Interval(-0.1, -0.2, 0.0)}, AUC) == (
        "Val promises more than test holds: from val to test the ROC-AUC falls by 0.170 for a."
    )
    assert shift_warning({"b": lucky, "c": small}, AUC) == ""


def test_of_a_loss_the_lowest_is_best_and_a_rise_from_val_to_test_is_what_is_warned_of() -> None:
    losses = {"a": Interval(0.6, 0.5, 0.7), "b": Interval(0.4, 0.3, 0.5)}
    assert best_verdict(losses, {("a", "b"): NEAR}, LOSS).startswith("b has the lowest test log loss 0.400")
    assert best_verdict(losses, {("a", "b"): APART}, LOSS).startswith("b is best, with test log loss 0.400")
    assert shift_warning({"a": APART}, LOSS) == ""
    rise = Interval(-0.1, -0.2, -0.05)
    assert "the log loss rises by 0.100 for a" in shift_warning({"a": rise}, LOSS)
    assert gain_verdict({"a": rise}, LOSS).startswith("Tuning lowered the test log loss of a")
