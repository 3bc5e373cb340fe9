"""What is promised of every study, whichever file it is found in."""

import importlib

import pytest

from study import architectures, datasets, registry
from study.cli.study_selection import find_study
from study.planning.declared_study import check_space, with_architectures
from study.planning.pretrained_weights import check_freezing
from study.spec import BUDGETS, PublishedResult, Study, ray_domains

NAMES = registry.names("search_spaces")
DOCUMENTS = {"000", "001", "002", "003", "004"}

every_study = pytest.mark.parametrize("name", NAMES)


def scores(result: PublishedResult) -> list[float]:
    found = (result.accuracy, result.precision, result.recall, result.roc_auc, result.roc_auc_weighted)
    return [score for score in found if score is not None]


def complete(study: Study) -> Study:
    """As it is run: references with their own recipes."""
    return with_architectures(study, ())


def test_each_of_the_five_documents_has_its_study() -> None:
    assert {find_study(name).document for name in NAMES} == DOCUMENTS


@every_study
def test_its_file_says_how_it_is_run(name: str) -> None:
    text = importlib.import_module(f"search_spaces.{name}").__doc__ or ""
    assert f"python -m study.run {name} " in text
    assert f"python -m study.run {name} --data DIR" in text


@every_study
def test_its_dataset_and_its_architectures_exist_and_its_space_can_be_explored(name: str) -> None:
    study = complete(find_study(name))
    dataset = datasets.find(study.dataset)
    check_space(study, dataset)
    for pair in study.pairs:
        architectures.find(pair)
        assert ray_domains.distributions(study.space_of(pair)), pair


@every_study
def test_it_explores_what_every_study_should(name: str) -> None:
    study = complete(find_study(name))
    weighting = "pos_weight" if datasets.find(study.dataset).binary else "class_weight_power"
    for pair in study.pairs:
        assert {"lr", "dropout", "batchnorm", "augmentation", weighting} <= set(study.space_of(pair)), pair


@every_study
def test_each_network_of_the_document_has_its_published_rows(name: str) -> None:
    study = find_study(name)
    assert study.published
    assert {result.architecture for result in study.published} <= set(study.pairs)
    for result in study.published:
        assert result.split in ("train", "val", "test")
        assert scores(result)
        assert all(0 < score < 1 for score in scores(result))
    for row in study.published_epochs:
        assert row.architecture in study.pairs
        assert row.epoch >= 1


@every_study
def test_what_its_recipes_state_names_the_document(name: str) -> None:
    for recipe in find_study(name).pairs.values():
        assert recipe.stated
        assert all(where.startswith("document 0") for where in recipe.stated.values())


@every_study
@pytest.mark.parametrize("budget", BUDGETS)
def test_every_budget_outlasts_the_frozen_epochs_and_the_demo_is_small(name: str, budget: str) -> None:
    study = complete(find_study(name))
    given = study.budget(budget)
    check_freezing(study, given.epochs)
    assert given.trials >= 5
    if budget == "demo":
        assert (given.image_size or 0) <= 64
