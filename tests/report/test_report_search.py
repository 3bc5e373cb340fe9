import math
import re

import numpy as np
import pytest
from rendered import rendered
from synthetic import changing

from study.records import EventLog
from study.report.core.study_run import load
from study.report.overview.summary import gaps
from study.report.search.accounting import audit, first_rung, growth, importance_of, num_audited, score_at, spending
from study.report.search.early_stopping import what_it_missed
from study.report.search.failures import failures, unequal
from study.report.search.figures import expected_best_lines
from study.report.sections import method, search
from study.wording import MINUS


def section(page):
    """The part of a report on its search."""
    return page[page.index("## Search") : page.index("## Finalists")]


def trial_of(run, pair, number):
    return run.search(pair)[number]


@pytest.fixture
def run(audited):
    """Sixteen trials a pair, five audited, read anew so that a test may change it."""
    return load(audited.folder)


def test_the_cost_without_rungs_takes_each_trials_own_pace(make_run):
    run = load(make_run(stage="seeds"))
    for epoch in trial_of(run, "lenet", 2).epochs:
        epoch["seconds"] = 100.0
    spent = spending(run, "lenet")
    assert spent.states == {"COMPLETE": 6, "STOPPED": 2, "FAILED": 0, "RUNNING": 0}
    assert (spent.epochs, spent.full_epochs) == (6 * 9 + 2 * 3, 8 * 9)
    assert spent.seconds == pytest.approx(6 * 9 * 60 + 3 * 60 + 3 * 100)
    assert spent.full_seconds == pytest.approx(6 * 9 * 60 + 9 * 60 + 9 * 100)
    assert spent.saved == pytest.approx(1 - spent.seconds / spent.full_seconds)


def test_epochs_that_a_recipe_saves_by_its_own_early_stopping_are_not_the_rungs(make_run):
    run = load(make_run(stage="seeds"))
    del trial_of(run, "lenet", 1).epochs[5:]
    assert spending(run, "lenet").full_epochs == 7 * 9 + 5


def test_the_cost_stands_in_the_section_with_its_sum(finished):
    assert "| lenet | 60 | 72 | 60.0 | 72.0 | 16.7 % |" in section(finished.page)
    assert "| **all** | 180 | 216 | 180.0 | 216.0 | 16.7 % |" in section(finished.page)
    assert "| lenet | 6 | 2 | 0 |" in section(finished.page)


def test_failed_trials_are_kept_apart_from_what_was_saved(audited, run, standin):
    spent = spending(run, "alexnet")
    assert (spent.states["FAILED"], spent.failed_seconds, spent.ended) == (3, 180.0, 13)
    assert "FAILED trials are not in the table; they took 3.0 minutes more." in section(audited.page)
    nothing = spending(load(standin.folder), "lenet")
    assert (nothing.epochs, nothing.full_epochs, nothing.states["FAILED"]) == (0, 0, 8)
    assert math.isnan(nothing.saved)
    assert "| lenet | 0 | 0 | 0.0 | 0.0 | \N{EM DASH} |" in section(standin.page)


def test_no_section_tells_of_costs_before_a_trial_has_ended(make_run):
    text = rendered(search, load(make_run(stage="declared")))
    assert "###" in text
    assert "What it cost" not in text
    assert "mattered" not in text


def test_the_expected_best_starts_from_the_given_recipes_and_ends_at_the_best(run):
    grown = growth(run, "lenet")
    # Trial 0 is the document's and trial 1 the default.
    given = max(score_at(trial_of(run, "lenet", number), 9) for number in (0, 1))
    assert grown.trials.tolist() == list(range(2, 17))
    assert grown.best[0] == pytest.approx(given)
    assert grown.best[-1] == pytest.approx(max(t.best_score for t in run.search("lenet")))
    assert (np.diff(grown.best) >= 0).all()
    assert grown.second_half == pytest.approx(grown.best[-1] - grown.best[6])


def test_in_an_old_log_the_declared_trials_are_told_from_the_searched_ones_by_their_number(make_run):
    folder = make_run(version="0.1.0", stage="seeds", manifest={"tried": {"hahnet": [{"lr": 0.1}, {"lr": 0.2}]}})
    run = load(folder)
    assert growth(run, "hahnet").trials.tolist() == list(range(3, 9))
    assert growth(run, "lenet").trials.tolist() == list(range(1, 9))
    assert num_audited(run) == 0
    assert "Unknown: no trial was audited. `--audit N`" in rendered(search, run)


def test_a_pair_without_a_score_has_no_line(standin):
    run = load(standin.folder)
    assert growth(run, "lenet") is None
    (axis,) = expected_best_lines(run).axes
    assert [line.get_label() for line in axis.lines if not line.get_label().startswith("_")] == ["alexnet", "hahnet"]


def test_small_gains_look_flat(run):
    (axis,) = expected_best_lines(run).axes
    assert np.ptp(axis.get_ylim()) >= 0.02


def test_the_sentence_above_the_expected_best_gives_the_gain_of_the_second_half(audited, run):
    gains = {pair: growth(run, pair).second_half for pair in run.pairs}
    risen = {pair: gain for pair, gain in gains.items() if gain >= 0.001}
    (sentence,) = re.findall(r"is expected to have gained (.+?)\.$", section(audited.page), re.MULTILINE)
    assert risen
    assert all(f"+{gain:.3f} for {pair}" in sentence for pair, gain in risen.items())
    assert "not independent: the search learns from each" in section(audited.page)


def test_only_trials_that_were_chosen_in_advance_are_audited(run):
    found = audit(run, "hahnet")
    assert [trial.number for trial in found.trials] == [0, 1, 2, 3, 4, 5]
    assert [trial.number for trial in found.spared] == [2, 5]
    assert -1 <= found.tau.low <= found.tau.mean <= found.tau.high <= 1


def test_the_rank_correlation_is_between_the_best_at_the_first_rung_and_at_the_end(run):
    for number, scores in enumerate([(0.6, 0.9), (0.7, 0.6), (0.5, 0.7), (0.8, 0.95), (0.4, 0.6), (0.55, 0.8)]):
        for epoch in trial_of(run, "hahnet", number).epochs:
            epoch["val_roc_auc"] = scores[0] if epoch["epoch"] == 2 else 0.3
        trial_of(run, "hahnet", number).epochs[-1]["val_roc_auc"] = scores[1]
    # Trial 1's best, 0.7, was that of the first rung, and so trial 2's end is tied with it: 12 pairs agree, 2 don't.
    assert audit(run, "hahnet").tau.mean == pytest.approx((12 - 2) / math.sqrt(15 * 14))


def test_an_audit_that_cost_no_winner_says_so_and_names_the_best_that_a_rung_would_have_ended(run):
    for pair in run.pairs:
        for number in (2, 5):
            for epoch in trial_of(run, pair, number).epochs:
                epoch["val_roc_auc"] = 0.5 + 0.01 * number
    heading, words, table = what_it_missed(run)
    assert heading == "### Did early stopping throw away a winner?"
    # The nearer its finalist, the closer a winner was to being lost.
    gap = run.state.finalist("alexnet").best_score - 0.55
    assert words.startswith(
        "What to see: early stopping threw away no winner among the 18 trials that were never stopped. Rungs would "
        f"have ended 6 of them; the closest, alexnet's trial 5 with 0.550, ended {gap:.3f} below the finalist."
    )
    tau, best = audit(run, "hahnet").tau, run.state.finalist("hahnet").best_score
    shown = f"{tau.mean:.2f} ({tau.low:.2f} to {tau.high:.2f})".replace("-", MINUS)
    assert f"| hahnet | 6 | {shown} | 2 | 0.550 | {best:.3f} |" in table


def test_a_winner_that_a_rung_would_have_ended_is_named_with_what_would_have_won_instead(run):
    trial_of(run, "hahnet", 5).epochs[-1]["val_roc_auc"] = 0.9999
    words = what_it_missed(run)[1]
    second = max(
        (t for t in run.search("hahnet") if t.state == "COMPLETE" and not t.spared), key=lambda t: t.best_score
    )
    assert re.match("What to see: early stopping would have thrown away the winner of (alexnet and )?hahnet\\.", words)
    assert (
        f"A rung would have ended the finalist of hahnet, trial 5 with 1.000, after 3 epochs; then the best would have "
        f"been trial {second.number} with {second.best_score:.3f}."
    ) in words


def test_an_audit_in_which_no_rung_would_have_ended_a_trial_says_nothing_of_the_cost(run):
    for pair in run.pairs:
        for trial in run.search(pair):
            trial.spared.clear()
    assert "so they say nothing of what early stopping costs" in what_it_missed(run)[1]


def test_an_audit_of_too_few_trials_has_no_rank_correlation(make_run):
    run = load(make_run(stage="seeds", num_trials=4, audit=2))
    _, words, table = what_it_missed(run)
    assert "It needs at least 4 trials: too few for lenet, alexnet and hahnet." in words
    assert "| lenet | 3 | \N{EM DASH} | 1 |" in table


def test_an_audit_that_has_only_begun_says_so(make_run):
    run = load(make_run(stage="declared", audit=2, manifest={"budget": {"audit": 2}}))
    assert what_it_missed(run)[1] == "No audited trial has run to its end yet."


def test_a_document_recipe_that_a_rung_would_have_ended_is_told_without_an_audit_too(make_run):
    run = load(make_run(stage="seeds"))
    trial_of(run, "lenet", 0).spared.append(3)
    words = what_it_missed(run)[1]
    assert "--audit N" in words
    assert "A rung would have ended the finalist of lenet, trial 0" in words


def test_the_method_says_how_the_books_were_kept(run, finished):
    assert "5 trials of each pair, chosen before they began, and trial 0 are never stopped early" in rendered(
        method, run
    )
    assert "No trials were audited" in finished.page


def test_importance_is_that_for_the_score_at_the_first_rung(run):
    assert first_rung(run, "hahnet") == 3
    before = importance_of(run, "hahnet")
    assert list(before.shares) == ["lr", "dropout", "batchnorm"]
    assert before.num_trials == 16
    # What happens after the rung is of another fidelity.
    for trial in run.search("hahnet"):
        for epoch in trial.epochs[3:]:
            epoch["val_roc_auc"] = 0.99 if trial.number % 2 else 0.1
    assert importance_of(run, "hahnet") == before


def test_a_budget_without_rungs_compares_trials_at_their_end(run):
    with changing(run) as manifest:
        manifest["pairs"]["hahnet"]["rungs"] = []
    assert first_rung(run, "hahnet") == 9
    assert importance_of(run, "hahnet").num_trials == sum(t.state == "COMPLETE" for t in run.search("hahnet"))


def test_importance_is_shown_as_rounded_shares_with_what_stands_above_chance(audited, run):
    rows = re.findall(r"^\| (lr|dropout|batchnorm) \| \**(\d+) %\** \| .+", section(audited.page), re.MULTILINE)
    shares = importance_of(run, "lenet").shares
    assert [(name, f"{100 * shares[name].value:.0f}") for name in shares] == rows
    assert "What to see, above chance: " in section(audited.page)
    assert "and 9 are tested." in section(audited.page)


def test_too_few_trials_for_importance_are_named(finished, audited):
    few = "Importance needs at least 13 trials that reached the first rung with values inside the space: too few for "
    assert few + "lenet (8 trials), alexnet (8 trials) and hahnet (8 trials)." in section(finished.page)
    assert few not in section(audited.page) or "alexnet (13 trials)" not in section(audited.page)


def test_equal_scores_at_the_first_rung_have_no_importance(run):
    for trial in run.search("hahnet"):
        for epoch in trial.epochs:
            epoch["val_roc_auc"] = 0.5
    assert "At the first rung the best third of the trials of hahnet can't be told from the rest." in rendered(
        search, run
    )


def test_trials_that_were_tried_again_are_counted_and_named_with_their_causes(audited, finished):
    text = section(audited.page)
    assert (
        "Tried again from the last checkpoint after something broke: 2 trials, none of which FAILED in the end: "
        "lenet trial 4 (lost, out of memory) and lenet document seed run 0 (hung)."
    ) in text
    assert "micro-batches to the same batch size: lenet trial 4 (16 of 32 images at a time)." in text.replace(
        " (batch normalization saw the smaller ones)", ""
    )
    assert "Tried again" not in finished.page
    assert "micro-batches" not in finished.page


def test_of_many_trials_that_were_tried_again_the_first_are_named(run):
    for trial in run.search("hahnet"):
        trial.attempts.extend([{"kind": "lost"}, {"kind": "lost"}])
        trial.micro_batch = 4
    text = rendered(search, run)
    assert "18 trials, none of which FAILED in the end: " in text
    assert "(2 x lost), " in text
    assert "and 12 others." in text


def test_a_known_good_default_is_told_from_what_the_document_tried(audited):
    assert re.search(
        r"Trial 1 of lenet \(lr [\de.-]+, dropout 0.2\) is a known-good default of this project", section(audited.page)
    )


def test_searches_that_lost_trials_are_named_with_the_causes_and_as_unequal(audited):
    missing = audited.page[audited.page.index("**What is missing:**") :]
    assert (
        "- alexnet: 13 of 16 trials ended; 3 FAILED (2 diverged: loss is nan; 1 out of memory: OutOfMemoryError: 2 "
        "GiB)."
    ) in missing
    assert (
        "- The comparison is unequal: the finalist of lenet and hahnet was chosen from 16 trials that ended, that of "
        "alexnet from 13, 3 fewer."
    ) in missing


def test_a_search_that_is_still_under_way_is_not_called_unequal(make_run):
    run = load(make_run(stage="searching", failed={"alexnet": 3}))
    assert unequal(run) == []
    assert len(failures(run, "alexnet")) == 1
    # Nor one that was interrupted between two trials.
    run = load(make_run(stage="seeds", name="between"))
    del run.state.trials["lenet-search-7"]
    assert unequal(run) == []


def test_a_single_trial_that_failed_is_all_there_was(make_run):
    run = load(make_run(stage="seeds", num_trials=1, failed={"hahnet": 1}))
    assert failures(run, "hahnet") == [
        "The only searched trial of hahnet FAILED: out of memory: OutOfMemoryError: 2 GiB."
    ]
    assert not [gap for gap in gaps(run) if "unequal" in gap]


def test_a_long_reason_is_cut(make_run):
    folder = make_run(stage="searching", num_trials=2, failed={"lenet": 1})
    log = EventLog(folder.events)
    log.append("failed", trial="lenet-search-1", kind="error", reason="x" * 500, traceback="")
    log.close()
    (words,) = failures(load(folder), "lenet")
    assert words == f"lenet: 1 of 2 trials ended; 1 FAILED (error: {'x' * 120}...)."
