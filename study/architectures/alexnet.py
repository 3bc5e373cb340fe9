"""AlexNet-based network: the five convolutions of Krizhevsky et al. (2012) in their one-GPU widths.

The two dense layers are 512 wide instead of 4096: patches of 64 to 150 px leave one to nine positions before
them, where the original's 224 px leave thirty-six.
"""

from torch import nn

from study.architectures import Architecture
from study.architectures._layers import conv_relu, dense_relu, features_and_head
from study.spec import Recipe

_DENSE_UNITS = 512


def _build(recipe: Recipe, num_logits: int, image_size_px: int) -> nn.Module:
    batchnorm = recipe.batchnorm
    side_px = max(1, image_size_px // 32)
    return features_and_head(
        [
            conv_relu(3, 64, 11, stride=4, batchnorm=batchnorm),
            nn.MaxPool2d(3, stride=2, padding=1),
            conv_relu(64, 192, 5, batchnorm=batchnorm),
            nn.MaxPool2d(3, stride=2, padding=1),
            conv_relu(192, 384, 3, batchnorm=batchnorm),
            conv_relu(384, 256, 3, batchnorm=batchnorm),
            conv_relu(256, 256, 3, batchnorm=batchnorm),
        ],
        [
            nn.AdaptiveMaxPool2d(side_px),
            nn.Flatten(),
            dense_relu(256 * side_px * side_px, _DENSE_UNITS, dropout=recipe.dropout),
            dense_relu(_DENSE_UNITS, _DENSE_UNITS, dropout=recipe.dropout),
            nn.Linear(_DENSE_UNITS, num_logits),
        ],
    )


ARCHITECTURE = Architecture(title="AlexNet-based", hyperparameters=("dropout", "batchnorm"), build=_build)
