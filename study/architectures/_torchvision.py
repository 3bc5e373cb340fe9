"""Networks of torchvision, made ready for weights that were learnt on ImageNet.

Names of weights are torchvision's, but for the head, which is dropout and a linear layer here.
"""

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from study.architectures import Architecture
from study.errors import DeclarationError
from study.spec import Recipe


class FixedBatchNorm2d(nn.BatchNorm2d):
    """Batch normalization that never updates its statistics: in training, too, it normalizes with those it has.

    Weight and bias learn. The state dict is that of `nn.BatchNorm2d`.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
        )


def fix_statistics(model: nn.Module) -> None:
    """Replaces every batch normalization in a network by one with fixed statistics and the same state."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                fixed = FixedBatchNorm2d(child.num_features, eps=child.eps, momentum=child.momentum)
                fixed.load_state_dict(child.state_dict())
                setattr(parent, name, fixed)


def torchvision_architecture(
    make: Callable[..., nn.Module],
    *,
    title: str,
    weights: str,
    head: str,
    dropout: float = 0.2,
    smallest_px: int = 1,
    **others: Any,
) -> Architecture:
    """An architecture from torchvision's function that makes it.

    Args:
        make: `weights=None` -> network with random weights.
        title: name in reports.
        weights: torchvision's name of the published weights.
        head: name of the child that torchvision's network ends with.
        dropout: in [0, 1), of the default recipe.
        smallest_px: image side below which the network has no last feature map.
        others: further fields of `Architecture`.
    """

    def build(recipe: Recipe, num_logits: int, image_size_px: int) -> nn.Module:
        if image_size_px < smallest_px:
            raise DeclarationError(
                f"{title} needs images of {smallest_px} px or more, but image_size is {image_size_px}. Declare a "
                "larger image_size, or leave this network out."
            )
        model = make(weights=None)
        linear = [m for m in getattr(model, head).modules() if isinstance(m, nn.Linear)][-1]
        setattr(model, head, nn.Sequential(nn.Dropout(recipe.dropout), nn.Linear(linear.in_features, num_logits)))
        if not recipe.batchnorm:
            fix_statistics(model)
        return model

    return Architecture(
        title=title,
        hyperparameters=("dropout", "batchnorm"),
        build=build,
        head=head,
        weights=weights,
        # The head first, which is random: its first gradients would spoil the weights that precede it.
        recipe=Recipe(
            pretrained=True,
            freeze_epochs=2,
            optimizer="adamw",
            lr=1e-3,
            fine_tune_lr=1e-4,
            weight_decay=1e-2,
            schedule="cosine",
            augmentation="light",
            batchnorm=True,
            dropout=dropout,
        ),
        **others,
    )
