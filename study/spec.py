"""What a study file declares: `Study`, `Recipe`, `Budget` and `PublishedResult`. Plain data, no torch and no Ray."""

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

    def hyperparameters(self) -> dict[str, Any]:
        """Name -> value, JSON-ready, in the order of declaration."""
        return {name: value for name, value in asdict(self).items() if name in HYPERPARAMETERS}


HYPERPARAMETERS = tuple(f.name for f in fields(Recipe) if f.name not in ("stated", "epochs"))


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How much a study may spend on each pair.

    Attributes:
        trials: searched trials of each pair, the document's recipe included.
        epochs: full budget of one trial.
        seeds: seed runs of each pair's finalist and of the document's recipe.
        image_size: side in pixels, at most; None takes the study's.
        audit: searched trials of each pair that are never stopped early, besides the document's recipe: they tell what
            early stopping costs.
    """

    trials: int
    epochs: int
    seeds: int
    image_size: int | None = None
    audit: int = 0

    def __post_init__(self) -> None:
        for name, least in (("trials", 1), ("epochs", 1), ("seeds", 1), ("image_size", 16), ("audit", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise DeclarationError(f"A budget needs {name} >= {least}, but has {name} = {value}.")
        if self.audit >= self.trials and self.audit:
            raise DeclarationError(
                f"Audited trials are some of those after trial 0, but audit = {self.audit} with trials = {self.trials}."
            )


BUDGETS: Mapping[str, Budget] = {
    "demo": Budget(trials=5, epochs=5, seeds=3, image_size=64),
    "standard": Budget(trials=16, epochs=15, seeds=5),
    "full": Budget(trials=64, epochs=60, seeds=5),
}


@dataclass(frozen=True, kw_only=True)
class PublishedResult:
    """One row of a document's own table. Scores are fractions in [0, 1]; None where the document gives none.

    Attributes:
        label: the document's name of the network.
        architecture: our pair that stands for it.
        split: the split as the document names it: "train", "val" or "test".
        note: what a reader must know to compare, e.g. that a figure is approximate.
    """

    label: str
    architecture: str
    split: str
    accuracy: float | None = None
    precision: float | None = None
    recall: float | None = None
    roc_auc: float | None = None
    roc_auc_weighted: float | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class PublishedEpoch:
    """One row of a document's own table of epochs. Accuracies are fractions in [0, 1]; None where it gives none."""

    architecture: str
    epoch: int
    train_accuracy: float | None = None
    val_accuracy: float | None = None
    train_loss: float | None = None
    val_loss: float | None = None


@dataclass(frozen=True, kw_only=True)
class Study:
    """A question, the data that answers it, and what is explored to answer it.

    Attributes:
        title: one line, shown as the heading of the report.
        document: the source document's number ("001"), or "" for a study of one's own.
        dataset: a name in `study.datasets`.
        image_size: side in pixels to which images are resized (squares).
        pairs: architecture -> the document's recipe for it (trial 0 of the pair).
        references: architectures that the document doesn't have, for comparison; each starts from its own recipe in
            `study.architectures`.
        space: hyperparameter -> Ray Tune domain, explored for every pair. A reference that lacks one goes without it.
        pair_space: architecture -> more entries (or other domains) for that pair alone.
        tried: architecture -> other values of its recipe that the document tried, or that are known to be good:
            trials 1, 2, ... of the pair, before the sampler's.
        published: the document's own numbers.
        published_epochs: the document's own table of epochs.
        allow_from_scratch: whether pretrained pairs may be trained from scratch where no weights can be had. On
            drawn images they always may.
        val_fraction: share of the development images that becomes val.
        budgets: budgets that replace those of `BUDGETS` by name.
        notes: what a reader of the report must know about the comparison with the document.
    """

    title: str
    dataset: str
    image_size: int
    pairs: Mapping[str, Recipe]
    space: Mapping[str, Any]
    references: tuple[str, ...] = ()
    pair_space: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tried: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    published: tuple[PublishedResult, ...] = ()
    published_epochs: tuple[PublishedEpoch, ...] = ()
    allow_from_scratch: bool = False
    document: str = ""
    val_fraction: float = 0.15
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.pairs:
            raise DeclarationError("A study needs at least one pair, but pairs is empty.")
        if not 0 < self.val_fraction < 1:
            raise DeclarationError(f"val_fraction must be in (0, 1), but is {self.val_fraction}.")
        for pair in (*self.pair_space, *self.tried):
            if pair not in self.names:
                raise UnknownNameError("pair", pair, self.names)
        for pair in self.references:
            if pair in self.pairs:
                raise DeclarationError(f"A reference has no recipe in the study, but {pair!r} is in pairs too.")
        for pair in self.names:
            for name in self.space_of(pair):
                if name not in HYPERPARAMETERS:
                    raise UnknownNameError("hyperparameter", name, HYPERPARAMETERS)

    @property
    def names(self) -> tuple[str, ...]:
        """All architectures of the study, those with the document's recipe first."""
        return (*self.pairs, *self.references)

    def space_of(self, pair: str) -> dict[str, Any]:
        """The search space of one pair: hyperparameter -> Ray Tune domain."""
        return {**self.space, **self.pair_space.get(pair, {})}

    def budget(self, name: str) -> Budget:
        """The budget of that name, with the image size filled in: the study's own, or a smaller one of the budget."""
        budgets = {**BUDGETS, **self.budgets}
        if name not in budgets:
            raise UnknownNameError("budget", name, budgets)
        budget = budgets[name]
        return replace(budget, image_size=min(budget.image_size or self.image_size, self.image_size))
