"""Layers that several networks share."""

from torch import nn


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
