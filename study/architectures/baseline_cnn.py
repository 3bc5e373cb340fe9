"""Baseline CNN of document 003: three blocks of convolution, batch norm, ReLU and pooling, one dense layer."""

from torch import nn

from study.architectures import Architecture
from study.architectures._layers import conv_relu, dense_relu, features_and_head
from study.spec import Recipe

_WIDTHS = (32, 64, 128)


def _build(recipe: Recipe, num_logits: int, image_size_px: int) -> nn.Module:
    layers: list[nn.Module] = []
    channels = 3
    for width in _WIDTHS:
        layers += [conv_relu(channels, width, recipe.kernel_size, batchnorm=recipe.batchnorm), nn.MaxPool2d(2)]
        channels = width
    side_px = image_size_px // 2 ** len(_WIDTHS)
    return features_and_head(
        layers[:-1],
        [
            layers[-1],
            nn.Flatten(),
            dense_relu(channels * side_px * side_px, recipe.dense_units, dropout=recipe.dropout),
            nn.Linear(recipe.dense_units, num_logits),
        ],
    )


ARCHITECTURE = Architecture(
    title="Baseline CNN",
    hyperparameters=("dropout", "batchnorm", "kernel_size", "dense_units"),
    build=_build,
)
