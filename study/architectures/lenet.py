"""LeNet-based network: two 5x5 convolutions with pooling, dense 120 and 84 (LeCun et al. 1998), with ReLU."""

from torch import nn

from study.architectures import Architecture
from study.architectures._layers import conv_relu, dense_relu, features_and_head
from study.spec import Recipe


def _build(recipe: Recipe, num_logits: int, image_size_px: int) -> nn.Module:
    side_px = image_size_px // 4
    return features_and_head(
        [
            conv_relu(3, 6, 5, batchnorm=recipe.batchnorm),
            nn.MaxPool2d(2),
            conv_relu(6, 16, 5, batchnorm=recipe.batchnorm),
        ],
        [
            nn.MaxPool2d(2),
            nn.Flatten(),
            dense_relu(16 * side_px * side_px, 120, dropout=recipe.dropout),
            dense_relu(120, 84, dropout=recipe.dropout),
            nn.Linear(84, num_logits),
        ],
    )


ARCHITECTURE = Architecture(title="LeNet-based", hyperparameters=("dropout", "batchnorm"), build=_build)
