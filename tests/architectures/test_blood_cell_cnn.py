import pytest
import torch
from torch import nn

from study.architectures import find, num_parameters
from study.spec import Recipe


def build(size_px: int = 64, **values: int) -> nn.Module:
    torch.manual_seed(0)
    return find("blood_cell_cnn").build(Recipe(**values), 4, size_px)


def convolutions(model: nn.Module) -> list[int]:
    return [module.out_channels for module in model.modules() if isinstance(module, nn.Conv2d)]


def poolings(model: nn.Module) -> int:
    return sum(isinstance(module, nn.MaxPool2d) for module in model.modules())


@pytest.mark.parametrize(("depth", "channels"), [(1, [8]), (2, [8, 16]), (4, [8, 16, 32, 64])])
def test_each_block_has_twice_the_channels_of_the_one_before(depth: int, channels: list[int]) -> None:
    model = build(width=8, depth=depth)
    assert convolutions(model) == channels
    assert poolings(model) == depth


@pytest.mark.parametrize("size_px", [16, 17, 31, 64, 97, 150])
@pytest.mark.parametrize("depth", [1, 3, 5, 8])
def test_any_depth_fits_any_image(size_px: int, depth: int) -> None:
    with torch.no_grad():
        logits = build(size_px, width=2, depth=depth, dense_units=8).eval()(torch.zeros(1, 3, size_px, size_px))
    assert logits.shape == (1, 4)
    assert logits.isfinite().all()


def test_blocks_beyond_what_the_image_allows_do_not_pool() -> None:
    model = build(16, width=2, depth=6)
    assert len(convolutions(model)) == 6
    assert poolings(model) == 3  # 16 -> 8 -> 4 -> 2 px
    assert model.get_submodule("features")(torch.zeros(1, 3, 16, 16)).shape == (1, 64, 2, 2)


def test_less_width_and_fewer_units_make_it_simpler() -> None:
    assert num_parameters(build(width=16)) < num_parameters(build(width=32))
    assert num_parameters(build(dense_units=64)) < num_parameters(build(dense_units=128))
