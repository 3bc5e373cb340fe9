"""EfficientNet-B4 of Tan and Le (2019), as torchvision builds it; the paper trains it on images of 380 px."""

from torchvision.models import efficientnet_b4

from study.architectures._torchvision import torchvision_architecture

ARCHITECTURE = torchvision_architecture(
    efficientnet_b4,
    title="EfficientNet-B4",
    weights="EfficientNet_B4_Weights.IMAGENET1K_V1",
    head="classifier",
    dropout=0.4,
)
