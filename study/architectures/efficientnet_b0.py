"""EfficientNet-B0 of Tan and Le (2019), as torchvision builds it; the paper trains it on images of 224 px."""

from torchvision.models import efficientnet_b0

from study.architectures._torchvision import torchvision_architecture

ARCHITECTURE = torchvision_architecture(
    efficientnet_b0,
    title="EfficientNet-B0",
    weights="EfficientNet_B0_Weights.IMAGENET1K_V1",
    head="classifier",
)
