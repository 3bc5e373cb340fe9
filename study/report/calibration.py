"""The probabilities of the tuned seed runs on test, as trained and with undone what is known of them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from study.evaluation.calibration import Bin, fit_temperature, reliability, scaled, undo_class_weights
from study.records import TUNED, VAL
from study.report.load import Run
from study.training.class_weights import loss_weights

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
    weights = [loss_weights(recipes[number], counts) for number in both]
    trained = test.only(both)
    unweighted = np.stack([undo_class_weights(p, w) for p, w in zip(trained, weights, strict=True)])
    temperatures = [
        fit_temperature(val.targets, undo_class_weights(p, w)) for p, w in zip(val.only(both), weights, strict=True)
    ]
    stages = {AS_TRAINED: trained}
    if any(max(each) > min(each) for each in weights):
        stages[UNWEIGHTED] = unweighted
    stages[TEMPERED] = np.stack([scaled(p, t) for p, t in zip(unweighted, temperatures, strict=True)])
    return Calibration(test.targets, test.groups, stages, np.array(temperatures))
