"""What is trained on what, and what comes of it."""

from dataclasses import dataclass

from torch import nn

from study.spec import FLOAT32, Recipe
from study.training.data import SplitRows, Standardization
from study.training.pretrained import Pretrained


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is trained on what.

    Attributes:
        architecture: name in `study.architectures`.
        recipe: its hyperparameters.
        num_classes: 2 trains one logit, more train one a class.
        modality: decides what augmentation may do.
        train: images to learn from.
        val: images to select on.
        epochs: full budget; the learning-rate schedule spans it whenever training ends.
        seed: of initialization, batch order, augmentation and dropout.
        objective: name of the metric that decides which epoch is the best one.
        precision: "float32" or "bfloat16" (autocast).
        micro_batch: images that are in memory at a time where a whole batch is too many; their gradients are added up
            to the batch's, batch normalization sees them alone. 0 is the whole batch.
        standardization: of the images; None computes it from the training images, which takes a while: trials of
            one study share it. Pretrained weights may ask for another one.
        pretrained: what a recipe with `pretrained=True` starts from.
    """

    architecture: str
    recipe: Recipe
    num_classes: int
    modality: str
    train: SplitRows
    val: SplitRows
    epochs: int
    seed: int
    objective: str = "roc_auc"
    precision: str = FLOAT32
    micro_batch: int = 0
    standardization: Standardization | None = None
    pretrained: Pretrained | None = None

    @property
    def num_logits(self) -> int:
        return 1 if self.num_classes == 2 else self.num_classes


@dataclass
class Outcome:
    """A finished run.

    Attributes:
        model: with the weights of its best epoch.
        standardization: to be applied to images before the model.
        epochs: trained, may be fewer than the budget where the recipe stops early.
        best_epoch: 1-based.
        best_score: its value of the objective on val.
        best_loss: val log loss of that epoch.
    """

    model: nn.Module
    standardization: Standardization
    epochs: int
    best_epoch: int
    best_score: float
    best_loss: float
