"""Grad-CAM: where in an image a network finds what speaks for its answer, and the same for networks without training.

Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization (ICCV 2017): each
channel of the last feature map is weighted by the mean, over all positions, of the gradient of the answer's logit. The
weighted sum is a map, of which the part above 0 speaks for the answer.
"""

from dataclasses import replace

import torch
from captum.attr import LayerGradCam
from torch import Tensor, nn

from study import architectures
from study.spec import Recipe


class NoMapError(Exception):
    """There is no Grad-CAM of this network and image."""


def grad_cam(model: nn.Module, layer: str, image: Tensor, answer: int) -> Tensor:
    """The map of one image, float32 (h, w) on the CPU, before what is below 0 is cut off.

    Args:
        model: maps (1, 3, H, W) to (1, num_logits) logits; in eval mode.
        layer: name of the module whose output, float (1, C, h, w), is looked at.
        image: float32 (1, 3, H, W), standardized.
        answer: index of the class whose logit is explained. A network with one logit has two classes, and what speaks
            for the first one is what lowers the logit.

    Raises:
        NoMapError: the layer's output is no map of features, or the map is not finite.
    """

    def logits(batch: Tensor) -> Tensor:
        out: Tensor = model(batch)
        return torch.cat([-out, out], dim=1) if out.shape[1] == 1 else out

    found: Tensor = LayerGradCam(logits, model.get_submodule(layer)).attribute(image, target=answer).detach().cpu()
    if found.ndim != 4:
        raise NoMapError(f"the output of its layer {layer!r} is no map of features")
    if not found.isfinite().all():
        raise NoMapError("its gradient or its features are not finite")
    return found[0, 0]


def untrained(architecture: str, recipe: Recipe, num_logits: int, images: Tensor, seed: int) -> nn.Module:
    """The same network with weights that were drawn, not trained; in eval mode.

    Batch normalization has the statistics of `images`, float32 (N, 3, H, W) with N of 2 or more: with those that it is
    made with, signals fade to nothing within a deep network, and so would its maps.
    """
    network = architectures.find(architecture)
    # Statistics that a recipe fixes, those of pretrained weights, belong to these weights alone.
    recipe = replace(recipe, batchnorm=True) if network.weights else recipe
    torch.manual_seed(seed)
    model = network.build(recipe, num_logits, images.shape[-1]).train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        model(images)
    return model.eval()
