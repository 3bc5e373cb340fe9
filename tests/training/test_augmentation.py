"""What augmentation changes, and what the modality forbids it to change."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from study.errors import UnknownNameError
from study.spec import AUGMENTATIONS
from study.training.augmentation import augment
from study.training.augmentation_policies import POLICIES, Policy, policy

SIDE_PX = 24
# Optical density of the stains, Ruifrok and Johnston 2001: hematoxylin, eosin, DAB.
STAINS = torch.tensor([[0.650, 0.704, 0.286], [0.072, 0.990, 0.105], [0.268, 0.570, 0.776]])
STAINS = STAINS / STAINS.norm(dim=1, keepdim=True)

every_policy = pytest.mark.parametrize(
    ("modality", "level"), [(modality, level) for modality in POLICIES for level in POLICIES[modality]]
)


def augmented(images: Tensor, modality: str, level: str, *, seed: int = 0) -> Tensor:
    before = images.clone()
    result = augment(images, policy(modality, level), torch.Generator().manual_seed(seed))
    assert torch.equal(images, before), "the given images were changed"
    return result


def noise(num_images: int, *, channels: int = 3) -> Tensor:
    images = torch.rand(num_images, channels, SIDE_PX, SIDE_PX, generator=torch.Generator().manual_seed(1))
    return images.expand(-1, 3, -1, -1)


def stained(hematoxylin: float, dab: float, *, num_images: int) -> Tensor:
    """Evenly stained patches, without eosin."""
    density = hematoxylin * STAINS[0] + dab * STAINS[2]
    return torch.exp(-density).view(1, 3, 1, 1).expand(num_images, 3, SIDE_PX, SIDE_PX).clone()


def amounts(images: Tensor) -> Tensor:
    """(N, 3) mean amount of each stain."""
    return (-torch.log(images.double())).mean(dim=(2, 3)) @ torch.linalg.inv(STAINS.double())


@pytest.mark.parametrize("modality", POLICIES)
def test_every_modality_has_every_level(modality: str) -> None:
    assert set(POLICIES[modality]) == set(AUGMENTATIONS)


@pytest.mark.parametrize("modality", POLICIES)
def test_none_changes_nothing(modality: str) -> None:
    assert torch.equal(augmented(noise(4), modality, "none"), noise(4))


@every_policy
def test_shape_type_and_range_stay(modality: str, level: str) -> None:
    images = torch.cat([noise(16), torch.zeros(8, 3, SIDE_PX, SIDE_PX), torch.ones(8, 3, SIDE_PX, SIDE_PX)])
    result = augmented(images, modality, level)
    assert result.shape == images.shape
    assert result.dtype == torch.float32
    assert result.isfinite().all()
    assert 0 <= result.min() <= result.max() <= 1


@every_policy
def test_each_image_of_a_batch_is_changed_in_its_own_way(modality: str, level: str) -> None:
    results = augmented(noise(1).repeat(32, 1, 1, 1), modality, level)
    different = {tuple(image.flatten().tolist()) for image in results}
    # Flips and quarter turns alone make eight.
    expected = {"none": 1, "light": 8 if POLICIES[modality]["light"].dihedral else 32, "strong": 32}
    assert len(different) == expected[level]


@every_policy
def test_the_same_seed_gives_the_same_images_and_another_seed_others(modality: str, level: str) -> None:
    first = augmented(noise(8), modality, level, seed=3)
    assert torch.equal(first, augmented(noise(8), modality, level, seed=3))
    assert torch.equal(first, augmented(noise(8), modality, level, seed=4)) == (level == "none")


@pytest.mark.parametrize("level", AUGMENTATIONS)
def test_a_brain_slice_keeps_its_up_and_down(level: str) -> None:
    ramp = torch.linspace(0.2, 0.8, SIDE_PX).view(1, 1, -1, 1).expand(200, 3, SIDE_PX, SIDE_PX)
    rows = augmented(ramp, "mri", level).mean(dim=(1, 3))
    assert (rows[:, -4:].mean(dim=1) > rows[:, :4].mean(dim=1) + 0.2).all()


def test_a_brain_slice_is_mirrored_about_half_of_the_time() -> None:
    ramp = torch.linspace(0.2, 0.8, SIDE_PX).view(1, 1, 1, -1).expand(200, 3, SIDE_PX, SIDE_PX)
    columns = augmented(ramp, "mri", "light").mean(dim=(1, 2))
    mirrored = int((columns[:, 0] > columns[:, -1]).sum())
    assert 70 <= mirrored <= 130


@pytest.mark.parametrize("level", AUGMENTATIONS)
def test_grey_brain_slices_stay_grey(level: str) -> None:
    result = augmented(noise(16, channels=1), "mri", level)
    assert torch.allclose(result[:, 0], result[:, 1], atol=1e-6)
    assert torch.allclose(result[:, 0], result[:, 2], atol=1e-6)


@pytest.mark.parametrize("modality", ["ihc", "he", "blood"])
def test_light_augmentation_of_a_patch_only_moves_its_pixels(modality: str) -> None:
    images = noise(64)
    result = augmented(images, modality, "light")
    assert torch.equal(result.flatten(2).sort(dim=2).values, images.flatten(2).sort(dim=2).values)
    # Whole pixels move, not channels apart.
    assert torch.equal(result.sum(dim=1).flatten(1).sort().values, images.sum(dim=1).flatten(1).sort().values)


@pytest.mark.parametrize("dab", [0.3, 0.8, 1.5])
def test_strong_augmentation_of_a_patch_varies_hematoxylin_but_hardly_dab(dab: float) -> None:
    images = stained(0.4, dab, num_images=300)
    change = amounts(augmented(images, "ihc", "strong")) / amounts(images) - 1
    assert change[:, 2].abs().max() < 0.10
    assert change[:, 0].std() > 3 * change[:, 2].std()
    assert change[:, 0].abs().max() > 0.2


def test_a_crop_of_a_lymph_node_patch_loses_its_border_but_never_its_middle() -> None:
    # A frame around the middle third, on whose inside the label of the patch depends.
    side_px, third = 96, 32
    images = torch.zeros(400, 3, side_px, side_px)
    images[:, :, third : 2 * third, third : 2 * third] = 1
    images[:, :, third + 3 : 2 * third - 3, third + 3 : 2 * third - 3] = 0.5
    geometry = replace(policy("he", "strong"), brightness=0.0, contrast=0.0, saturation=0.0, stains=None)
    result = augment(images, geometry, torch.Generator().manual_seed(0))[:, 0]
    # An intact frame parts the inside from the border: from there on outwards no image shows 0.5 again.
    border = torch.cat([result[:, 0], result[:, -1], result[:, :, 0], result[:, :, -1]], dim=1)
    assert not ((border - 0.5).abs() < 0.05).any()
    area = (result > 0.25).float().mean(dim=(1, 2)) * 9
    assert (area > 0.95).all(), "a part of the middle was cut off"
    assert area.max() > 1.5
    assert (result[:, :12].amax(dim=(1, 2)) > 0.9).any(), "no crop came near the middle"


def test_without_a_centre_to_keep_a_crop_may_lose_the_middle() -> None:
    images = torch.zeros(400, 3, 96, 96)
    images[:, :, 32:64, 32:64] = 1
    cropped = augment(images, Policy(crop=0.6), torch.Generator().manual_seed(0))
    side = (cropped > 0.5).float().amax(dim=(1, 2)).sum(dim=1)
    kept = augment(images, Policy(crop=0.6, centre=1 / 3), torch.Generator().manual_seed(0))
    touches = [(x[:, 0, :, 0] > 0.9).any(dim=1) & (x[:, 0, :, 1] > 0.9).any(dim=1) for x in (cropped, kept)]
    assert int(touches[0].sum()) > int(touches[1].sum())
    assert side.max() > 60


def test_colour_jitter_varies_saturation_and_keeps_grey_grey() -> None:
    policy_of_colour = Policy(saturation=0.5)
    grey = noise(16, channels=1)
    assert torch.allclose(augment(grey, policy_of_colour, torch.Generator().manual_seed(0)), grey, atol=1e-6)
    coloured = noise(64) * 0.5 + 0.25
    changed = augment(coloured, policy_of_colour, torch.Generator().manual_seed(0))
    distance = [(x - x.mean(dim=1, keepdim=True)).abs().mean(dim=(1, 2, 3)) for x in (changed, coloured)]
    ratio = distance[0] / distance[1]
    assert ratio.min() < 0.7
    assert ratio.max() > 1.3


def test_an_unknown_modality_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match=r"no modality 'icc'. Did you mean 'ihc'"):
        policy("icc", "light")


Uniform = Callable[[float, float], Tensor]


def moved(images: Tensor, chosen: Policy, uniform: Uniform) -> Tensor:
    if chosen.horizontal_flip or chosen.dihedral:
        images = torch.where(uniform(0, 1) < 0.5, images.flip(3), images)
    if chosen.dihedral:
        images = torch.where(uniform(0, 1) < 0.5, images.flip(2), images)
        images = torch.where(uniform(0, 1) < 0.5, images.transpose(2, 3), images)
    if chosen.rotation_deg:
        angle = uniform(-1, 1).flatten() * math.radians(chosen.rotation_deg)
        zoom = uniform(1 - chosen.scale, 1 + chosen.scale).flatten()
        x, y = (uniform(-2 * chosen.shift, 2 * chosen.shift).flatten() for _ in range(2))
        if chosen.crop:
            side = uniform(1 - chosen.crop, 1).flatten()
            turned = torch.cos(angle).abs() + torch.sin(angle).abs()
            room = torch.minimum(1 - side, (side / turned - chosen.centre).clamp(min=0))
            x, y = (shift + uniform(-1, 1).flatten() * room for shift in (x, y))
            zoom = zoom / side
        cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
        rows = [[cos, -sin, x], [sin, cos, y]]
        theta = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
        grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
        images = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return images


def step_by_step(images: Tensor, chosen: Policy, generator: torch.Generator) -> Tensor:
    """What `augment` is to do, each change by itself, by torch's own functions: slower, and easy to follow."""

    def uniform(low: float, high: float) -> Tensor:
        return (torch.rand(len(images), generator=generator) * (high - low) + low).view(-1, 1, 1, 1)

    images = moved(images, chosen, uniform)
    if chosen.stains:
        factors = torch.cat([uniform(1 - s, 1 + s).flatten(1) for s in chosen.stains], dim=1)
        densities = -torch.log(images.clamp(min=0.5 / 255)).permute(0, 2, 3, 1)
        found = densities @ torch.linalg.inv(STAINS) * factors[:, None, None]
        images = torch.exp(-(found @ STAINS)).permute(0, 3, 1, 2).clamp(0, 1)
    if chosen.gamma:
        images = images.clamp(min=0) ** torch.exp(uniform(-1, 1) * math.log1p(chosen.gamma))
    if chosen.contrast:
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        images = mean + (images - mean) * uniform(1 - chosen.contrast, 1 + chosen.contrast)
    if chosen.saturation:
        grey = images.mean(dim=1, keepdim=True)
        images = grey + (images - grey) * uniform(1 - chosen.saturation, 1 + chosen.saturation)
    if chosen.brightness:
        images = images + uniform(-chosen.brightness, chosen.brightness)
    if chosen.noise:
        grain = torch.randn((len(images), 1, *images.shape[2:]), generator=generator)
        images = images + grain * uniform(0, chosen.noise)
    return images.clamp(0, 1)


@every_policy
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("channels_last", [False, True])
def test_what_is_done_in_one_pass_is_what_the_changes_do_one_after_another(
    modality: str, level: str, channels_last: bool, channels: int
) -> None:
    # Smooth images: where grey values jump, the rounding of a coordinate is a difference in what is read there.
    images = functional.interpolate(noise(64, channels=channels)[:, :, :4, :4], size=SIDE_PX, mode="bilinear")
    images = images.contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)
    expected = step_by_step(images, policy(modality, level), torch.Generator().manual_seed(5))
    assert torch.allclose(augmented(images, modality, level, seed=5), expected, atol=1e-5)
