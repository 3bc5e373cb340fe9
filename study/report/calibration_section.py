"""Whether the probabilities on test mean what they say, before and after what is known of them is undone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from study.evaluation.calibration import (
    brier,
    expected_calibration_error,
    fit_temperature,
    log_loss,
    scaled,
    undo_class_weights,
)
from study.evaluation.metrics import Floats, Ints
from study.evaluation.wording import DASH, NOTHING, fraction, listing
from study.records import TUNED
from study.report.load import VAL, Run
from study.report.markdown import join, table
from study.report.naming import label
from study.training.class_weights import loss_weights

AS_TRAINED, UNWEIGHTED, TEMPERED = "as trained", "class weights undone", "then temperature"

_SCORES = {"Expected calibration error": expected_calibration_error, "Brier score": brier, "Log loss": log_loss}


@dataclass(frozen=True)
class Calibration:
    """How far the probabilities of an architecture's tuned seed runs can be believed on test.

    Attributes:
        scores: `AS_TRAINED`, `UNWEIGHTED` and `TEMPERED` -> heading of a score -> mean over the seeds.
        temperatures: float (K,), fitted on val for each seed run after its class weights were undone; NaN where a
            probability is not finite.
        weighted: whether a seed run was trained with unequal class weights.
    """

    scores: dict[str, dict[str, float]]
    temperatures: npt.NDArray[np.float64]
    weighted: bool


def to_be_believed(run: Run) -> str:
    """Calibration of each tested architecture; "" before test."""
    if not run.is_tested:
        return ""
    found = {pair: calibration(run, pair) for pair in run.tested}
    known = {pair: each for pair, each in found.items() if each is not None}
    without = [pair for pair in found if pair not in known]
    return join(
        [
            "## Are the probabilities to be believed?",
            _what_to_see(known),
            "Test values, mean over the seed runs; lower is better. A loss with class weights asks for probabilities "
            "of other class frequencies: dividing each class's probability by its weight undoes it. What is left is "
            "mended by a temperature that is fitted on val for each seed run. All other figures of this report "
            "are of the probabilities as trained. The expected calibration error (15 bins) is too high where there are "
            "few images.",
            _table(run, known),
            f"No seed run of {listing(without)} answered both val and test." if without else "",
        ]
    )


def calibration(run: Run, pair: str) -> Calibration | None:
    """Calibration on test of the tuned seed runs that answered val and test; None where there is none."""
    test, val = run.tested[pair], run.predictions.get((pair, TUNED, VAL))
    recipes = {trial.number: trial.recipe for trial in run.completed_seed_runs(pair, TUNED)}
    both = tuple(number for number in test.numbers if val is not None and number in val.numbers)
    if val is None or not both:
        return None
    counts = list(run.images("train").values())
    weights = [loss_weights(recipes[number], counts) for number in both]
    unweighted = [undo_class_weights(p, w) for p, w in zip(test.only(both), weights, strict=True)]
    temperatures = [
        fit_temperature(val.targets, undo_class_weights(p, w)) for p, w in zip(val.only(both), weights, strict=True)
    ]
    stages: dict[str, Sequence[Floats]] = {
        AS_TRAINED: list(test.only(both)),
        UNWEIGHTED: unweighted,
        TEMPERED: [scaled(p, temperature) for p, temperature in zip(unweighted, temperatures, strict=True)],
    }
    return Calibration(
        scores={stage: _means(test.targets, each) for stage, each in stages.items()},
        temperatures=np.array(temperatures),
        weighted=any(max(each) > min(each) for each in weights),
    )


def _means(targets: Ints, runs: Sequence[Floats]) -> dict[str, float]:
    """Mean over the seed runs; NaN where a probability is not finite."""
    if not all(np.isfinite(probabilities).all() for probabilities in runs):
        return dict.fromkeys(_SCORES, float("nan"))
    return {
        name: float(np.mean([score(targets, probabilities) for probabilities in runs]))
        for name, score in _SCORES.items()
    }


def _what_to_see(found: Mapping[str, Calibration]) -> str:
    """Who is too sure, who is too unsure: on which side of 1 the temperatures of all seed runs lie."""
    over = [pair for pair, each in found.items() if (each.temperatures > 1).all()]
    under = [pair for pair, each in found.items() if (each.temperatures < 1).all()]
    mixed = [pair for pair in found if pair not in (*over, *under)]
    sides = {
        "overconfident on val (temperature above 1)": over,
        "underconfident on val (temperature below 1)": under,
        "neither in all seed runs": mixed,
    }
    words = [
        f"{listing([f'{pair} ({_range(found[pair].temperatures)})' for pair in pairs])} "
        f"{'is' if len(pairs) == 1 else 'are'} {side}"
        for side, pairs in sides.items()
        if pairs
    ]
    if not words:
        return "What to see: nothing, since no seed run answered both val and test."
    weighted = [pair for pair, each in found.items() if each.weighted]
    apart = ", class weights apart" if weighted else ""
    return f"What to see: {'; '.join(words)}{apart}."


def _table(run: Run, found: Mapping[str, Calibration]) -> str:
    rows = []
    for pair, each in found.items():
        shown = label(run, pair)
        for stage, values in each.scores.items():
            if stage == UNWEIGHTED and not each.weighted:
                continue
            temperature = _range(each.temperatures) if stage == TEMPERED else NOTHING
            rows.append([shown, stage, temperature, *(fraction(values[name]) for name in _SCORES)])
            shown = ""
    return table(["Architecture", "Probabilities", "Temperature", *_SCORES], rows, left=2)


def _range(values: npt.NDArray[np.float64]) -> str:
    """The smallest and the largest of the seed runs, or the only one."""
    if not np.isfinite(values).all():
        return NOTHING
    low, high = f"{values.min():.2f}", f"{values.max():.2f}"
    return low if low == high else f"{low}{DASH}{high}"
