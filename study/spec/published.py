"""What a document says of its own results."""

from dataclasses import dataclass


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
