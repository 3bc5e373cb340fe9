"""What answers for new images: an architecture's seed runs together, corrected and with a threshold, all fitted on val.

Without torch, so that a report can say what it does on test.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from study.evaluation.confusion import Floats, Ints
from study.evaluation.operating_points import youden_threshold
from study.evaluation.probability_correction import Correction
from study.spec import Recipe


@dataclass(frozen=True)
class Deployment:
    """How the answers of K seed runs become one.

    Attributes:
        corrections: of each seed run's probabilities.
        threshold: probability of the positive class from which it is decided for, by Youden's rule on val; NaN with
            more than two classes, where the most probable one is, and where val has images of one class only.
    """

    corrections: tuple[Correction, ...]
    threshold: float

    @classmethod
    def fitted(
        cls,
        recipes: Sequence[Recipe],
        train_counts: Sequence[int],
        val_targets: Ints,
        val_probabilities: Floats,
    ) -> "Deployment":
        """For the recipes of K seed runs, on what they answered for val: int (N,), float (K, N, C)."""
        corrections = tuple(
            Correction.fitted(recipe, train_counts, val_targets, probabilities)
            for recipe, probabilities in zip(recipes, val_probabilities, strict=True)
        )
        unfinished = cls(corrections, float("nan"))
        if len(train_counts) != 2:
            return unfinished
        return cls(corrections, youden_threshold(val_targets, unfinished.ensemble(val_probabilities)))

    def ensemble(self, each: Floats) -> npt.NDArray[np.float64]:
        """The mean of the seed runs' corrected probabilities: float (N, C) from float (K, N, C)."""
        corrected = [correction(answers) for correction, answers in zip(self.corrections, each, strict=True)]
        return np.asarray(np.mean(corrected, axis=0))
