"""Optimizers and learning-rate schedules of a recipe."""

import math

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from study.spec import Recipe

# Of a "onecycle" schedule, the share in which the learning rate still rises (torch's default).
WARM_UP_SHARE = 0.3
_MOMENTUM = 0.9


def make_optimizer(model: nn.Module, recipe: Recipe) -> Optimizer:
    """The recipe's optimizer over all trainable parameters."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    lr, weight_decay = recipe.lr, recipe.weight_decay
    # The fused kernels update all parameters in one pass, on the CPU too.
    if recipe.optimizer == "adam":
        return Adam(parameters, lr=lr, weight_decay=weight_decay, fused=True)
    if recipe.optimizer == "adamw":
        return AdamW(parameters, lr=lr, weight_decay=weight_decay, fused=True)
    return SGD(parameters, lr=lr, weight_decay=weight_decay, momentum=_MOMENTUM, nesterov=True, fused=True)


def make_schedule(optimizer: Optimizer, recipe: Recipe, num_steps: int) -> LRScheduler:
    """The recipe's schedule, stepped after each batch; it spans `num_steps`, the full budget of a trial."""
    if recipe.schedule == "onecycle":
        return OneCycleLR(optimizer, max_lr=recipe.lr, total_steps=num_steps, pct_start=WARM_UP_SHARE)
    if recipe.schedule == "cosine":
        return LambdaLR(optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * min(step / num_steps, 1))))
    return LambdaLR(optimizer, lambda _: 1.0)
