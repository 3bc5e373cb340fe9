"""Every hyperparameter that a study searches makes a difference, in every pair."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from study import architectures, datasets, registry
from study.spec import HYPERPARAMETERS, Study
from study.training.data import Images
from study.training.pretrained import Pretrained
from study.training.trainer import Training
from study.training.training_run import Run

BINARY = [i % 2 for i in range(80)]

MakeImages = Callable[..., Images]
MakeRun = Callable[..., Run]


def without_times(metrics: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if not name.startswith("seconds")}


def searched() -> list[tuple[str, str]]:
    """Every pair of every study."""
    pairs = []
    for name in registry.names("search_spaces"):
        study: Study = registry.find("search_spaces", name, attribute="STUDY", kind="study")
        pairs += [(name, pair) for pair in study.names]
    return pairs


def other_value(domain: Any, value: Any) -> Any:
    """A value of the domain that isn't the recipe's."""
    for seed in range(100):
        sampled = domain.sample(random_state=seed)
        if sampled != value:
            return sampled
    raise AssertionError(f"{domain} has no value but {value}")


@pytest.mark.parametrize(("study_name", "pair"), searched())
def test_every_searched_hyperparameter_alone_changes_the_model_the_loss_or_the_batches(
    make_images: MakeImages, make_run: MakeRun, study_name: str, pair: str
) -> None:
    study: Study = registry.find("search_spaces", study_name, attribute="STUDY", kind="study")
    dataset = datasets.find(study.dataset)
    # Unequal classes, and more images than the recipe's batch, so that weights and batch sizes can be told apart.
    targets = unequal_targets(len(dataset.classes), num_images=56)
    images = make_images(targets)
    network = architectures.find(pair)
    recipe = study.pairs.get(pair, network.recipe)
    # A network that is pretrained on nothing will do: its frozen part is as frozen.
    base = network.build(recipe, 1 if dataset.binary else len(dataset.classes), images.size_px).state_dict()
    pretrained = Pretrained({k: v for k, v in base.items() if not k.startswith(network.head)}, None, "random")

    def first_epoch(values: dict[str, Any]) -> tuple[dict[str, float], list[torch.Size], torch.Tensor]:
        hyperparameters = recipe.with_values({"early_stopping": 0, **values}).hyperparameters()
        run = make_run(
            targets,
            architecture=pair,
            modality=dataset.modality,
            epochs=4,
            weights=pretrained,
            **hyperparameters,
        )
        training = Training(run, images)
        # What differs in the second stage is seen in its first epoch.
        for _ in range(max(recipe.freeze_epochs, hyperparameters["freeze_epochs"]) + 1):
            metrics = without_times(training.run_epoch())
        del metrics["lr"]
        weights = list(training.model.state_dict().values())
        return metrics, [w.shape for w in weights], torch.cat([w.flatten().float() for w in weights])

    plain = first_epoch({})
    assert study.space_of(pair).keys() <= set(HYPERPARAMETERS)
    for name, domain in study.space_of(pair).items():
        if name == "early_stopping" or getattr(domain, "categories", None) == [getattr(recipe, name)]:
            continue
        value = other_value(domain, getattr(recipe, name))
        plain_metrics, plain_shapes, plain_weights = plain
        if name == "fine_tune_lr" and not recipe.freeze_epochs:
            # It is for what follows the frozen epochs, so there must be some.
            plain_metrics, plain_shapes, plain_weights = first_epoch({"freeze_epochs": 1})
            metrics, shapes, weights = first_epoch({"freeze_epochs": 1, name: value})
        else:
            metrics, shapes, weights = first_epoch({name: value})
        same = metrics == plain_metrics and shapes == plain_shapes and torch.equal(weights, plain_weights)
        assert not same, f"{name} = {value!r} instead of {getattr(recipe, name)!r} changed nothing"


def unequal_targets(num_classes: int, *, num_images: int) -> list[int]:
    """Half of the images are of the last class; all classes occur among the first and the last images."""
    return [i // 2 % num_classes if i % 2 else num_classes - 1 for i in range(num_images)]


def test_the_test_of_searched_hyperparameters_can_fail(make_images: MakeImages, make_run: MakeRun) -> None:
    images = make_images(BINARY)
    first, second = (
        without_times(Training(make_run(BINARY, epochs=1, early_stopping=n), images).run_epoch()) for n in (0, 3)
    )
    assert first == second
