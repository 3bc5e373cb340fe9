"""Losses: binary cross-entropy with pos_weight, cross-entropy with class weights."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from study.evaluation.class_weights import class_weights, resolve_pos_weight
from study.spec import Recipe

Loss = Callable[[Tensor, Tensor], Tensor]


def training_loss(recipe: Recipe, train_counts: Sequence[int], device: torch.device) -> Loss:
    """The loss that a recipe trains with: (logits (N, 1 or C), targets (N,)) -> scalar."""
    if len(train_counts) == 2:
        weight = torch.tensor(resolve_pos_weight(recipe.pos_weight, train_counts), device=device)
        return lambda logits, targets: functional.binary_cross_entropy_with_logits(
            logits[:, 0], targets.to(logits.dtype), pos_weight=weight
        )
    weights = torch.tensor(class_weights(train_counts, recipe.class_weight_power), device=device)
    # Not reduction="mean": that divides by the weights in the batch, which undoes part of the weighting.
    return lambda logits, targets: (
        functional.cross_entropy(logits, targets, weight=weights, reduction="sum") / len(targets)
    )


def log_loss(logits: Tensor, targets: Tensor) -> float:
    """Unweighted mean negative log-likelihood: comparable between recipes, unlike the loss they train with."""
    if logits.shape[1] == 1:
        return float(functional.binary_cross_entropy_with_logits(logits[:, 0].float(), targets.float()))
    return float(functional.cross_entropy(logits.float(), targets))


def probabilities(logits: Tensor) -> Tensor:
    """(N, 1 or C) logits -> float32 (N, C) probabilities; one logit gives the columns negative, positive.

    The last images of a batch go another way through the processor than the others, and in single precision equal
    logits may then end in unequal probabilities: a constant network would rank the images, by their place.
    """
    logits = logits.double()
    if logits.shape[1] == 1:
        positive = torch.sigmoid(logits)
        return torch.cat([1 - positive, positive], dim=1).float()
    return torch.softmax(logits, dim=1).float()
