"""What a study chooses by, as far as its records need to know it."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from study.records.recorded import Recorded


@dataclass(frozen=True, kw_only=True)
class Objective(Recorded):
    """What "best" means: of epochs, of trials, of recipes and of architectures, everywhere in a study.

    It holds what is needed to read a log: the metric itself, which may be a file that isn't here any more,
    is not asked.

    Attributes:
        name: of the metric; its value on val stands in the epoch events as `val_<name>`.
        title: as reports call it.
        greater_is_better: False of a loss.
        shown_as: "percent" or "fraction".
    """

    name: str = "roc_auc"
    title: str = "ROC-AUC"
    greater_is_better: bool = True
    shown_as: str = "fraction"

    @property
    def words(self) -> str:
        """The title within a sentence: "ROC-AUC", "log loss"."""
        return self.title[:1].lower() + self.title[1:] if self.title[1:2].islower() else self.title

    def of_epoch(self, epoch: Mapping[str, Any]) -> float:
        """The value on val of an epoch event."""
        return float(epoch[f"val_{self.name}"])

    def merit(self, value: float) -> float:
        """The value as something of which more is better; worse than any other where there is none."""
        if math.isnan(value):
            return -math.inf
        return value if self.greater_is_better else -value

    def best(self, values: Iterable[float]) -> float:
        """The best of them, NaN where there is none."""
        found = [value for value in values if not math.isnan(value)]
        return max(found, key=self.merit, default=math.nan)
