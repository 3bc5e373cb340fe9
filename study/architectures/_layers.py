"""Layers that several networks share."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn


def features_and_head(features: Sequence[nn.Module], head: Sequence[nn.Module]) -> nn.Sequential:
    """A network in the two parts that every architecture has: up to the last feature map, and what follows it."""
    return nn.Sequential(OrderedDict(features=nn.Sequential(*features), head=nn.Sequential(*head)))


def conv_relu(
    in_channels: int, out_channels: int, kernel_size: int, *, batchnorm: bool, stride: int = 1
) -> nn.Sequential:
    """Convolution that keeps the size (at stride 1), batch normalization if asked for, ReLU."""
    return nn.Sequential(
        nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=kernel_size // 2,
            # Batch normalization subtracts the mean: a bias before it would have no effect and no gradient.
            bias=not batchnorm,
        ),
        nn.BatchNorm2d(out_channels) if batchnorm else nn.Identity(),
        nn.ReLU(inplace=True),
    )


def dense_relu(in_features: int, out_features: int, *, dropout: float) -> nn.Sequential:
    """Linear, ReLU, dropout."""
    return nn.Sequential(nn.Linear(in_features, out_features), nn.ReLU(inplace=True), nn.Dropout(dropout))
