"""What is known of a seed run's probabilities, and undone: the class weights of its loss, and a temperature.

Without torch, so that a report can do the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from study.evaluation.calibration import fit_temperature, scaled, undo_class_weights
from study.evaluation.class_weights import loss_weights
from study.evaluation.confusion import Floats, Ints
from study.spec import Recipe


@dataclass(frozen=True)
class Correction:
    """Of one seed run.

    Attributes:
        weights: what an image of each class weighed in its loss (C,).
        temperature: fitted on val once the weights were undone; NaN where a probability was not finite.
    """

    weights: tuple[float, ...]
    temperature: float

    @classmethod
    def fitted(
        cls, recipe: Recipe, train_counts: Sequence[int], val_targets: Ints, val_probabilities: Floats
    ) -> "Correction":
        """For a recipe, on what its seed run answered for val: int (N,), float (N, C)."""
        weights = loss_weights(recipe, train_counts)
        return cls(tuple(weights), fit_temperature(val_targets, undo_class_weights(val_probabilities, weights)))

    @property
    def weighted(self) -> bool:
        """Whether the classes had different weights."""
        return max(self.weights) > min(self.weights)

    def unweighted(self, probabilities: Floats) -> npt.NDArray[np.float64]:
        """With the class weights undone, float (..., C)."""
        return undo_class_weights(probabilities, self.weights)

    def __call__(self, probabilities: Floats) -> npt.NDArray[np.float64]:
        """With both undone, float (..., C)."""
        return scaled(self.unweighted(probabilities), self.temperature)
