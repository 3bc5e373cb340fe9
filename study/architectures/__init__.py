"""Networks, one file each, found by file name: `study/architectures/<name>.py` defines `ARCHITECTURE`."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import nn

from study import registry
from study.errors import DeclarationError, StudyError, UnknownNameError
from study.spec import Recipe

KIND = registry.Kind(name="architecture", package=__name__, attribute="ARCHITECTURE")
NETWORK_HYPERPARAMETERS = ("dropout", "batchnorm", "kernel_size", "dense_units", "width", "depth")


def _unchanged(name: str) -> str:
    return name


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A network that a study can train.

    Attributes:
        title: its name in reports.
        hyperparameters: the recipe's fields that `build` reads; a study may search no others of the network.
        build: (recipe, num_logits, image_size_px) -> module that maps float32 (N, 3, H, W) images, standardized
            to about zero mean and unit variance, to float32 (N, num_logits) logits. Weights are random; those of a
            pretrained recipe are put in by `study.training.pretrained`.
        head: name of the child module that follows the last feature map; never taken from weights that were learnt
            on other classes, and the only part that learns while the others are frozen.
        cam_layer: name of the module whose output Grad-CAM looks at: float (N, C, h, w), the last feature map.
        weights: torchvision's name of the weights that a pretrained recipe starts from, "" where it has none.
        rename: name of a weight in torchvision's published file -> its name in the network that `build` returns.
        recipe: where a study declares no recipe of its own for this network.
    """

    title: str
    hyperparameters: tuple[str, ...]
    build: Callable[[Recipe, int, int], nn.Module]
    head: str = "head"
    cam_layer: str = "features"
    weights: str = ""
    rename: Callable[[str], str] = _unchanged
    recipe: Recipe = field(default_factory=Recipe)

    def __post_init__(self) -> None:
        for name in self.hyperparameters:
            if name not in NETWORK_HYPERPARAMETERS:
                raise UnknownNameError("hyperparameter of a network called", name, NETWORK_HYPERPARAMETERS)


def names() -> list[str]:
    """All architectures."""
    return KIND.names()


def find(name: str) -> Architecture:
    """The architecture of that name.

    Raises:
        UnknownNameError: there is none.
    """
    architecture: Architecture = KIND.find(name)
    return architecture


def check(name: str, recipe: Recipe, num_logits: int, size_px: int) -> None:
    """Has a network answer two images, so that one that never could isn't found out by all of its trials.

    Raises:
        DeclarationError: it can't, or its answers aren't (2, num_logits) numbers.
    """
    rule = f"The network {name!r} must map images of 3 x {size_px} x {size_px} to {num_logits} logits each"
    remedy = "Mend its file."
    try:
        with torch.inference_mode():
            logits = find(name).build(recipe, num_logits, size_px).eval()(torch.zeros(2, 3, size_px, size_px))
            shape = tuple(logits.shape)
    except StudyError:
        raise
    except Exception as error:
        # Whatever a file that a user may have written raises is the user's to mend.
        if isinstance(error, RuntimeError):
            # What torch raises of images that are too small.
            remedy = "Mend its file, or give another --image-size."
        raise DeclarationError(f"{rule}, but raises {registry.described(error)}. {remedy}") from error
    if shape != (2, num_logits):
        raise DeclarationError(f"{rule}, but of two it makes a tensor of the shape {shape}. {remedy}")


def num_parameters(module: nn.Module) -> int:
    """Count of trainable parameters."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
