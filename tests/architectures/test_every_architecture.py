"""What is promised of every network, whichever file it is found in.

Networks of torchvision are ten to a hundred times as large as the others: the same is asked of them in fewer cases.
"""

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights, get_weight

from study import architectures
from study.architectures import NETWORK_HYPERPARAMETERS, Architecture
from study.errors import DeclarationError, UnknownNameError
from study.spec import Recipe
from study.training.grad_cam import grad_cam, untrained

NAMES = architectures.names()
PRETRAINED = [name for name in NAMES if architectures.find(name).weights]
SMALL = [name for name in NAMES if name not in PRETRAINED]
SMALLEST_PX = 16  # of a budget
OTHER_VALUE = {
    "dropout": 0.37,
    "batchnorm": True,
    "kernel_size": 5,
    "dense_units": 96,
    "width": 24,
    "depth": 2,
    "pretrained": True,
}

every_architecture = pytest.mark.parametrize("name", NAMES)
every_pretrained = pytest.mark.parametrize("name", PRETRAINED)
with_and_without_batchnorm = pytest.mark.parametrize("batchnorm", [False, True])


def build(name: str, *, num_logits: int = 4, size_px: int = 32, **values: Any) -> nn.Module:
    torch.manual_seed(0)
    return architectures.find(name).build(Recipe(**values), num_logits, size_px)


def build_learnt(name: str, *, batchnorm: bool, num_logits: int = 4, size_px: int = 64) -> nn.Module:
    """In eval mode; statistics of batch normalization are those of some images, as if they had been learnt.

    With those of a new network (mean 0, variance 1) signals fade to 1e-17 within a deep one. In training mode some
    parameters have no gradient by their nature: stochastic depth leaves out blocks, and a bias has no effect where a
    1x1 convolution and the next batch normalization follow.
    """
    model = build(name, num_logits=num_logits, size_px=size_px, batchnorm=batchnorm)
    if architectures.find(name).weights or batchnorm:
        learning = build(name, num_logits=num_logits, size_px=size_px, batchnorm=True).train()
        for module in learning.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
        with torch.no_grad():
            learning(images(8, size_px))
        model.load_state_dict(learning.state_dict())
    return model.eval()


def images(num_images: int, size_px: int) -> Tensor:
    return torch.randn(num_images, 3, size_px, size_px, generator=torch.Generator().manual_seed(1))


def loss_of(logits: Tensor) -> Tensor:
    targets = torch.arange(len(logits)) % 4
    if logits.shape[1] > 1:
        return nn.functional.cross_entropy(logits, targets)
    return nn.functional.binary_cross_entropy_with_logits(logits[:, 0], (targets % 2).float())


def shapes(model: nn.Module) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in model.state_dict().items()}


def make_up(model: nn.Module) -> tuple[dict[str, torch.Size], list[tuple[type, float | None]]]:
    """What a network consists of: the shapes of its weights, its modules and their dropout."""
    return shapes(model), [(type(m), getattr(m, "p", None)) for m in model.modules()]


def same_weights(first: nn.Module, second: nn.Module) -> bool:
    one, other = first.state_dict(), second.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def without_head(weights: dict[str, torch.Size], head: str) -> dict[str, torch.Size]:
    return {name: shape for name, shape in weights.items() if not name.startswith(f"{head}.")}


@pytest.mark.parametrize(
    ("name", "size_px", "num_logits", "batchnorm"),
    [
        *product(SMALL, [32, 64, 128], [1, 4], [False, True]),
        *((name, *case) for name, case in product(PRETRAINED, [(32, 4, True), (64, 1, False)])),
    ],
)
def test_images_become_finite_logits(name: str, size_px: int, num_logits: int, batchnorm: bool) -> None:
    model = build(name, num_logits=num_logits, size_px=size_px, batchnorm=batchnorm).eval()
    with torch.no_grad():
        logits = model(images(2, size_px))
    assert logits.shape == (2, num_logits)
    assert logits.dtype == torch.float32
    assert logits.isfinite().all()


@pytest.mark.parametrize(("name", "size_px"), [*product(SMALL, [50, 96, 150]), *product(PRETRAINED, [50])])
def test_sizes_that_are_no_powers_of_two_fit(name: str, size_px: int) -> None:
    with torch.no_grad():
        assert build(name, size_px=size_px).eval()(images(1, size_px)).shape == (1, 4)


@every_architecture
def test_the_smallest_images_fit_or_are_refused_with_the_reason(name: str) -> None:
    try:
        model = build(name, size_px=SMALLEST_PX).eval()
    except DeclarationError as error:
        assert f"image_size is {SMALLEST_PX}" in str(error)  # noqa: PT017  # Either is right.
        return
    with torch.no_grad():
        assert model(images(1, SMALLEST_PX)).shape == (1, 4)


@pytest.mark.parametrize(
    ("name", "num_logits", "batchnorm"),
    [*product(SMALL, [1, 4], [False, True]), *((name, 4, True) for name in PRETRAINED)],
)
def test_training_gives_every_parameter_a_finite_gradient(name: str, num_logits: int, batchnorm: bool) -> None:
    model = build(name, num_logits=num_logits, size_px=64, batchnorm=batchnorm).train()
    loss = loss_of(model(images(4, 64)))
    assert loss.isfinite()
    loss.backward()
    for parameter, value in model.named_parameters():
        assert value.requires_grad, parameter
        assert value.grad is not None, parameter
        assert value.grad.isfinite().all(), parameter


@pytest.mark.parametrize(
    ("name", "num_logits", "batchnorm"),
    [*product(SMALL, [1, 4], [False, True]), *((name, 4, False) for name in PRETRAINED)],
)
def test_every_trainable_parameter_takes_part_in_learning(name: str, num_logits: int, batchnorm: bool) -> None:
    # Small networks as they are trained; the others without what switches parameters off for a batch.
    model = (
        build(name, num_logits=num_logits, size_px=64, batchnorm=batchnorm).train()
        if name in SMALL
        else build_learnt(name, num_logits=num_logits, batchnorm=batchnorm)
    )
    loss_of(model(images(8, 64))).backward()
    for parameter, value in model.named_parameters():
        # A parameter without effect has rounding errors only, some 1e-8.
        assert value.grad is not None, parameter
        assert value.grad.abs().max() > 1e-6, parameter


@every_architecture
def test_each_hyperparameter_that_is_declared_changes_the_network(name: str) -> None:
    declared = architectures.find(name).hyperparameters
    assert set(declared) <= set(NETWORK_HYPERPARAMETERS)
    unchanged = make_up(build(name))
    for hyperparameter in declared:
        changed = build(name, **{hyperparameter: OTHER_VALUE[hyperparameter]})
        assert make_up(changed) != unchanged, hyperparameter


@every_architecture
def test_what_is_not_declared_changes_nothing(name: str) -> None:
    others = set(OTHER_VALUE) - set(architectures.find(name).hyperparameters)
    changed, unchanged = build(name, **{other: OTHER_VALUE[other] for other in others}), build(name)
    assert make_up(changed) == make_up(unchanged)
    assert same_weights(changed, unchanged)


@every_architecture
@with_and_without_batchnorm
def test_batch_normalization_is_there_where_it_is_asked_for_or_pretrained(name: str, batchnorm: bool) -> None:
    model = build(name, batchnorm=batchnorm)
    has_batchnorm = any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules())
    assert has_batchnorm == (batchnorm or name in PRETRAINED)


@every_architecture
@with_and_without_batchnorm
def test_training_moves_all_statistics_of_batch_normalization_or_none(name: str, batchnorm: bool) -> None:
    model = build(name, batchnorm=batchnorm).train()
    before = {buffer: value.clone() for buffer, value in model.named_buffers()}
    with torch.no_grad():
        model(images(4, 32))
    moved = {buffer for buffer, value in model.named_buffers() if not torch.equal(value, before[buffer])}
    assert moved == (set(before) if batchnorm else set())


@every_pretrained
def test_both_ways_of_batch_normalization_have_the_same_weights(name: str) -> None:
    assert same_weights(build(name, batchnorm=False), build(name, batchnorm=True))


@every_architecture
def test_dropout_acts_in_training_with_the_recipes_probability(name: str) -> None:
    assert {m.p for m in build(name, dropout=0.37).modules() if isinstance(m, nn.Dropout)} == {0.37}


@every_architecture
def test_the_same_seed_gives_the_same_weights(name: str) -> None:
    assert same_weights(build(name), build(name))


@every_architecture
def test_only_the_head_depends_on_the_number_of_logits(name: str) -> None:
    head = architectures.find(name).head
    one, four = build(name, num_logits=1), build(name, num_logits=4)
    assert head in dict(one.named_children())
    assert shapes(one).keys() == shapes(four).keys()
    assert shapes(one) != shapes(four)
    assert without_head(shapes(one), head) == without_head(shapes(four), head) != {}


@every_architecture
def test_grad_cam_can_be_computed_from_the_cam_layer(name: str) -> None:
    model = build_learnt(name, batchnorm=True)
    seen: list[Tensor] = []
    copies: list[Tensor] = []

    def look(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        seen.append(output)
        copies.append(output.detach().clone())

    model.get_submodule(architectures.find(name).cam_layer).register_forward_hook(look)
    logits = model(images(2, 64))
    (maps,) = seen
    assert maps.ndim == 4
    assert len(maps) == 2
    assert min(maps.shape[2:]) >= 1
    assert torch.equal(maps, copies[0])  # No later layer changes them in place.
    assert (maps[0] - maps[1]).abs().max() > 1e-3
    for logit in range(4):
        (gradient,) = torch.autograd.grad(logits[:, logit].sum(), maps, retain_graph=True)
        assert gradient.isfinite().all()
        assert (gradient.abs().amax(dim=(1, 2, 3)) > 1e-6).all()


@pytest.mark.parametrize(
    ("name", "num_logits", "batchnorm"),
    [*product(SMALL, [1, 4], [False, True]), *((name, 4, False) for name in PRETRAINED)],
)
def test_grad_cam_gives_a_map_of_the_last_feature_maps_size_also_without_training(
    name: str, num_logits: int, batchnorm: bool
) -> None:
    layer, recipe = architectures.find(name).cam_layer, Recipe(batchnorm=batchnorm)
    model = untrained(name, recipe, num_logits, images(4, 64), seed=0)
    sizes: list[torch.Size] = []
    model.get_submodule(layer).register_forward_hook(lambda _module, _inputs, output: sizes.append(output.shape))
    first, second = (grad_cam(model, layer, images(2, 64)[[index]], 1) for index in range(2))
    assert first.shape == sizes[0][2:]
    # No finer than half of the image and no coarser than a 32nd of it, as torchvision's networks are.
    assert 64 // 32 <= min(first.shape) <= max(first.shape) <= 64 // 2
    for found in (first, second):
        assert found.isfinite().all()
        assert found.max() - found.min() > 1e-3 * found.abs().max()
    assert not torch.equal(first, second)


@every_architecture
def test_the_default_recipe_trains_this_network(name: str) -> None:
    architecture = architectures.find(name)
    assert architecture.recipe.pretrained == bool(architecture.weights)
    model = architecture.build(architecture.recipe, 4, 64).train()
    loss_of(model(images(2, 64))).backward()
    assert any(value.grad is not None and value.grad.any() for value in model.parameters())


@every_pretrained
def test_torchvision_knows_the_weights(name: str) -> None:
    assert get_weight(architectures.find(name).weights) in get_model_weights(name)


@every_pretrained
def test_torchvisions_weights_fit_all_but_the_head(name: str) -> None:
    architecture = architectures.find(name)
    with torch.device("meta"):
        published = shapes(get_model(name, weights=None))
    renamed = {architecture.rename(key): shape for key, shape in published.items()}
    assert len(renamed) == len(published)
    assert without_head(renamed, architecture.head) == without_head(shapes(build(name)), architecture.head)
    assert any(key.startswith(f"{architecture.head}.") for key in published)


def test_titles_differ() -> None:
    titles = [architectures.find(name).title for name in NAMES]
    assert len(set(titles)) == len(titles)


def test_an_unknown_architecture_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match=r"There is no architecture 'lennet'. Did you mean 'lenet'"):
        architectures.find("lennet")


def test_only_trainable_parameters_are_counted() -> None:
    layer = nn.Linear(3, 4)
    assert architectures.num_parameters(layer) == 16
    layer.bias.requires_grad_(False)
    assert architectures.num_parameters(layer) == 12


class Strange(nn.Module):
    """Answers in another shape than it is asked for."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean((2, 3))


def raising(recipe: Recipe, num_logits: int, image_size_px: int) -> nn.Module:
    return nn.Linear(7, num_logits)


@pytest.mark.parametrize(
    ("build", "why"),
    [
        (lambda *_: Strange(), r"of two it makes a tensor of the shape \(2, 3\)"),
        (raising, "raises RuntimeError: mat1 and mat2 shapes cannot be multiplied"),
    ],
)
def test_a_network_that_can_never_answer_is_refused_before_any_trial(
    build: Any, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = Architecture(title="Wrong", hyperparameters=(), build=build)
    monkeypatch.setattr(architectures, "find", lambda _: wrong)
    with pytest.raises(DeclarationError, match=rf"'mine' must map images of 3 x 32 x 32 to 4 logits each, but .*{why}"):
        architectures.check("mine", Recipe(), 4, 32)


@every_architecture
def test_every_network_passes_the_check_of_a_plan(name: str) -> None:
    architectures.check(name, architectures.find(name).recipe, 4, 64)


def test_a_mistyped_hyperparameter_of_a_network_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'kernel_size'"):
        Architecture(title="Mine", hyperparameters=("kernelsize",), build=raising)
