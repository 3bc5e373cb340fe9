"""ResNet-50 of He et al. (2016), as torchvision builds it: with the stride in the 3x3 convolution of a bottleneck."""

from torchvision.models import resnet50

from study.architectures._torchvision import torchvision_architecture

ARCHITECTURE = torchvision_architecture(
    resnet50,
    title="ResNet-50",
    weights="ResNet50_Weights.IMAGENET1K_V1",
    head="fc",
    cam_layer="layer4",
)
