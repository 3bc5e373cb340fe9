"""Eight-convolution CNN: this project's own reference network, small, robust and of any image size.

Four blocks of two 3x3 convolutions and a pooling, as in the VGG networks of Simonyan and Zisserman (2015). Unlike
theirs, a global average of the last feature map takes the place of the dense layers, which hold most of a VGG's
parameters, tie it to one image size and overfit on some thousand images. `width` is that of the first block; the others
have 2, 4 and 8 times as many channels.
"""

from torch import nn

from study.architectures import Architecture
from study.architectures._layers import conv_relu, features_and_head
from study.spec import Recipe

_MULTIPLES = (1, 2, 4, 8)


def _build(recipe: Recipe, num_logits: int, image_size_px: int) -> nn.Module:
    features: list[nn.Module] = []
    channels = 3
    for multiple in _MULTIPLES:
        width = multiple * recipe.width
        features += [
            conv_relu(channels, width, 3, batchnorm=recipe.batchnorm),
            conv_relu(width, width, 3, batchnorm=recipe.batchnorm),
            nn.MaxPool2d(2),
        ]
        channels = width
    # The last pooling is the head's global average.
    return features_and_head(
        features[:-1],
        [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(recipe.dropout), nn.Linear(channels, num_logits)],
    )


ARCHITECTURE = Architecture(
    title="Eight-convolution CNN",
    hyperparameters=("dropout", "batchnorm", "width"),
    build=_build,
    recipe=Recipe(
        optimizer="adamw",
        lr=1e-3,
        weight_decay=1e-2,
        schedule="cosine",
        augmentation="strong",
        batchnorm=True,
        dropout=0.2,
        width=16,
    ),
)
