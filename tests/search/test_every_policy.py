"""What holds for every search policy and every early stopping, also for those that others add."""

import math
import random
from collections.abc import Iterator
from typing import Any

import pytest
from ray import tune

from study import records, search
from study.errors import UnknownNameError
from study.records import COMPLETE, PAUSED, RUNNING, STOPPED, Objective, Trial
from study.search import Continue, History, Problem, Report, SearchPolicy, Start, Verdict, make_policy
from study.spec import Recipe, ray_domains

SPACE = {
    "lr": tune.loguniform(1e-5, 1e-1),
    "dropout": tune.uniform(0.0, 0.7),
    "augmentation": tune.choice(["none", "light", "strong"]),
}
POLICIES = search.policies.KIND.names()
STOPPINGS = search.early_stopping.KIND.names()
AUC = Objective()
LOSS = Objective(name="log_loss", title="Log loss", greater_is_better=False)


def problem(objective: Objective = AUC, **changes: Any) -> Problem:
    usual = {"architecture": "lenet", "trials": 12, "epochs": 9, "grace": 1, "seed": 3}
    return Problem(distributions=ray_domains.distributions(SPACE), objective=objective, **(usual | changes))


def score(recipe: Recipe, epoch: int, objective: Objective) -> float:
    quality = 1 - 0.1 * abs(math.log10(recipe.lr) + 3) - 0.2 * recipe.dropout - 1 / (epoch + 2)
    return quality if objective.greater_is_better else 1 - quality


class Played:
    """A search played with two slots whose trials take turns; trial 0 is the starting recipe."""

    def __init__(self, policy: SearchPolicy, problem: Problem, *, rebuilt: Any = None) -> None:
        self.policy, self.problem, self.rebuilt = policy, problem, rebuilt
        self.history = History([])
        self.trials: list[Trial] = []
        self.verdicts: list[Verdict] = []
        self._start(Start({}, "document"))
        self.turn = random.Random(0)

    def play(self) -> "Played":
        while True:
            live = [trial for trial in self.trials if trial.state == RUNNING]
            if len(live) < 2 and (decision := self._next()) is not None:
                if isinstance(decision, Continue):
                    paused = next(t for t in self.trials if t.id == decision.trial)
                    assert paused.state == PAUSED
                    paused.state = RUNNING
                else:
                    self._start(decision)
                continue
            if not live:
                return self
            self._train(self.turn.choice(live))

    def _next(self) -> Any:
        self.history.trials = list(self.trials)
        decision = self.policy.next(self.history)
        # Asked again, and asked of one that has only the history, the answer is the same.
        assert self.policy.next(self.history) == decision
        if self.rebuilt is not None:
            assert self.rebuilt().next(self.history) == decision
        return decision

    def _start(self, start: Start) -> None:
        number = len(self.trials)
        recipe = Recipe(lr=5e-2, dropout=0.6).with_values(start.values)
        objective = self.problem.objective
        self.trials.append(
            Trial(f"t{number}", "lenet", records.SEARCH, number, "search", recipe, 0, objective=objective)
        )

    def _train(self, trial: Trial) -> None:
        epoch, objective = len(trial.epochs) + 1, self.problem.objective
        value = score(trial.recipe, epoch, objective)
        trial.epochs.append({"epoch": epoch, f"val_{objective.name}": value, "seconds": 1.0, "time": 0.0})
        self.history.reports.append(Report(trial.id, epoch, value, 1.0))
        self.history.trials = list(self.trials)
        verdict = self.policy.on_epoch(self.history, trial)
        if self.rebuilt is not None:
            assert self.rebuilt().on_epoch(self.history, trial) == verdict
        self.verdicts.append(verdict)
        if epoch == self.problem.epochs:
            trial.state, trial.result = COMPLETE, {"best_loss": 1.0}
        elif verdict == Verdict.STOP and trial.number:
            trial.state = STOPPED
        elif verdict == Verdict.PAUSE and trial.number:
            trial.state = PAUSED


def combinations() -> Iterator[Any]:
    for objective in (AUC, LOSS):
        yield from (pytest.param(name, "asha", objective, id=f"{name}-asha-{objective.name}") for name in POLICIES)
        yield from (pytest.param("random", name, objective, id=f"random-{name}-{objective.name}") for name in STOPPINGS)


@pytest.mark.parametrize(("policy", "stopping", "objective"), [*combinations()])
def test_a_search_plays_to_its_end_and_is_a_function_of_its_history(
    policy: str, stopping: str, objective: Objective
) -> None:
    given = problem(objective)

    def make() -> SearchPolicy:
        return make_policy(given, search=policy, stopping=stopping)

    played = Played(make(), given, rebuilt=make).play()
    assert len(played.trials) == given.trials
    recipes = [tuple(getattr(trial.recipe, name) for name in SPACE) for trial in played.trials[1:]]
    assert len(set(recipes)) == len(recipes)
    for lr, dropout, augmentation in recipes:
        assert 1e-5 <= lr <= 1e-1
        assert 0 <= dropout <= 0.7
        assert augmentation in ("none", "light", "strong")


@pytest.mark.parametrize("stopping", STOPPINGS)
def test_early_stopping_ends_the_worse_ones_whichever_way_is_better(stopping: str) -> None:
    for objective in (AUC, LOSS):
        given = problem(objective, trials=24)
        played = Played(make_policy(given, search="random", stopping=stopping), given).play()
        stopped = [score(t.recipe, 9, objective) for t in played.trials[1:] if t.state == STOPPED]
        ended = [score(t.recipe, 9, objective) for t in played.trials[1:] if t.state == COMPLETE]
        if stopping == "none":
            assert not stopped
        else:
            assert stopped
            assert objective.merit(sum(ended) / len(ended)) > objective.merit(sum(stopped) / len(stopped))


@pytest.mark.parametrize("stopping", STOPPINGS)
def test_nobody_is_judged_before_the_grace_period_is_over(stopping: str) -> None:
    given = problem(grace=4, trials=24)
    played = Played(make_policy(given, search="random", stopping=stopping), given).play()
    assert all(len(trial.epochs) >= 4 for trial in played.trials)


@pytest.mark.parametrize("stopping", ["asha", "median"])
def test_a_trial_without_a_score_doesnt_go_on_where_others_have_one(stopping: str) -> None:
    given = problem()
    policy, history = make_policy(given, search="random", stopping=stopping), History([])
    for number in range(5):
        history.reports.append(Report(f"t{number}", 1, 0.5 + number / 10, 1.0))
        policy.on_epoch(history, _trial(number))
    history.reports.append(Report("t5", 1, math.nan, 1.0))
    assert policy.on_epoch(history, _trial(5)) == Verdict.STOP


@pytest.mark.parametrize("stopping", STOPPINGS)
@pytest.mark.parametrize("policy", POLICIES)
def test_it_describes_itself_for_manifest_and_report(policy: str, stopping: str) -> None:
    described = make_policy(problem(), search=policy, stopping=stopping).describe()
    assert described["title"]
    assert all(1 <= rung < 9 for rung in described["rungs"])


def test_what_isnt_there_is_refused_with_what_is() -> None:
    with pytest.raises(UnknownNameError, match=r"no search policy 'tep'. Did you mean 'tpe'"):
        make_policy(problem(), search="tep", stopping="asha")
    with pytest.raises(UnknownNameError, match=r"no early stopping 'ahsa'. Did you mean 'asha'"):
        make_policy(problem(), search="tpe", stopping="ahsa")


def _trial(number: int) -> Trial:
    return Trial(f"t{number}", "lenet", records.SEARCH, number, "search", Recipe(), 0)
