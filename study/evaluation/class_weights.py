"""How much each class counts in the loss. Without torch, so that a report can undo it."""

from collections.abc import Sequence

from study.errors import DeclarationError
from study.spec import Recipe


def loss_weights(recipe: Recipe, train_counts: Sequence[int]) -> list[float]:
    """What an image of each class weighs in the recipe's loss (C,); for two classes 1 and pos_weight.

    Args:
        recipe: its pos_weight counts for two classes, class_weight_power for more.
        train_counts: images of each class in the training split (C,).
    """
    if len(train_counts) == 2:
        return [1.0, resolve_pos_weight(recipe.pos_weight, train_counts)]
    return class_weights(train_counts, recipe.class_weight_power)


def resolve_pos_weight(pos_weight: float | str, train_counts: Sequence[int]) -> float:
    """The number behind a recipe's pos_weight; "balanced" is negatives / positives of the training split."""
    if isinstance(pos_weight, str):
        if len(train_counts) != 2:
            raise DeclarationError(
                f'pos_weight="balanced" is for two classes, but the dataset has {len(train_counts)}. '
                "Use class_weight_power."
            )
        return train_counts[0] / train_counts[1]
    return float(pos_weight)


def class_weights(train_counts: Sequence[int], power: float) -> list[float]:
    """Weights proportional to n_c ** -power whose mean over the training images is 1.

    The mean is held at 1 so that the power does not change the effective learning rate.
    """
    raw = [n**-power for n in train_counts]
    mean = sum(w * n for w, n in zip(raw, train_counts, strict=True)) / sum(train_counts)
    return [w / mean for w in raw]
