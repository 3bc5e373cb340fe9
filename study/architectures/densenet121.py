"""DenseNet-121 of Huang et al. (2017), as torchvision builds it, with the last ReLU and pooling as modules."""

import re
from typing import Any

from torch import Tensor, nn
from torchvision.models import densenet121

from study.architectures._torchvision import torchvision_architecture

_PUBLISHED = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")


def _make(**options: Any) -> nn.Module:
    model: nn.Module = densenet121(**options)
    # Torchvision's forward changes the output of `features` in place, which Grad-CAM would look at. After these two
    # there is nothing to change: what arrives is not negative, and one position large.
    features = model.get_submodule("features")
    features.add_module("relu5", nn.ReLU())
    features.add_module("pool5", _Mean())
    return model


class _Mean(nn.Module):
    """What AdaptiveAvgPool2d(1) computes; ONNX has no word for how that lays out its result."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean((2, 3), keepdim=True)


def _rename(name: str) -> str:
    """The published file is from when names of modules could hold dots: norm.1 instead of norm1."""
    return _PUBLISHED.sub(r"\1\2", name)


ARCHITECTURE = torchvision_architecture(
    _make,
    title="DenseNet-121",
    weights="DenseNet121_Weights.IMAGENET1K_V1",
    head="classifier",
    cam_layer="features.relu5",
    rename=_rename,
    smallest_px=29,
)
