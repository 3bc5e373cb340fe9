"""What a study file declares: `Study`, `Recipe`, `Budget`, `OwnImages`, `PublishedResult`. No torch and no Ray."""

from study.spec.budget import BUDGETS, Budget
from study.spec.declaration import Study
from study.spec.own_images import OwnImages, Table
from study.spec.published import PublishedEpoch, PublishedResult
from study.spec.recipe import (
    AUGMENTATIONS,
    BFLOAT16,
    FLOAT32,
    HYPERPARAMETERS,
    OPTIMIZERS,
    PRECISIONS,
    SCHEDULES,
    Recipe,
)

__all__ = [
    "AUGMENTATIONS",
    "BFLOAT16",
    "BUDGETS",
    "FLOAT32",
    "HYPERPARAMETERS",
    "OPTIMIZERS",
    "PRECISIONS",
    "SCHEDULES",
    "Budget",
    "OwnImages",
    "PublishedEpoch",
    "PublishedResult",
    "Recipe",
    "Study",
    "Table",
]
