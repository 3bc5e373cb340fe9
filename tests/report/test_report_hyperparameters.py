import math
from dataclasses import replace

import pytest
from synthetic import changing

from study.report.core import style
from study.report.core.search_space import Explored, explored
from study.report.core.section import Context
from study.report.core.study_run import load
from study.report.core.style import VERMILLION
from study.report.search.accounting import first_rung, score_at, survivors
from study.report.search.hyperparameter_figures import hyperparameters, parallel_coordinates
from study.report.sections import search


@pytest.fixture
def run(audited):
    """Sixteen trials a pair, five audited, read anew so that a test may change it."""
    return load(audited.folder)


def test_a_value_stands_where_it_lies_in_its_range_or_list():
    scale = Explored(low=1e-4, high=1e-2, log=True)
    assert [scale.position(value) for value in (1e-4, 1e-3, 1e-2)] == pytest.approx([0, 0.5, 1])
    assert [Explored(low=0, high=4).position(value) for value in (1, 4)] == [0.25, 1]
    assert [Explored(values=(False, "adam", 3)).position(value) for value in (False, "adam", 3)] == [0, 0.5, 1]
    assert scale.words == "0.0001 to 0.01"
    assert Explored(values=(False, "adam", 3)).ticks == {0.0: "no", 0.5: "adam", 1.0: "3"}


def test_a_documents_value_outside_of_the_space_stands_beyond_its_end():
    scale = Explored(low=1e-4, high=1e-2, log=True)
    assert scale.position(0) < 0
    assert scale.position(1.0) > 1
    assert math.isnan(scale.position("balanced"))
    assert math.isnan(Explored(values=(16, 32)).position(64))


def test_the_spaces_of_all_pairs_are_joined_and_what_can_have_one_value_only_is_left_out(run):
    with changing(run) as manifest:
        manifest["space"]["lenet"] = {
            "lr": {"kind": "choice", "values": [0.1, 1e-3]},
            "depth": {"kind": "randint", "low": 2, "high": 5, "log": False},
            "batchnorm": {"kind": "choice", "values": [True]},
            "width": {"kind": "choice", "values": [16]},
        }
    found = explored(run)
    assert list(found) == ["lr", "depth", "batchnorm", "dropout"]
    assert (found["lr"].low, found["lr"].high, found["lr"].log) == (1e-5, 0.1, True)
    # Ray Tune leaves the upper bound of integers out.
    assert found["depth"].words == "2 to 4"
    assert found["batchnorm"].values == (True, False)


def test_the_trials_that_train_on_past_each_rung_are_counted(run, finished):
    # 16 trials, all of which reach the rung at epoch 3; every third ends there, unless it is audited.
    assert survivors(run, "lenet") == [16, 13]
    assert survivors(load(finished.folder), "lenet") == [8, 6]
    assert "train on from rung to rung: 8 to 6 of lenet, 8 to 6 of alexnet and 8 to 6 of hahnet." in finished.page


def test_each_trial_is_a_line_and_the_finalist_is_the_thick_one(run):
    figure = parallel_coordinates(run)
    for pair, axis in zip(run.pairs, figure.axes, strict=False):
        # A line for each of the three hyperparameters, and its ticks.
        lines = axis.lines[6:]
        assert len(lines) == len([trial for trial in run.search(pair) if trial.epochs])
        (finalist,) = [line for line in lines if line.get_color() == VERMILLION]
        recipe = run.state.finalist(pair).recipe
        spaces = explored(run)
        assert finalist.get_xdata() == pytest.approx(
            [s.position(getattr(recipe, n)) for n, s in spaces.items()], abs=0.05
        )


def test_a_hyperparameter_is_named_where_one_of_the_pairs_beside_has_it(run):
    lacking = [pair for pair in run.pairs if pair != "lenet"]
    with changing(run) as manifest:
        for pair in lacking:
            del manifest["space"][pair]["dropout"]
    first, second, third = parallel_coordinates(run).axes[:3]
    named = [
        [label.get_text() for label in axis.get_yticklabels() if label.get_text() in explored(run)]
        for axis in (first, second, third)
    ]
    assert run.pairs[0] == "lenet"
    assert named == [list(explored(run)), [], [name for name in explored(run) if name != "dropout"]]


def test_each_hyperparameter_has_a_panel_with_the_scores_at_the_first_rung(run):
    panels = {axis.get_title(): axis for axis in hyperparameters(run).axes if axis.get_visible()}
    assert list(panels) == ["lr", "dropout", "batchnorm"]
    shown = [score for line in panels["dropout"].lines for score in line.get_ydata() if math.isfinite(score)]
    known = [score_at(t, first_rung(run, pair)) for pair in run.pairs for t in run.search(pair)]
    assert sorted(shown) == pytest.approx(sorted(score for score in known if math.isfinite(score)))


def test_the_sentences_tell_what_good_trials_share_and_where_the_finalists_stood_at_the_first_rung(run):
    for trial in run.search("hahnet"):
        trial.recipe = replace(trial.recipe, batchnorm=trial.best_score > 0.8)
        for epoch in trial.epochs[:3]:
            epoch["val_roc_auc"] = 0.5
    finalist = run.state.finalist("hahnet")
    finalist.epochs[0]["val_roc_auc"] = 0.4
    finalist.epochs[1]["val_roc_auc"] = 0.4
    finalist.epochs[2]["val_roc_auc"] = 0.4
    found = search.SECTION.figures(Context(run))
    assert "batchnorm yes for hahnet" in found["parallel-coordinates"].sees
    assert "and 16 of 16 (hahnet)." in found["hyperparameters"].sees


def test_of_few_trials_nothing_is_said_to_agree(make_run):
    run = load(make_run(stage="seeds", num_trials=5))
    assert "agree" not in search.SECTION.figures(Context(run))["parallel-coordinates"].sees


@pytest.mark.parametrize("score", [0.5, math.nan])
def test_trials_of_one_score_are_drawn_and_those_without_any_are_not(make_run, score):
    run = load(make_run(stage="seeds", num_trials=3))
    for trial in run.state.of_kind("search"):
        for epoch in trial.epochs:
            epoch["val_roc_auc"] = score
    found = search.SECTION.figures(Context(run))
    assert ("parallel-coordinates" in found) == math.isfinite(score)
    if math.isfinite(score):
        style.png(found["parallel-coordinates"].draw)
