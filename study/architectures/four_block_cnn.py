"""Custom CNN of document 000: four blocks of convolution, ReLU and pooling, then three dense layers with ReLU.

The document names no widths: 16 to 128 channels and 256, 128, 64 units are assumed.
"""

from torch import nn

from study.architectures import Architecture
from study.architectures._layers import conv_relu, dense_relu, features_and_head
from study.spec import Recipe

_WIDTHS = (16, 32, 64, 128)
_DENSE_UNITS = (256, 128, 64)


def _build(recipe: Recipe, num_logits: int, image_size_px: int) -> nn.Module:
    layers: list[nn.Module] = []
    channels = 3
    for width in _WIDTHS:
        layers += [conv_relu(channels, width, 3, batchnorm=recipe.batchnorm), nn.MaxPool2d(2)]
        channels = width
    features = channels * (image_size_px // 2 ** len(_WIDTHS)) ** 2
    head: list[nn.Module] = [layers.pop(), nn.Flatten()]
    for units in _DENSE_UNITS:
        head.append(dense_relu(features, units, dropout=recipe.dropout))
        features = units
    return features_and_head(layers, [*head, nn.Linear(features, num_logits)])


ARCHITECTURE = Architecture(title="Four-block CNN", hyperparameters=("dropout", "batchnorm"), build=_build)
