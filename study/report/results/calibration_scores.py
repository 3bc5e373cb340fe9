"""The probabilities of the tuned seed runs on test, as trained and with undone what is known of them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from study.evaluation.calibration import Bin, reliability
from study.evaluation.probability_correction import Correction
from study.records import TUNED, VAL
from study.report.core.study_run import Run

AS_TRAINED, UNWEIGHTED, TEMPERED = "as trained", "class weights undone", "then temperature"


@dataclass(frozen=True)
class Calibration:
    """What the tuned seed runs of an architecture say of the test images.

    Attributes:
        targets: int (N,) in [0, C).
        groups: (N,) labels; images with the same label stand or fall together.
        stages: `AS_TRAINED`, `UNWEIGHTED` and `TEMPERED`, each after the one before -> probabilities, float (K, N, C);
            without `UNWEIGHTED` if all seed runs were trained with equal class weights.
        temperatures: float (K,), fitted on val for each seed run after its class weights were undone; NaN where a
            probability is not finite.
    """

    targets: npt.NDArray[np.int64]
    groups: npt.NDArray[np.str_]
    stages: dict[str, npt.NDArray[np.float64]]
    temperatures: npt.NDArray[np.float64]

    def reliability(self, stage: str) -> list[Bin]:
        """The predictions of all seed runs in tenths of the probability; those of few images would fill no more."""
        return reliability(self.targets, self.stages[stage], 10)


def calibrations(run: Run) -> dict[str, Calibration]:
    """Tested architecture -> its probabilities; without those of which no tuned seed run answered both val and test."""
    found = {pair: _calibration(run, pair) for pair in run.tested}
    return {pair: each for pair, each in found.items() if each is not None}


def _calibration(run: Run, pair: str) -> Calibration | None:
    test, val = run.tested[pair], run.predictions.get((pair, TUNED, VAL))
    recipes = {trial.number: trial.recipe for trial in run.completed_seed_runs(pair, TUNED)}
    both = tuple(number for number in test.numbers if val is not None and number in val.numbers)
    if val is None or not both:
        return None
    counts = list(run.images("train").values())
    corrections = [
        Correction.fitted(recipes[number], counts, val.targets, probabilities)
        for number, probabilities in zip(both, val.only(both), strict=True)
    ]
    trained = test.only(both)
    stages = {AS_TRAINED: trained}
    if any(each.weighted for each in corrections):
        stages[UNWEIGHTED] = np.stack([each.unweighted(p) for each, p in zip(corrections, trained, strict=True)])
    stages[TEMPERED] = np.stack([each(p) for each, p in zip(corrections, trained, strict=True)])
    return Calibration(test.targets, test.groups, stages, np.array([each.temperature for each in corrections]))
