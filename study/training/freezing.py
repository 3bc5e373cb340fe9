"""The two stages of transfer learning: only the head learns, then everything does."""

from torch import nn


def set_frozen(model: nn.Module, *, head: str, frozen: bool) -> None:
    """Lets all parameters learn, or only those of the head."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not frozen or name.partition(".")[0] == head)


def training_mode(model: nn.Module, *, head: str, frozen: bool) -> None:
    """Training mode, but for what is frozen.

    A frozen part also keeps the statistics of its batch normalization and drops no paths: it is the same function
    for every batch.
    """
    model.train()
    if frozen:
        for name, child in model.named_children():
            if name != head:
                child.eval()
