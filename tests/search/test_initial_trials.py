"""What is tried before the search is left to itself."""

from typing import Any

import pytest
from ray import tune

from study import registry
from study.cli.study_selection import find_study
from study.datasets import find as find_dataset
from study.search.initial_trials import first_values
from study.spec import Recipe, ray_domains

STUDIES = registry.names("search_spaces")


def values(recipe: Recipe, domains: dict[str, Any], *tried: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return first_values(recipe, ray_domains.distributions(domains), tried)


def test_the_default_takes_only_what_is_searched_and_lies_in_the_space() -> None:
    domains = {"lr": tune.loguniform(1e-5, 1e-4), "dropout": tune.uniform(0.0, 0.5), "batchnorm": tune.choice([False])}
    assert values(Recipe(), domains) == [("default", {"dropout": 0.2})]


def test_what_the_study_declares_comes_first() -> None:
    domains = {"lr": tune.loguniform(1e-5, 1e-1)}
    assert values(Recipe(lr=1e-2), domains, {"lr": 1e-4}) == [("tried", {"lr": 1e-4}), ("default", {"lr": 1e-3})]


def test_a_default_that_is_no_new_recipe_is_left_out() -> None:
    domains = {"lr": tune.loguniform(1e-5, 1e-1)}
    assert values(Recipe(lr=1e-3), domains) == []
    assert values(Recipe(lr=1e-2), domains, {"lr": 1e-3}) == [("tried", {"lr": 1e-3})]


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_begins_with_recipes_that_it_allows(name: str) -> None:
    study = find_study(name)
    assert find_dataset(study.dataset)
    for pair, recipe in study.pairs.items():
        for _, given in values(recipe, study.space_of(pair), *study.tried.get(pair, ())):
            recipe.with_values(given)
