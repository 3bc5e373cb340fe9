"""The probabilities of the tuned seed runs on test, as trained and with undone what is known of them; their scores."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from study.evaluation.calibration import (
    BRIER_SCORE,
    LOG_LOSS,
    Bin,
    brier_scores,
    expected_calibration_error,
    log_losses,
    reliability,
    resampled_losses,
)
from study.evaluation.intervals import Interval
from study.evaluation.probability_correction import Correction
from study.records import TUNED, VAL
from study.report.core.analysis import RESAMPLING_SEED
from study.report.core.study_run import Run

CALIBRATION_ERROR = "Expected calibration error"
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


@dataclass(frozen=True)
class CalibrationScores:
    """How far the probabilities of an architecture can be believed on test.

    Attributes:
        stages: stage of `Calibration` -> score -> mean over the seeds with its 95 % interval; the expected calibration
            error has none, for the reason that `resampled_losses` gives.
        change: log loss with the temperature minus that without it, same seeds, 95 % interval.
    """

    stages: dict[str, dict[str, Interval]]
    change: Interval

    def beats(self, log_loss: float) -> bool:
        """Whether at one stage at least the log loss is shown to be lower."""
        return any(values[LOG_LOSS].high < log_loss for values in self.stages.values())


def calibrations(run: Run) -> dict[str, Calibration]:
    """Tested architecture -> its probabilities; without those of which no tuned seed run answered both val and test."""
    found = {pair: _calibration(run, pair) for pair in run.tested}
    return {pair: each for pair, each in found.items() if each is not None}


def calibration_scores(found: Calibration) -> CalibrationScores:
    """Scores of all stages, on the same resamples as all other test values."""
    resampled = {
        stage: resampled_losses(found.targets, probabilities, found.groups, seed=RESAMPLING_SEED)
        for stage, probabilities in found.stages.items()
    }
    nan = float("nan")
    errors = {
        stage: np.mean([expected_calibration_error(found.targets, each) for each in probabilities])
        for stage, probabilities in found.stages.items()
    }
    before, after = list(resampled.values())[-2:]
    return CalibrationScores(
        stages={
            stage: {CALIBRATION_ERROR: Interval(float(errors[stage]), nan, nan)}
            | {name: each.interval(name) for name in (BRIER_SCORE, LOG_LOSS)}
            for stage, each in resampled.items()
        },
        change=after.minus(before, LOG_LOSS),
    )


def knowing_nothing(run: Run, found: Mapping[str, Calibration]) -> dict[str, float]:
    """Score -> value of saying of every test image how frequent the classes are in the training split."""
    targets = next(iter(found.values())).targets
    counts = np.array(list(run.images("train").values()))
    constant = np.tile(counts / counts.sum(), (len(targets), 1))
    return {
        CALIBRATION_ERROR: expected_calibration_error(targets, constant),
        BRIER_SCORE: float(brier_scores(targets, constant).mean()),
        LOG_LOSS: float(log_losses(targets, constant).mean()),
    }


def _calibration(run: Run, pair: str) -> Calibration | None:
    test, val = run.tested[pair], run.predictions.get(pair, TUNED, VAL)
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
