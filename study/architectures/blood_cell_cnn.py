"""Blood-cell CNN of document 002: blocks of convolution, ReLU and pooling, then one dense layer with dropout.

The document gives no layers, only that the network was simplified until it no longer memorized its training images. So
all of it is assumed: the common form of a first CNN, with the two measures that simplify it, `width` (channels of the
first block; each further block has twice as many as the one before) and `depth` (number of blocks), as hyperparameters.
Blocks that would pool a map of less than 4 px leave it as it is: any depth fits any image.
"""

from torch import nn

from study.architectures import Architecture
from study.architectures._layers import conv_relu, dense_relu, features_and_head
from study.spec import Recipe

_SMALLEST_TO_POOL_PX = 4


def _build(recipe: Recipe, num_logits: int, image_size_px: int) -> nn.Module:
    layers: list[nn.Module] = []
    channels, side_px = 3, image_size_px
    for block in range(recipe.depth):
        width = recipe.width * 2**block
        pools = side_px >= _SMALLEST_TO_POOL_PX
        layers += [
            conv_relu(channels, width, 3, batchnorm=recipe.batchnorm),
            nn.MaxPool2d(2) if pools else nn.Identity(),
        ]
        channels, side_px = width, side_px // 2 if pools else side_px
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
    title="Blood-cell CNN",
    hyperparameters=("dropout", "batchnorm", "dense_units", "width", "depth"),
    build=_build,
)
