"""EfficientNet-B2 of Tan and Le (2019), as torchvision builds it; the paper trains it on images of 260 px."""

from torchvision.models import efficientnet_b2

from study.architectures._torchvision import torchvision_architecture

ARCHITECTURE = torchvision_architecture(
    efficientnet_b2,
    title="EfficientNet-B2",
    weights="EfficientNet_B2_Weights.IMAGENET1K_V1",
    head="classifier",
    dropout=0.3,
)
