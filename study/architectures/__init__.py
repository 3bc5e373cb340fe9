"""Networks, one file each, found by file name: `study/architectures/<name>.py` defines `ARCHITECTURE`."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from study import registry
from study.spec import Recipe


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A network that a study can train.

    Attributes:
        title: its name in reports.
        hyperparameters: the recipe's fields that `build` reads; a study may search no others of the network.
        build: (recipe, num_logits, image_size_px) -> module that maps float32 (N, 3, H, W) images, standardized
            to about zero mean and unit variance, to float32 (N, num_logits) logits.
    """

    title: str
    hyperparameters: tuple[str, ...]
    build: Callable[[Recipe, int, int], nn.Module]


NETWORK_HYPERPARAMETERS = ("dropout", "batchnorm", "kernel_size", "dense_units")


def names() -> list[str]:
    """All architectures."""
    return registry.names(__name__)


def find(name: str) -> Architecture:
    """The architecture of that name.

    Raises:
        UnknownNameError: there is none.
    """
    architecture: Architecture = registry.find(__name__, name, attribute="ARCHITECTURE", kind="architecture")
    return architecture


def num_parameters(module: nn.Module) -> int:
    """Count of trainable parameters."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
