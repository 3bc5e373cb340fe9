"""Grad-CAM against its definition, and whether its maps depend on what a network has learnt."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from study.evaluation.saliency_maps import heat, likeness, rank_correlation
from study.spec import Recipe
from study.training.data import Images
from study.training.grad_cam import NoMapError, grad_cam, untrained
from study.training.trainer import train
from study.training.training_run import Outcome, Run

TARGETS = [0, 1] * 40
RECIPE = {"architecture": "eight_conv_cnn", "width": 8, "batchnorm": True, "epochs": 6, "lr": 3e-3}


class Small(nn.Module):
    """A network whose gradient differs from place to place, as that of a global average's never does."""

    def __init__(self, num_logits: int) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.features = nn.Sequential(nn.Conv2d(3, 5, 3, stride=2), nn.Tanh())
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(5 * 7 * 7, 6), nn.Tanh(), nn.Linear(6, num_logits))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(images))
        return logits


def image(seed: int = 1, size_px: int = 16) -> Tensor:
    return torch.randn(1, 3, size_px, size_px, generator=torch.Generator().manual_seed(seed))


def by_definition(model: Small, batch: Tensor, logit: int) -> Tensor:
    """Equations 1 and 2 of Selvaraju et al., without the rectifier: channel by channel, with a gradient by hand."""
    features = model.features(batch)
    (gradient,) = torch.autograd.grad(model.head(features)[0, logit], features)
    _, channels, height, width = features.shape
    total = torch.zeros(height, width)
    for channel in range(channels):
        weight = sum(gradient[0, channel, i, j] for i in range(height) for j in range(width)) / (height * width)
        total += weight * features[0, channel].detach()
    return total


@pytest.mark.parametrize("answer", [0, 1, 2, 3])
def test_the_map_is_that_of_the_definition(answer: int) -> None:
    model = Small(4).eval()
    expected = by_definition(model, image(), answer)
    assert expected.abs().max() > 1e-3
    torch.testing.assert_close(grad_cam(model, "features", image(), answer), expected, rtol=0, atol=1e-5)


def test_what_speaks_for_the_negative_answer_of_one_logit_is_what_lowers_it() -> None:
    model = Small(1).eval()
    expected = by_definition(model, image(), 0)
    torch.testing.assert_close(grad_cam(model, "features", image(), 1), expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(grad_cam(model, "features", image(), 0), -expected, rtol=0, atol=1e-5)


def test_a_layer_without_a_map_and_a_map_that_is_not_finite_are_refused() -> None:
    model = Small(4).eval()
    with pytest.raises(NoMapError, match=r"'head\.1' is no map of features"):
        grad_cam(model, "head.1", image(), 0)
    with torch.no_grad():
        model.features[0].bias[0] = float("nan")
    with pytest.raises(NoMapError, match="not finite"):
        grad_cam(model, "features", image(), 0)


def test_a_network_whose_gradient_is_dead_has_a_map_of_zeros_and_no_heat() -> None:
    model = Small(4).eval()
    with torch.no_grad():
        model.head[3].weight.zero_()
    found = grad_cam(model, "features", image(), 0).numpy()
    assert not found.any()
    assert heat(found) is None
    assert rank_correlation(found, found) is None


def test_an_untrained_network_is_another_one_each_time_and_its_signals_do_not_fade() -> None:
    recipe = Recipe(batchnorm=False)
    images = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    one, other, again = (untrained("resnet18", recipe, 3, images, seed) for seed in (0, 1, 0))
    assert not one.training
    with torch.no_grad():
        assert torch.equal(one(images), again(images))
        assert not torch.allclose(one(images), other(images))
        # A new network's own statistics would leave all images nearly the same logits.
        assert one(images).std(dim=0).min() > 0.05


@pytest.fixture(scope="module")
def learnt(make_images: Callable[..., Images], make_run: Callable[..., Run]) -> tuple[Run, Images, list[Outcome]]:
    """Two networks that have learnt to tell images with a brighter square from those without."""
    images = make_images(TARGETS)
    runs = [make_run(TARGETS, num_train=60, seed=seed, **RECIPE) for seed in (7, 8)]
    return runs[0], images, [train(run, images, report=lambda _metrics, _state: None) for run in runs]


def maps_of(model: nn.Module, outcome: Outcome, images: Images) -> list[np.ndarray]:
    """Of the bright answer, for the val images that have a square."""
    batches = [outcome.standardization(images.batch(torch.tensor([row]))) for row in range(61, 80, 2)]
    return [grad_cam(model.eval(), "features", batch, 1).numpy() for batch in batches]


def likeness_to_untrained(learnt: tuple[Run, Images, list[Outcome]], own: list[np.ndarray]) -> float:
    run, images, (outcome, _) = learnt
    some = outcome.standardization(images.batch(torch.arange(32)))
    others = [untrained(run.architecture, run.recipe, 1, some, seed) for seed in range(5)]
    pairs = [pair for other in others for pair in zip(own, maps_of(other, outcome, images), strict=True)]
    found = likeness(rank_correlation(*pair) for pair in pairs)
    assert found.known
    assert found.different != found.alike
    return found.mean


def test_the_maps_of_a_trained_network_depend_on_its_weights(learnt: tuple[Run, Images, list[Outcome]]) -> None:
    _, images, (outcome, second) = learnt
    assert outcome.best_score > 0.95
    own = maps_of(outcome.model, outcome, images)
    to_untrained = likeness_to_untrained(learnt, own)
    to_trained = likeness(
        rank_correlation(*pair) for pair in zip(own, maps_of(second.model, second, images), strict=True)
    )
    assert to_untrained < 0.5 < to_trained.mean
    assert likeness(rank_correlation(each, each) for each in own).mean == pytest.approx(1)


def test_maps_that_show_the_image_instead_fail_the_check_also_where_weights_turn_them_upside_down(
    learnt: tuple[Run, Images, list[Outcome]],
) -> None:
    _, images, _ = learnt
    brightness = [images.batch(torch.tensor([row])).mean(dim=1)[0].numpy() for row in range(61, 80, 2)]
    signs = np.random.default_rng(0).choice([-1, 1], len(brightness))
    turned = [sign * each for sign, each in zip(signs, brightness, strict=True)]
    assert abs(np.mean(signs)) < 1
    assert likeness(rank_correlation(*pair) for pair in zip(brightness, turned, strict=True)).alike


@pytest.mark.parametrize("noise", [0.0, 1e-8])
def test_constant_maps_do_not_pass_the_check(noise: float) -> None:
    rng = np.random.default_rng(0)
    constant = [1 + noise * rng.normal(size=(8, 8)) for _ in range(10)]
    others = [rng.normal(size=(8, 8)) for _ in range(10)]
    found = likeness(rank_correlation(*pair) for pair in zip(constant, others, strict=True))
    assert not found.different
    assert not found.known
    assert found.num_undefined == 10
