"""ResNet-18 of He et al. (2016), as torchvision builds it."""

from torchvision.models import resnet18

from study.architectures._torchvision import torchvision_architecture

ARCHITECTURE = torchvision_architecture(
    resnet18,
    title="ResNet-18",
    weights="ResNet18_Weights.IMAGENET1K_V1",
    head="fc",
    cam_layer="layer4",
)
