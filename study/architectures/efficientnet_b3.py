"""EfficientNet-B3 of Tan and Le (2019), as torchvision builds it; the paper trains it on images of 300 px."""

from torchvision.models import efficientnet_b3

from study.architectures._torchvision import torchvision_architecture

ARCHITECTURE = torchvision_architecture(
    efficientnet_b3,
    title="EfficientNet-B3",
    weights="EfficientNet_B3_Weights.IMAGENET1K_V1",
    head="classifier",
    dropout=0.3,
)
