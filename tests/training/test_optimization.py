"""Optimizers and schedules are those of the recipe, and a schedule spans the whole budget."""

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from study.spec import SCHEDULES, Recipe
from study.training.optimization import make_optimizer, make_schedule

LR = 0.02


def optimizer_of(model: nn.Module | None = None, **values: object) -> Optimizer:
    return make_optimizer(model or nn.Linear(2, 2), Recipe(lr=LR, **values))


def learning_rates(schedule: str, num_steps: int) -> list[float]:
    """The learning rate of each step."""
    model = nn.Linear(2, 2)
    recipe = Recipe(lr=LR, schedule=schedule)
    optimizer = make_optimizer(model, recipe)
    stepper = make_schedule(optimizer, recipe, num_steps)
    rates = []
    for _ in range(num_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        model(torch.ones(1, 2)).sum().backward()
        optimizer.step()
        stepper.step()
    return rates


@pytest.mark.parametrize(("name", "kind"), [("adam", Adam), ("adamw", AdamW), ("sgd", SGD)])
def test_the_optimizer_is_the_recipes_with_its_values(name: str, kind: type[Optimizer]) -> None:
    optimizer = optimizer_of(optimizer=name, weight_decay=0.01)
    assert type(optimizer) is kind
    (group,) = optimizer.param_groups
    assert group["lr"] == LR
    assert group["weight_decay"] == 0.01
    if name == "sgd":
        assert group["momentum"] == 0.9
        assert group["nesterov"] is True


def test_frozen_parameters_are_not_optimized() -> None:
    model = nn.Linear(2, 2)
    model.bias.requires_grad_(False)
    (group,) = optimizer_of(model).param_groups
    assert [p is model.weight for p in group["params"]] == [True]


def test_a_constant_schedule_never_changes() -> None:
    assert learning_rates("constant", 30) == [LR] * 30


def test_a_cosine_schedule_falls_from_the_peak_to_almost_zero_with_half_of_it_in_the_middle() -> None:
    rates = learning_rates("cosine", 100)
    assert rates[0] == LR
    assert rates == sorted(rates, reverse=True)
    assert rates[50] == pytest.approx(LR / 2)
    assert 0 < rates[-1] < 0.001 * LR


def test_a_onecycle_schedule_rises_to_the_peak_and_falls_to_almost_zero_within_the_budget() -> None:
    rates = learning_rates("onecycle", 100)
    peak = rates.index(max(rates))
    assert max(rates) == pytest.approx(LR)
    assert 20 < peak < 40
    assert rates[0] < LR / 10
    assert rates[-1] < 0.001 * LR


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("num_steps", [1, 2, 3, 4, 10])
def test_the_shortest_budgets_have_a_schedule(schedule: str, num_steps: int) -> None:
    assert all(0 <= rate <= LR * (1 + 1e-9) for rate in learning_rates(schedule, num_steps))
