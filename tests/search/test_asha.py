import math
from typing import Any

import pytest
from ray import tune

from study.planning.manifest import grace_period
from study.search.early_stopping.asha import Rungs, rung_epochs
from study.spec import Recipe, Study


def test_rungs_grow_by_the_factor_and_end_below_the_full_budget() -> None:
    assert rung_epochs(15, grace=2, reduction_factor=3) == [2, 6]
    assert rung_epochs(6, grace=1, reduction_factor=3) == [1, 3]
    assert rung_epochs(3, grace=3, reduction_factor=3) == []


def test_the_first_trial_at_a_rung_goes_on() -> None:
    assert not Rungs([2], 3).record("a", 2, 0.1)


def test_only_the_best_third_goes_on() -> None:
    rungs = Rungs([1], 3)
    stopped = [rungs.record(str(i), 1, score) for i, score in enumerate([0.5, 0.6, 0.55, 0.7, 0.65, 0.66, 0.9])]
    #                  first   best  second   best  2nd of 5  2nd of 6  best
    assert stopped == [False, False, True, False, True, False, False]


def test_epochs_between_rungs_are_never_stopped() -> None:
    rungs = Rungs([2, 6], 3)
    rungs.record("good", 2, 0.9)
    assert not rungs.record("bad", 3, 0.1)
    assert rungs.record("bad", 2, 0.1)


def test_a_score_that_is_not_finite_is_stopped_and_not_recorded() -> None:
    rungs = Rungs([1], 3)
    assert rungs.record("nan", 1, math.nan)
    assert rungs.recorded == {1: {}}


def test_reporting_an_epoch_again_changes_nothing() -> None:
    rungs = Rungs([1], 3)
    for trial, score in (("a", 0.5), ("b", 0.6), ("c", 0.7)):
        rungs.record(trial, 1, score)
    before = {epoch: dict(scores) for epoch, scores in rungs.recorded.items()}
    rungs.record("d", 1, 0.8)
    before[1]["d"] = 0.8
    assert not rungs.record("a", 1, 0.5)
    assert rungs.recorded == before


def test_of_equal_trials_only_the_first_goes_on() -> None:
    rungs = Rungs([1], 3)
    assert [rungs.record(f"t{i}", 1, 0.5) for i in range(5)] == [False, True, True, True, True]
    assert not rungs.record("better", 1, 0.6)


@pytest.mark.parametrize(
    ("recipe", "space", "expected"),
    [
        (Recipe(), {}, 3),
        (Recipe(pretrained=True, freeze_epochs=4), {}, 5),
        (Recipe(schedule="onecycle"), {}, 5),
        (Recipe(), {"schedule": tune.choice(["constant", "onecycle"])}, 5),
        (Recipe(pretrained=True, freeze_epochs=5, schedule="onecycle"), {}, 8),
    ],
)
def test_no_trial_is_judged_while_it_is_frozen_or_warming_up(
    recipe: Recipe, space: dict[str, Any], expected: int
) -> None:
    study = Study(title="", dataset="brain_tumor_mri", image_size=64, pairs={"resnet18": recipe}, space=space)
    assert grace_period(study, "resnet18", 15) == expected
