"""HAHNet-based network: residual inception blocks with channel and spatial attention.

Inspired by the published HAHNet for HER2 scoring (an inception network with a hybrid attention mechanism); the
document gives no layer table, so no fidelity to the published network is claimed. Inception branches follow
Szegedy et al. (2015), the two attentions Woo et al. (2018).
"""

import torch
from torch import Tensor, nn

from study.architectures import Architecture
from study.architectures._layers import conv_relu, features_and_head
from study.spec import Recipe

_WIDTHS = (32, 64, 128)


class ChannelAttention(nn.Module):
    """Scales each channel by a gate in (0, 1) computed from its mean and its maximum over the image."""

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.Linear(channels, channels // reduction),
            nn.ReLU(inplace=True),
            nn.Linear(channels // reduction, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        logits = self.gate(x.mean(dim=(2, 3))) + self.gate(x.amax(dim=(2, 3)))
        return x * torch.sigmoid(logits)[:, :, None, None]


class SpatialAttention(nn.Module):
    """Scales each position by a gate in (0, 1) computed from the mean and the maximum over channels around it."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Conv2d(2, 1, kernel_size=7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        summary = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        return x * torch.sigmoid(self.gate(summary))


class ResidualInceptionBlock(nn.Module):
    """Parallel 1x1, 3x3, 5x5 and pooling branches, both attentions, and a shortcut around them."""

    def __init__(self, in_channels: int, out_channels: int, *, batchnorm: bool) -> None:
        super().__init__()
        width = out_channels // 4
        self.branches = nn.ModuleList(
            [
                conv_relu(in_channels, width, 1, batchnorm=batchnorm),
                nn.Sequential(
                    conv_relu(in_channels, width, 1, batchnorm=batchnorm),
                    conv_relu(width, width, 3, batchnorm=batchnorm),
                ),
                nn.Sequential(
                    conv_relu(in_channels, width, 1, batchnorm=batchnorm),
                    conv_relu(width, width, 5, batchnorm=batchnorm),
                ),
                nn.Sequential(
                    nn.MaxPool2d(3, stride=1, padding=1),
                    conv_relu(in_channels, width, 1, batchnorm=batchnorm),
                ),
            ]
        )
        self.attention = nn.Sequential(ChannelAttention(out_channels), SpatialAttention())
        self.shortcut = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H, W)."""
        mixed = torch.cat([branch(x) for branch in self.branches], dim=1)
        return torch.relu(self.attention(mixed) + self.shortcut(x))


def _build(recipe: Recipe, num_logits: int, image_size_px: int) -> nn.Module:
    del image_size_px  # Global pooling makes the network independent of it.
    layers: list[nn.Module] = [conv_relu(3, _WIDTHS[0], 3, stride=2, batchnorm=recipe.batchnorm)]
    channels = _WIDTHS[0]
    for width in _WIDTHS:
        layers += [ResidualInceptionBlock(channels, width, batchnorm=recipe.batchnorm), nn.MaxPool2d(2)]
        channels = width
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(recipe.dropout), nn.Linear(channels, num_logits)]
    return features_and_head(layers[:-1], [layers[-1], *head])


ARCHITECTURE = Architecture(title="HAHNet-based", hyperparameters=("dropout", "batchnorm"), build=_build)
