"""A declaration that can't be run is refused with the field, the rule and the value."""

import re
from dataclasses import replace
from typing import Any

import pytest

from study.errors import DeclarationError, UnknownNameError
from study.spec import BUDGETS, HYPERPARAMETERS, Budget, Recipe, Study


def make_study(**values: Any) -> Study:
    defaults = {"title": "T", "dataset": "d", "image_size": 96, "pairs": {"lenet": Recipe()}, "space": {}}
    return Study(**{**defaults, **values})


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("optimizer", "adan", "one of adam, adamw, sgd"),
        ("schedule", "step", "one of constant, cosine, onecycle"),
        ("augmentation", "heavy", "one of none, light, strong"),
        ("lr", 0, "greater than 0"),
        ("lr", float("nan"), "greater than 0"),
        ("lr", "1e-3", "number"),
        ("weight_decay", -0.1, "0 or more"),
        ("batch_size", 0, "1 or more"),
        ("batch_size", 16.5, "whole number"),
        ("early_stopping", -1, "0 (never) or more epochs"),
        ("class_weight_power", 1.01, "in [0, 1]"),
        ("dropout", 1.0, "in [0, 1)"),
        ("dropout", -0.1, "in [0, 1)"),
        ("dropout", None, "number"),
        ("lr", True, "number"),
        ("batchnorm", "no", "True or False"),
        ("kernel_size", 4, "odd"),
        ("kernel_size", -1, "odd"),
        ("dense_units", 0, "1 or more"),
        ("dense_units", 64.5, "whole number"),
        ("pos_weight", 0, 'greater than 0 or "balanced"'),
        ("pos_weight", "balance", 'greater than 0 or "balanced"'),
    ],
)
def test_a_wrong_value_is_refused_with_field_rule_and_value(field: str, value: Any, rule: str) -> None:
    with pytest.raises(DeclarationError) as refusal:
        Recipe(**{field: value})
    for part in (field, rule, repr(value)):
        assert part in str(refusal.value)
    with pytest.raises(DeclarationError):
        Recipe().with_values({field: value})


def test_the_edges_of_the_rules_are_allowed() -> None:
    Recipe(weight_decay=0, batch_size=1, early_stopping=0, class_weight_power=1, dropout=0, kernel_size=1)
    Recipe(class_weight_power=0, dropout=0.999, pos_weight="balanced", dense_units=1)


def test_with_values_replaces_and_drops_what_was_stated_of_the_replaced() -> None:
    recipe = Recipe(lr=1e-4, stated={"lr": "document 001, line 9", "optimizer": "document 001, line 8"})
    changed = recipe.with_values({"lr": 0.01, "batch_size": 8})
    assert changed == Recipe(lr=0.01, batch_size=8, stated={"optimizer": "document 001, line 8"})
    assert recipe.lr == 1e-4
    assert "lr" in recipe.stated


def test_unknown_hyperparameters_are_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match=r"no hyperparameter 'drop_out'. Did you mean 'dropout'"):
        Recipe().with_values({"drop_out": 0.1})
    with pytest.raises(UnknownNameError, match="Did you mean 'optimizer'"):
        Recipe(stated={"optimiser": "document 001"})
    with pytest.raises(UnknownNameError, match="Did you mean 'batch_size'"):
        make_study(space={"batchsize": object()})
    with pytest.raises(UnknownNameError, match="Did you mean 'kernel_size'"):
        make_study(pair_space={"lenet": {"kernelsize": object()}})


def test_hyperparameters_are_all_fields_but_what_is_stated() -> None:
    values = Recipe(stated={"lr": "document 001"}).hyperparameters()
    assert tuple(values) == HYPERPARAMETERS
    assert "stated" not in values
    assert Recipe(**values) == Recipe()


def test_a_pairs_own_space_adds_to_the_studys_and_replaces_its_domains() -> None:
    pairs = {"lenet": Recipe(), "alexnet": Recipe()}
    study = make_study(pairs=pairs, space={"lr": "wide"}, pair_space={"alexnet": {"lr": "narrow", "dropout": "any"}})
    assert study.space_of("lenet") == {"lr": "wide"}
    assert study.space_of("alexnet") == {"lr": "narrow", "dropout": "any"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pairs": {}}, "at least one pair"),
        ({"val_fraction": 0}, "val_fraction must be in (0, 1), but is 0"),
        ({"val_fraction": 1.0}, "val_fraction must be in (0, 1), but is 1.0"),
        ({"pair_space": {"lenett": {}}}, "Did you mean 'lenet'"),
        ({"image_sizes": {"lenett": 64}}, "Did you mean 'lenet'"),
        ({"image_sizes": {"lenet": 0}}, "image_sizes['lenet'] must be a whole number of pixels, but is 0"),
    ],
)
def test_a_study_that_cannot_be_run_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises((DeclarationError, UnknownNameError), match=re.escape(message)):
        make_study(**values)


def test_a_budget_takes_the_studys_image_size_unless_it_has_its_own() -> None:
    study = make_study()
    assert study.budget("standard") == replace(BUDGETS["standard"], image_size=96)
    assert study.budget("demo") == BUDGETS["demo"]
    own = make_study(budgets={"demo": Budget(trials=2, epochs=3, seeds=1, image_size=48)})
    assert own.budget("demo").image_size == 48
    assert own.budget("full").image_size == 96


def test_a_study_of_small_images_is_not_enlarged_by_a_budget() -> None:
    assert make_study(image_size=32).budget("demo").image_size == 32


def test_a_budget_limits_the_image_size_of_every_pair() -> None:
    study = make_study(references=("resnet18", "alexnet"), image_sizes={"resnet18": 224, "alexnet": 48})
    assert study.image_sizes_with("standard") == {"lenet": 96, "resnet18": 224, "alexnet": 48}
    assert study.image_sizes_with("demo") == {"lenet": 64, "resnet18": 64, "alexnet": 48}


def test_an_unknown_budget_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match=r"no budget 'standart'. Did you mean 'standard'"):
        make_study().budget("standart")


@pytest.mark.parametrize("field", ["trials", "epochs", "seeds", "image_size"])
def test_an_impossible_budget_is_refused_by_field_and_value(field: str) -> None:
    values = {"trials": 1, "epochs": 1, "seeds": 1, "image_size": 16}
    Budget(**values)
    with pytest.raises(DeclarationError, match=f"{field} = 0"):
        Budget(**{**values, field: 0})


def test_a_study_of_too_small_images_is_refused_when_its_budget_is_asked_for() -> None:
    with pytest.raises(DeclarationError, match="image_size = 8"):
        make_study(image_size=8).budget("standard")
