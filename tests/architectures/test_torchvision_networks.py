import pytest
import torch
from torch import Tensor, nn
from torchvision.models import get_model

from study.architectures import find
from study.architectures._torchvision import FixedBatchNorm2d, fix_statistics
from study.errors import DeclarationError
from study.spec import Recipe


def images(num_images: int, size_px: int) -> Tensor:
    return torch.randn(num_images, 3, size_px, size_px, generator=torch.Generator().manual_seed(1))


def small_network() -> nn.Sequential:
    """Its statistics are not those of a new one."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.BatchNorm2d(4, eps=1e-2, momentum=0.3), nn.ReLU()))
    for _ in range(3):
        network(3 * images(4, 8) + 1)
    return network


def fixed_copy(network: nn.Sequential) -> nn.Sequential:
    copy = small_network()
    copy.load_state_dict(network.state_dict())
    fix_statistics(copy)
    return copy


def test_fixing_statistics_keeps_the_function_and_the_names() -> None:
    network = small_network()
    fixed = fixed_copy(network)
    assert isinstance(fixed[1][0], FixedBatchNorm2d)
    assert (fixed[1][0].eps, fixed[1][0].momentum) == (1e-2, 0.3)
    assert list(fixed.state_dict()) == list(network.state_dict())
    assert torch.equal(fixed.eval()(images(2, 8)), network.eval()(images(2, 8)))


def test_fixed_statistics_are_used_in_training_and_stay() -> None:
    fixed = fixed_copy(small_network())
    before = {name: value.clone() for name, value in fixed.named_buffers()}
    evaluated = fixed.eval()(images(2, 8))
    assert torch.equal(fixed.train()(images(2, 8)), evaluated)
    assert all(torch.equal(value, before[name]) for name, value in fixed.named_buffers())


def test_weight_and_bias_learn_where_statistics_are_fixed() -> None:
    fixed = fixed_copy(small_network()).train()
    fixed(images(2, 8)).square().sum().backward()
    for parameter in fixed.parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs().max() > 0


def test_fixed_statistics_allow_a_batch_of_one_position() -> None:
    layer = FixedBatchNorm2d(4).train()
    assert layer(torch.ones(1, 4, 1, 1)).shape == (1, 4, 1, 1)


@pytest.mark.parametrize("batchnorm", [False, True])
def test_training_runs_in_bfloat16(batchnorm: bool) -> None:
    torch.manual_seed(0)
    model = find("resnet18").build(Recipe(batchnorm=batchnorm), 3, 32).train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(images(4, 32))
    logits.float().square().mean().backward()
    assert logits.isfinite().all()
    assert all(value.grad is not None and value.grad.isfinite().all() for value in model.parameters())


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_b0", "densenet121"])
def test_it_computes_what_torchvisions_network_does(name: str) -> None:
    torch.manual_seed(0)
    theirs = get_model(name, weights=None)
    with torch.no_grad():
        theirs.train()(images(4, 64))  # moves the statistics
    architecture = find(name)
    state = theirs.state_dict()
    last_weight, last_bias = list(state)[-2:]
    state[f"{architecture.head}.1.weight"] = state.pop(last_weight)
    state[f"{architecture.head}.1.bias"] = state.pop(last_bias)
    ours = architecture.build(Recipe(batchnorm=True), 1000, 64)
    ours.load_state_dict(state)
    with torch.no_grad():
        torch.testing.assert_close(ours.eval()(images(2, 64)), theirs.eval()(images(2, 64)))


@pytest.mark.parametrize(
    ("published", "ours"),
    [
        (
            "features.denseblock1.denselayer1.norm.1.running_mean",
            "features.denseblock1.denselayer1.norm1.running_mean",
        ),
        ("features.denseblock4.denselayer16.conv.2.weight", "features.denseblock4.denselayer16.conv2.weight"),
        ("features.denseblock1.denselayer1.norm1.weight", "features.denseblock1.denselayer1.norm1.weight"),
        ("features.transition1.norm.weight", "features.transition1.norm.weight"),
        ("features.conv0.weight", "features.conv0.weight"),
        ("classifier.weight", "classifier.weight"),
    ],
)
def test_names_of_densenets_published_file_become_those_of_today(published: str, ours: str) -> None:
    assert find("densenet121").rename(published) == ours


def test_densenet_refuses_images_that_it_would_pool_away() -> None:
    with pytest.raises(DeclarationError, match="DenseNet-121 needs images of 29 px or more, but image_size is 28"):
        find("densenet121").build(Recipe(), 4, 28)
    with torch.no_grad():
        assert find("densenet121").build(Recipe(), 4, 29).eval()(images(1, 29)).shape == (1, 4)
