"""What is promised of every network, whichever file it is found in."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from study import architectures
from study.architectures import NETWORK_HYPERPARAMETERS
from study.errors import UnknownNameError
from study.spec import Recipe

OTHER_VALUE = {"dropout": 0.37, "batchnorm": True, "kernel_size": 5, "dense_units": 96}

every_architecture = pytest.mark.parametrize("name", architectures.names())


def build(name: str, *, num_logits: int = 4, size_px: int = 32, **values: Any) -> nn.Module:
    torch.manual_seed(0)
    return architectures.find(name).build(Recipe(**values), num_logits, size_px)


def images(num_images: int, size_px: int) -> Tensor:
    return torch.randn(num_images, 3, size_px, size_px, generator=torch.Generator().manual_seed(1))


def shapes(model: nn.Module) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in model.state_dict().items()}


def make_up(model: nn.Module) -> tuple[dict[str, torch.Size], list[tuple[type, float | None]]]:
    """What a network consists of: the shapes of its weights, its modules and their dropout."""
    return shapes(model), [(type(m), getattr(m, "p", None)) for m in model.modules()]


def has_batchnorm(model: nn.Module) -> bool:
    return any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules())


@every_architecture
@pytest.mark.parametrize("size_px", [32, 64, 128])
@pytest.mark.parametrize("num_logits", [1, 4])
@pytest.mark.parametrize("batchnorm", [False, True])
def test_images_become_finite_logits(name: str, size_px: int, num_logits: int, batchnorm: bool) -> None:
    model = build(name, num_logits=num_logits, size_px=size_px, batchnorm=batchnorm).eval()
    with torch.no_grad():
        logits = model(images(2, size_px))
    assert logits.shape == (2, num_logits)
    assert logits.dtype == torch.float32
    assert logits.isfinite().all()


@every_architecture
@pytest.mark.parametrize("size_px", [16, 50, 96, 150])
def test_sizes_that_are_no_powers_of_two_fit(name: str, size_px: int) -> None:
    with torch.no_grad():
        assert build(name, size_px=size_px).eval()(images(1, size_px)).shape == (1, 4)


@every_architecture
@pytest.mark.parametrize("num_logits", [1, 4])
@pytest.mark.parametrize("batchnorm", [False, True])
def test_every_trainable_parameter_takes_part_in_learning(name: str, num_logits: int, batchnorm: bool) -> None:
    model = build(name, num_logits=num_logits, size_px=64, batchnorm=batchnorm).train()
    logits = model(images(8, 64))
    targets = torch.arange(8) % 4
    loss = (
        nn.functional.cross_entropy(logits, targets)
        if num_logits > 1
        else nn.functional.binary_cross_entropy_with_logits(logits[:, 0], (targets % 2).float())
    )
    assert loss.isfinite()
    loss.backward()
    for parameter, value in model.named_parameters():
        assert value.requires_grad
        assert value.grad is not None, parameter
        assert value.grad.isfinite().all(), parameter
        # A bias before a batch normalization has rounding errors only, some 1e-8.
        assert value.grad.abs().max() > 1e-6, parameter


@every_architecture
def test_each_hyperparameter_that_is_declared_changes_the_network(name: str) -> None:
    declared = architectures.find(name).hyperparameters
    assert set(declared) <= set(NETWORK_HYPERPARAMETERS)
    for hyperparameter in declared:
        changed = build(name, **{hyperparameter: OTHER_VALUE[hyperparameter]})
        assert make_up(changed) != make_up(build(name)), hyperparameter


@every_architecture
def test_what_is_not_declared_changes_nothing(name: str) -> None:
    for hyperparameter in set(NETWORK_HYPERPARAMETERS) - set(architectures.find(name).hyperparameters):
        changed = build(name, **{hyperparameter: OTHER_VALUE[hyperparameter]})
        assert make_up(changed) == make_up(build(name)), hyperparameter


@every_architecture
def test_batch_normalization_is_there_only_when_asked_for(name: str) -> None:
    assert not has_batchnorm(build(name, batchnorm=False))
    assert has_batchnorm(build(name, batchnorm=True))


@every_architecture
def test_dropout_acts_in_training_with_the_recipes_probability(name: str) -> None:
    assert {m.p for m in build(name, dropout=0.37).modules() if isinstance(m, nn.Dropout)} == {0.37}


@every_architecture
def test_the_same_seed_gives_the_same_weights(name: str) -> None:
    first, second = build(name).state_dict(), build(name).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_an_unknown_architecture_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match=r"There is no architecture 'lennet'. Did you mean 'lenet'"):
        architectures.find("lennet")


def test_only_trainable_parameters_are_counted() -> None:
    layer = nn.Linear(3, 4)
    assert architectures.num_parameters(layer) == 16
    layer.bias.requires_grad_(False)
    assert architectures.num_parameters(layer) == 12
