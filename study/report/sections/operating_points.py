"""What a threshold that was chosen on val does on test. Two classes only."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from study.evaluation.bootstrap import ResampledScores, resampled_scores
from study.evaluation.confusion import Floats, Ints
from study.evaluation.intervals import Interval
from study.evaluation.operating_points import at_threshold, sensitivity_threshold, youden_threshold
from study.evaluation.per_class import CLASS_METRICS, class_metric
from study.records import TUNED, VAL
from study.report.core.analysis import RESAMPLING_SEED
from study.report.core.markdown import join, table
from study.report.core.naming import label
from study.report.core.section import Context, Section
from study.report.core.study_run import Run
from study.wording import DASH, NOTHING, listing, percent, signed

WANTED_SENSITIVITY = 0.95

Rule = Callable[[Ints, Floats], float]

_WANTED = f"{100 * WANTED_SENSITIVITY:.0f} %"
_SENSITIVE = f"{_WANTED} sensitivity on val"
_YOUDEN = "Youden on val"
_BALANCED = "balanced_accuracy"
# The first is what the others are compared with.
_RULES: dict[str, Rule] = {
    "0.5": lambda _targets, _probabilities: 0.5,
    _YOUDEN: youden_threshold,
    _SENSITIVE: lambda targets, probabilities: sensitivity_threshold(targets, probabilities, WANTED_SENSITIVITY),
}


class OperatingPoint(NamedTuple):
    """What the decisions of an architecture's tuned seed runs are worth at thresholds that were chosen on val.

    Attributes:
        thresholds: float (K,) in [0, 1], each seed run's own.
        on_test: "sensitivity", "specificity", "ppv" and "npv" of the positive class -> mean over the seeds with its
            95 % interval, for the thresholds as they are; their choice on val is not resampled.
        gain: test balanced accuracy minus that at 0.5, on the same resamples of images.
    """

    thresholds: npt.NDArray[np.float64]
    on_test: dict[str, Interval]
    gain: Interval


def _render(context: Context) -> str:
    run = context.run
    if len(run.classes) != 2 or not run.is_tested:
        return ""
    points = {pair: operating_points(run, pair) for pair in run.tested}
    share = float((next(iter(run.tested.values())).targets == 1).mean())
    return join(
        [
            _what_to_see(points),
            f'"{run.classes[1]}" is answered from the threshold on. Each seed run has thresholds of its own, chosen on '
            "val and kept on test: the one with the largest sensitivity + specificity (Youden), and the highest that "
            f"finds {_WANTED} of the positives. Test values are means over the seeds with 95 % intervals, which take "
            "the choice on val as it is. PPV and NPV hold where as many images are positive as on test "
            f"({percent(share)}).",
            _table(run, points),
        ]
    )


def operating_points(run: Run, pair: str) -> dict[str, OperatingPoint]:
    """Rule by which the threshold is chosen -> what it does on test, for the seed runs that answered val and test.

    {} where there is no such run; a rule that val doesn't allow, having one class only, is absent.
    """
    test, val = run.tested[pair], run.predictions.get(pair, TUNED, VAL)
    both = tuple(number for number in test.numbers if val is not None and number in val.numbers)
    if val is None or not both:
        return {}
    metrics = {name: class_metric(name, 1) for name in CLASS_METRICS}
    found: dict[str, OperatingPoint] = {}
    at_half: ResampledScores | None = None
    for rule, choose in _RULES.items():
        thresholds = np.array([choose(val.targets, probabilities) for probabilities in val.only(both)])
        if not np.isfinite(thresholds).all():
            continue
        moved = np.stack([at_threshold(p, float(t)) for p, t in zip(test.only(both), thresholds, strict=True)])
        resampled = resampled_scores(
            test.targets, moved, test.groups, metrics=[*metrics.values(), _BALANCED], seed=RESAMPLING_SEED
        )
        at_half = at_half or resampled
        on_test = {name: resampled.interval(metric) for name, metric in metrics.items()}
        found[rule] = OperatingPoint(thresholds, on_test, resampled.minus(at_half, _BALANCED))
    return found


def _what_to_see(points: Mapping[str, Mapping[str, OperatingPoint]]) -> str:
    """Whether the sensitivity that val promised is kept on test."""
    reached = {pair: found[_SENSITIVE].on_test["sensitivity"] for pair, found in points.items() if _SENSITIVE in found}
    kept = [pair for pair, value in reached.items() if value.mean >= WANTED_SENSITIVITY]
    missed = [pair for pair, value in reached.items() if value.high < WANTED_SENSITIVITY]
    near = [pair for pair in reached if pair not in kept and pair not in missed]
    parts = {"is kept by": kept, "is missed, but by no more than luck explains, by": near, "is missed by": missed}
    words = [
        f"{verb} {listing([f'{pair} ({percent(reached[pair].mean)})' for pair in pairs])}"
        for verb, pairs in parts.items()
        if pairs
    ]
    if not words:
        return "What to see: nothing, since val has no positive images on which to choose a threshold."
    kept_words = f"What to see: on test, the sensitivity of {_WANTED} that was chosen on val {'; '.join(words)}."
    return f"{kept_words} {_against_half(points)}".strip()


def _against_half(points: Mapping[str, Mapping[str, OperatingPoint]]) -> str:
    """Whose decisions 0.5 spoils: what the threshold of val gains in balanced accuracy."""
    gains = {pair: found[_YOUDEN].gain for pair, found in points.items() if _YOUDEN in found}
    better = [pair for pair, gain in gains.items() if gain.low > 0]
    worse = [pair for pair, gain in gains.items() if gain.high < 0]
    even = [pair for pair in gains if pair not in (*better, *worse)]
    parts = {"decides better for": better, "decides worse for": worse, "shows no difference for": even}
    words = [
        f"{verb} {listing([f'{pair} ({signed(gains[pair])})' for pair in pairs])}"
        for verb, pairs in parts.items()
        if pairs
    ]
    return f"Against 0.5, by balanced accuracy, Youden's threshold {'; '.join(words)}." if words else ""


def _table(run: Run, points: Mapping[str, Mapping[str, OperatingPoint]]) -> str:
    rows = []
    for pair, found in points.items():
        shown = label(run, pair)
        for rule in _RULES:
            point = found.get(rule)
            values = point.on_test if point else {}
            thresholds = _thresholds(point.thresholds) if point else NOTHING
            rows.append([shown, rule, thresholds, *(percent(values.get(name)) for name in CLASS_METRICS)])
            shown = ""
    return table(["Architecture", "Chosen", "Threshold", "Sensitivity", "Specificity", "PPV", "NPV"], rows, left=2)


def _thresholds(values: npt.NDArray[np.float64]) -> str:
    low, high = f"{values.min():.3f}", f"{values.max():.3f}"
    return low if low == high else f"{low}{DASH}{high}"


SECTION = Section(title="At which threshold?", render=_render)
