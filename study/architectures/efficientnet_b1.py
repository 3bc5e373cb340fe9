"""EfficientNet-B1 of Tan and Le (2019), as torchvision builds it; the paper trains it on images of 240 px."""

from torchvision.models import efficientnet_b1

from study.architectures._torchvision import torchvision_architecture

ARCHITECTURE = torchvision_architecture(
    efficientnet_b1,
    title="EfficientNet-B1",
    weights="EfficientNet_B1_Weights.IMAGENET1K_V1",
    head="classifier",
)
