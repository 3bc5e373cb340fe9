"""Augmentation of whole batches, with its own random numbers for each image; how much of it, `policies` says."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from study.training.augmentation_policies import Policy
from study.training.distributed import Share

# Optical density of pure hematoxylin, eosin and DAB in red, green, blue (Ruifrok and Johnston 2001).
_STAIN_VECTORS = torch.tensor([[0.650, 0.704, 0.286], [0.072, 0.990, 0.105], [0.268, 0.570, 0.776]])
_STAIN_VECTORS = _STAIN_VECTORS / _STAIN_VECTORS.norm(dim=1, keepdim=True)


def augment(images: Tensor, chosen: Policy, generator: torch.Generator, share: Share | None = None) -> Tensor:
    """Changes each image of a batch at random.

    Args:
        images: float (N, 3, H, W) in [0, 1]; H == W.
        chosen: the ranges.
        generator: on the CPU, so that CPU and GPU see the same changes.
        share: of a larger batch, where these are not all of it: each image is changed as it would be in there.

    Returns:
        float (N, 3, H, W) in [0, 1]; the same tensor where the policy changes nothing.
    """
    if chosen == Policy():
        return images
    draw = _Draws(share or Share.whole(len(images)), images.device, generator)
    # Grey images stay grey under all but the stains: what is done to one channel is done to all.
    shown = images[:, :1] if chosen.stains is None and _are_grey(images) else images
    # Always a copy: all that follows works in place. Planes of one channel are what is resampled fastest.
    changed = _moved(shown.clone(memory_format=torch.contiguous_format), chosen, draw)
    if chosen.stains is not None:
        changed = _vary_stains(changed, chosen.stains, draw)
    return _vary_intensity(changed, chosen, draw).expand(images.shape)


def _are_grey(images: Tensor) -> bool:
    """On a GPU the answer would have to be waited for, and there is less to be saved."""
    first, second, third = images.unbind(1)
    return images.device.type == "cpu" and torch.equal(first, second) and torch.equal(first, third)


class _Draws:
    """One random number for each image, shaped to broadcast over (N, 3, H, W)."""

    def __init__(self, share: Share, device: torch.device, generator: torch.Generator) -> None:
        self.share, self.device, self.generator = share, device, generator

    def uniform(self, low: float, high: float) -> Tensor:
        values = torch.rand(self.share.num_images, generator=self.generator) * (high - low) + low
        return values[self.share.positions].to(self.device).view(-1, 1, 1, 1)

    def coin(self) -> Tensor:
        return self.uniform(0, 1) < 0.5

    def noise(self, size: torch.Size) -> Tensor:
        """Standard normal noise of one channel and this size, the same one for all channels."""
        values = torch.randn((self.share.num_images, 1, *size), generator=self.generator)
        return values[self.share.positions].to(self.device)


def _moved(images: Tensor, chosen: Policy, draw: _Draws) -> Tensor:
    """Flips, quarter turns and the affine changes; where there are any of the last, all in one resampling."""
    mirrored = draw.coin() if chosen.horizontal_flip or chosen.dihedral else None
    upside_down, transposed = (draw.coin(), draw.coin()) if chosen.dihedral else (None, None)
    if chosen.rotation_deg or chosen.scale or chosen.shift or chosen.crop:
        theta = _theta(chosen, draw)
        # From where in the image that is not flipped yet: x and y change places, or their signs.
        if transposed is not None:
            theta = torch.where(transposed.view(-1, 1, 1), theta.flip(1), theta)
        for row, flipped in enumerate((mirrored, upside_down)):
            if flipped is not None:
                theta[:, row] *= torch.where(flipped.view(-1, 1), -1.0, 1.0)
        return functional.grid_sample(
            images, _grid(theta, *images.shape[2:]), mode="bilinear", padding_mode="border", align_corners=False
        )
    if mirrored is not None:
        images = torch.where(mirrored, images.flip(3), images)
    if upside_down is not None and transposed is not None:
        images = torch.where(upside_down, images.flip(2), images)
        images = torch.where(transposed, images.transpose(2, 3), images)
    return images


def _theta(chosen: Policy, draw: _Draws) -> Tensor:
    """(N, 2, 3): from where each image is resampled to rotate, zoom, shift and crop it, see `affine_grid`."""
    angle = (draw.uniform(-1, 1) * math.radians(chosen.rotation_deg)).flatten()
    zoom = draw.uniform(1 - chosen.scale, 1 + chosen.scale).flatten()
    shift_x, shift_y = (draw.uniform(-2 * chosen.shift, 2 * chosen.shift).flatten() for _ in range(2))
    if chosen.crop:
        side = draw.uniform(1 - chosen.crop, 1).flatten()
        # Within the image, and so that the middle stays within the crop although both are turned against each other.
        # All are halves of a side.
        turned = torch.cos(angle).abs() + torch.sin(angle).abs()
        room = torch.minimum(1 - side, (side / turned - chosen.centre).clamp(min=0))
        shift_x, shift_y = (shift + draw.uniform(-1, 1).flatten() * room for shift in (shift_x, shift_y))
        zoom = zoom / side
    cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    return torch.stack([torch.stack([cos, -sin, shift_x], dim=1), torch.stack([sin, cos, shift_y], dim=1)], dim=1)


def _grid(theta: Tensor, height: int, width: int) -> Tensor:
    """(N, H, W, 2): what `affine_grid` gives, without its product of matrices with three columns."""
    x, y = ((2 * torch.arange(n, device=theta.device) + 1) / n - 1 for n in (width, height))
    grid = theta.new_empty(len(theta), height, width, 2)
    for axis in range(2):
        of_x, of_y, shift = (theta[:, axis, i].view(-1, 1, 1) for i in range(3))
        torch.add(of_x * x, of_y * y.view(-1, 1) + shift, out=grid[..., axis])
    return grid


def _vary_stains(images: Tensor, stains: tuple[float, float, float], draw: _Draws) -> Tensor:
    """Scales the optical density of each stain by its own factor for each image; in place."""
    vectors = _STAIN_VECTORS.to(images)
    factors = torch.cat([draw.uniform(1 - s, 1 + s) for s in stains], dim=1).flatten(1)
    # (N, 3, 3): density -> amounts of the stains -> amounts changed -> density.
    change = torch.linalg.inv(vectors) @ torch.diag_embed(factors) @ vectors
    # Half a grey level keeps the logarithm finite on pixels that are saturated black. Twice negated is not at all.
    density = images.clamp_(min=0.5 / 255).log_().flatten(2)
    return torch.bmm(change.transpose(1, 2), density).exp_().clamp_(0, 1).view(images.shape)


def _vary_intensity(images: Tensor, chosen: Policy, draw: _Draws) -> Tensor:
    """Grey values and colours, in place."""
    if chosen.gamma:
        exponent = torch.exp(draw.uniform(-1, 1) * math.log1p(chosen.gamma))
        images.clamp_(min=0).pow_(exponent)
    if chosen.contrast:
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        factor = draw.uniform(1 - chosen.contrast, 1 + chosen.contrast)
        images.mul_(factor).add_(mean * (1 - factor))
    if chosen.saturation:
        grey = images.mean(dim=1, keepdim=True)
        factor = draw.uniform(1 - chosen.saturation, 1 + chosen.saturation)
        images.mul_(factor).add_(grey * (1 - factor))
    if chosen.brightness:
        images.add_(draw.uniform(-chosen.brightness, chosen.brightness))
    if chosen.noise:
        # One value for the three channels: grey images must stay grey.
        grain = draw.noise(images.shape[2:])
        images.add_(grain.mul_(draw.uniform(0, chosen.noise)))
    return images.clamp_(0, 1)
