import math
import statistics
from typing import Any

import pytest
from optuna.trial import TrialState
from ray import tune

from study import records
from study.records import COMPLETE, FAILED, RUNNING, STOPPED, Trial
from study.search import History, Problem, SearchPolicy, Start, make_policy
from study.search.optuna_sampler import OptunaSampler, frozen_trial
from study.search.policies import tpe
from study.spec import Recipe, ray_domains

DISTRIBUTIONS = ray_domains.distributions({"lr": tune.loguniform(1e-5, 1e-1), "dropout": tune.uniform(0.0, 0.7)})


def policy(seed: int = 0, architecture: str = "lenet") -> SearchPolicy:
    problem = Problem(architecture=architecture, distributions=DISTRIBUTIONS, trials=100, epochs=2, seed=seed)
    return make_policy(problem, search="tpe", stopping="none")


def suggested(by: SearchPolicy, history: list[Trial]) -> dict[str, Any]:
    start = by.next(History(history))
    assert isinstance(start, Start)
    return dict(start.values)


def score(recipe: Recipe) -> float:
    return 1 - 0.1 * abs(math.log10(recipe.lr) + 3) - 0.2 * recipe.dropout


def searched(recipe: Recipe, number: int, state: str = COMPLETE) -> Trial:
    epochs = [{"epoch": 1, "val_roc_auc": score(recipe) - 0.2}, {"epoch": 2, "val_roc_auc": score(recipe)}]
    return Trial(
        id=str(number),
        pair="lenet",
        kind=records.SEARCH,
        number=number,
        recipe_name=records.SEARCH,
        recipe=recipe,
        seed=0,
        state=state,
        epochs=epochs,
        result={"reason": "the loss became NaN"} if state == FAILED else {},
    )


def scores_of_a_search(seed: int, num_trials: int) -> list[float]:
    search, history = policy(seed), [searched(Recipe(lr=5e-2, dropout=0.6), 0)]
    for number in range(1, num_trials):
        history.append(searched(Recipe().with_values(suggested(search, history)), number))
    return [trial.best_score for trial in history]


def test_the_model_suggests_better_recipes_than_the_random_start() -> None:
    runs = [scores_of_a_search(seed, 40) for seed in range(5)]
    start = statistics.mean(s for run in runs for s in run[1:6])
    end = statistics.mean(s for run in runs for s in run[-15:])
    assert end > start + 0.03


def test_a_suggestion_follows_from_the_history_alone() -> None:
    history = [searched(Recipe(lr=10**-i, dropout=0.1), i) for i in range(5)]
    one = suggested(policy(), history)
    assert suggested(policy(), history) == one
    assert suggested(policy(seed=1), history) != one
    assert suggested(policy(architecture="alexnet"), history) != one


@pytest.mark.parametrize(
    ("state", "expected", "value"),
    [
        (COMPLETE, TrialState.COMPLETE, pytest.approx(0.9)),
        (STOPPED, TrialState.PRUNED, None),
        (FAILED, TrialState.FAIL, None),
        (RUNNING, TrialState.RUNNING, None),
    ],
)
def test_optuna_learns_the_true_state_with_all_epochs(state: str, expected: TrialState, value: object) -> None:
    trial = frozen_trial(searched(Recipe(lr=1e-3, dropout=0.5), 0, state), DISTRIBUTIONS)
    assert trial.state == expected
    assert trial.value == value
    assert trial.intermediate_values == ({1: pytest.approx(0.7), 2: pytest.approx(0.9)} if state != RUNNING else {})


def test_a_recipe_outside_the_space_is_known_by_what_lies_inside() -> None:
    trial = frozen_trial(searched(Recipe(lr=0.5, dropout=0.5), 0), DISTRIBUTIONS)
    assert trial.params == {"dropout": 0.5}
    assert trial.user_attrs["outside"] == ["lr"]


def test_a_search_that_followed_along_suggests_what_one_rebuilt_from_the_records_does() -> None:
    followed, history = policy(), [searched(Recipe(lr=5e-2, dropout=0.6), 0)]
    for number in range(1, 20):
        values = suggested(followed, history)
        assert values == suggested(policy(), history)
        # Each trial is still running when the next one is suggested.
        history.append(searched(Recipe().with_values(values), number, RUNNING))
        ended = (COMPLETE, STOPPED, FAILED)[number % 3]
        history[-2] = searched(history[-2].recipe, number - 1, ended)


def test_a_trial_that_was_running_when_it_became_known_is_told_of_when_it_ends() -> None:
    problem = Problem(architecture="lenet", distributions=DISTRIBUTIONS, trials=100, epochs=2)
    sampler = OptunaSampler(problem, tpe._sampler, title="TPE")
    sampler.suggest(History([searched(Recipe(), 0, RUNNING), searched(Recipe(lr=1e-3, dropout=0.2), 1, RUNNING)]))
    ended = [searched(Recipe(), 0), searched(Recipe(lr=1e-3, dropout=0.2), 1, STOPPED), searched(Recipe(), 2)]
    sampler.suggest(History(ended))
    known = sampler._study.get_trials()[:2]
    assert [trial.state for trial in known] == [TrialState.COMPLETE, TrialState.PRUNED]
    assert all(set(trial.intermediate_values) == {1, 2} for trial in known)


def test_a_trial_that_ran_to_its_end_without_a_score_is_a_failure_to_optuna() -> None:
    trial = searched(Recipe(lr=1e-3, dropout=0.5), 0)
    trial.epochs = [epoch | {"val_roc_auc": math.nan} for epoch in trial.epochs]
    assert frozen_trial(trial, DISTRIBUTIONS).state == TrialState.FAIL
    assert suggested(policy(), [trial])
