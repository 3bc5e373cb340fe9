"""How much a study may spend."""

from collections.abc import Mapping
from dataclasses import dataclass

from study.errors import DeclarationError

# Smaller images leave nothing to learn from.
LEAST_IMAGE_SIZE_PX = 16


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How much a study may spend on each pair.

    Attributes:
        trials: searched trials of each pair, the document's recipe included.
        epochs: full budget of one trial.
        seeds: seed runs of each pair's finalist and of the document's recipe.
        image_size: side in pixels, at most, of the images of every pair; None takes the study's.
        audit: searched trials of each pair that are never stopped early, besides the document's recipe: they tell what
            early stopping costs.
    """

    trials: int
    epochs: int
    seeds: int
    image_size: int | None = None
    audit: int = 0

    def __post_init__(self) -> None:
        leasts = {"trials": 1, "epochs": 1, "seeds": 1, "image_size": LEAST_IMAGE_SIZE_PX, "audit": 0}
        for name, least in leasts.items():
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
