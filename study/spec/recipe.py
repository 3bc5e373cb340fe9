"""One full set of hyperparameters, and what each may be."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from numbers import Integral, Real
from typing import Any

from study.errors import DeclarationError, UnknownNameError

OPTIMIZERS = ("adam", "adamw", "sgd")
SCHEDULES = ("constant", "cosine", "onecycle")
AUGMENTATIONS = ("none", "light", "strong")
FLOAT32, BFLOAT16 = PRECISIONS = ("float32", "bfloat16")
_WHOLE_NUMBERS = ("batch_size", "early_stopping", "kernel_size", "dense_units", "width", "depth", "freeze_epochs")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One full set of hyperparameters. The budget, not the recipe, says for how many epochs it is trained.

    Attributes:
        optimizer: "adam", "adamw" or "sgd" (Nesterov momentum 0.9).
        lr: peak learning rate, > 0.
        weight_decay: L2 penalty (decoupled for adamw), >= 0.
        batch_size: images a step, >= 1; larger than the training split means full-batch.
        schedule: "constant", "cosine" (to zero) or "onecycle"; it always spans the budget's epochs.
        early_stopping: epochs without a better val score before training ends; 0 never ends it early.
        augmentation: "none", "light" or "strong"; what each does depends on the dataset's modality.
        pos_weight: binary studies: weight of the positive class in the loss, > 0, or "balanced" for
            negatives / positives of the training split.
        class_weight_power: multi-class studies: class weights are proportional to n_c ** -power, in [0, 1].
        dropout: probability of a unit being dropped before the dense layers, in [0, 1).
        batchnorm: whether the convolutions are followed by batch normalization.
        kernel_size: side of the convolution kernels in pixels, odd.
        dense_units: width of the dense layer before the logits.
        width: channels of the first convolution; later ones have a multiple of it.
        depth: number of convolution blocks.
        pretrained: whether training starts from weights that were learnt on other images. Networks that are
            pretrained keep their batch normalization: for them `batchnorm` says whether its statistics are updated.
        freeze_epochs: pretrained only: epochs for which all but the head is frozen, >= 0. Then everything is trained
            at `fine_tune_lr`, with an optimizer and a schedule of its own.
        fine_tune_lr: peak learning rate after `freeze_epochs`, > 0.
        stated: for a document's recipe: the fields which the document states -> where ("document 001, line 9").
            All others are assumed. Not a hyperparameter.
        epochs: for a document's recipe: for how many epochs the document trains it, None where it doesn't say. A
            budget of fewer truncates it, and the report says so. Not a hyperparameter.
    """

    optimizer: str = "adam"
    lr: float = 1e-3
    weight_decay: float = 0.0
    batch_size: int = 32
    schedule: str = "constant"
    early_stopping: int = 0
    augmentation: str = "none"
    pos_weight: float | str = 1.0
    class_weight_power: float = 0.0
    dropout: float = 0.0
    batchnorm: bool = False
    kernel_size: int = 3
    dense_units: int = 128
    width: int = 32
    depth: int = 3
    pretrained: bool = False
    freeze_epochs: int = 0
    fine_tune_lr: float = 1e-4
    epochs: int | None = None
    stated: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_types()
        for name, allowed in (
            ("optimizer", OPTIMIZERS),
            ("schedule", SCHEDULES),
            ("augmentation", AUGMENTATIONS),
        ):
            if getattr(self, name) not in allowed:
                raise DeclarationError(f"{name} must be one of {', '.join(allowed)}, but is {getattr(self, name)!r}.")
        for name, rule, holds in (
            ("lr", "greater than 0", self.lr > 0),
            ("weight_decay", "0 or more", self.weight_decay >= 0),
            ("batch_size", "1 or more", self.batch_size >= 1),
            ("early_stopping", "0 (never) or more epochs", self.early_stopping >= 0),
            ("class_weight_power", "in [0, 1]", 0 <= self.class_weight_power <= 1),
            ("dropout", "in [0, 1)", 0 <= self.dropout < 1),
            ("kernel_size", "odd and 1 or more", self.kernel_size >= 1 and self.kernel_size % 2 == 1),
            ("dense_units", "1 or more", self.dense_units >= 1),
            ("width", "1 or more", self.width >= 1),
            ("depth", "1 or more", self.depth >= 1),
            ("freeze_epochs", "0 or more", self.freeze_epochs >= 0),
            ("freeze_epochs", "0 unless pretrained is True", self.pretrained or not self.freeze_epochs),
            ("fine_tune_lr", "greater than 0", self.fine_tune_lr > 0),
            ("epochs", "1 or more", self.epochs is None or self.epochs >= 1),
            (
                "pos_weight",
                'greater than 0 or "balanced"',
                self.pos_weight == "balanced" if isinstance(self.pos_weight, str) else self.pos_weight > 0,
            ),
        ):
            if not holds:
                raise DeclarationError(f"{name} must be {rule}, but is {getattr(self, name)!r}.")
        for name in self.stated:
            if name not in (*HYPERPARAMETERS, "epochs"):
                raise UnknownNameError("hyperparameter", name, HYPERPARAMETERS)

    def _check_types(self) -> None:
        """A study file is not type-checked: `lr="1e-3"` or `dense_units=64.5` must not fail inside a trial."""
        for kind, allowed, names in (
            ("a number", Real, ("lr", "fine_tune_lr", "weight_decay", "class_weight_power", "dropout")),
            ("a whole number", Integral, _WHOLE_NUMBERS),
            ("True or False", bool, ("batchnorm", "pretrained")),
        ):
            for name in names:
                value = getattr(self, name)
                if not isinstance(value, allowed) or (isinstance(value, bool) and allowed is not bool):
                    raise DeclarationError(f"{name} must be {kind}, but is {value!r}.")

    def with_values(self, values: Mapping[str, Any]) -> "Recipe":
        """This recipe with some hyperparameters replaced; what was stated of those is dropped."""
        for name in values:
            if name not in HYPERPARAMETERS:
                raise UnknownNameError("hyperparameter", name, HYPERPARAMETERS)
        stated = {name: where for name, where in self.stated.items() if name not in values}
        return replace(self, stated=stated, **values)

    def without_provenance(self) -> "Recipe":
        """The hyperparameters alone: what two recipes are compared by, and what the records hold."""
        return replace(self, stated={}, epochs=None)

    def hyperparameters(self) -> dict[str, Any]:
        """Name -> value, JSON-ready, in the order of declaration."""
        return {name: value for name, value in asdict(self).items() if name in HYPERPARAMETERS}


HYPERPARAMETERS = tuple(f.name for f in fields(Recipe) if f.name not in ("stated", "epochs"))
