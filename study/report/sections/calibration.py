"""Whether the probabilities on test mean what they say, before and after what is known of them is undone."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from study.evaluation.calibration import BRIER_SCORE, LOG_LOSS, NUM_BINS
from study.report.core.figure import Drawing
from study.report.core.markdown import join, table
from study.report.core.naming import label
from study.report.core.section import Context, Section
from study.report.core.study_run import Run
from study.report.results.calibration import (
    AS_TRAINED,
    CALIBRATION_ERROR,
    TEMPERED,
    UNWEIGHTED,
    Calibration,
    CalibrationScores,
    calibration_scores,
    calibrations,
    knowing_nothing,
)
from study.report.results.figures import reliability_curves
from study.wording import DASH, NOTHING, counted, fraction, listing, percent, signed

_RELIABILITY = "reliability"
_SCORES = (CALIBRATION_ERROR, BRIER_SCORE, LOG_LOSS)


def _render(context: Context) -> str:
    run = context.run
    if not run.is_tested:
        return ""
    found = calibrations(run)
    scores = {pair: calibration_scores(each) for pair, each in found.items()}
    without = [pair for pair in run.tested if pair not in found]
    return join(
        [
            " ".join(["What to see:", _who_is_sure(found), *_on_test(scores), _worth(run, found, scores)]),
            "Test values, mean over the seed runs with 95 % intervals; lower is better. A loss with class weights asks "
            "for probabilities of other class frequencies: dividing each class's probability by its weight undoes it. "
            "What is left is mended by a temperature that is fitted on val for each seed run, towards targets that are "
            "never certain (Laplace's rule of succession); the intervals take it as it is. All other figures of this "
            "report are of the probabilities as "
            "trained. The expected calibration "
            f"error ({NUM_BINS} bins) is too high where there are few images, and higher still in resamples of them: "
            "their interval would miss the truth, so there is none. The last row says of every image how frequent the "
            "classes are in train: probabilities are worth something where the interval of a loss lies below that.",
            _table(run, found, scores) if found else "",
            context.figure(_RELIABILITY),
            _how_to_read(run) if _RELIABILITY in context.figures else "",
            f"No seed run of {listing(without)} answered both val and test." if without else "",
        ]
    )


def _how_to_read(run: Run) -> str:
    """What the marks, bars and bands of the figure are."""
    whose = f'of "{run.classes[1]}"' if len(run.classes) == 2 else "of the answer, the most probable class"
    return (
        f"The probability is that {whose}. Each mark stands for the test predictions of all seed runs in a tenth of it "
        "and grows with their number. Bars are 95 % Wilson intervals. They count each image once, however "
        "many seed runs there are, and show the luck of the images only, taken as independent of each other."
    )


def _who_is_sure(found: Mapping[str, Calibration]) -> str:
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
        return "nothing, since no seed run answered both val and test."
    weighted = any(UNWEIGHTED in each.stages for each in found.values())
    apart = ", class weights apart" if weighted else ""
    return f"{'; '.join(words)}{apart}."


def _on_test(scores: Mapping[str, CalibrationScores]) -> list[str]:
    """Whose log loss falls with what was fitted on val, whose rises, whose isn't shown to change."""
    changes = {pair: each.change for pair, each in scores.items() if np.isfinite(each.change.mean)}
    falls = [pair for pair, change in changes.items() if change.high < 0]
    rises = [pair for pair, change in changes.items() if change.low > 0]
    open_ = [pair for pair in changes if pair not in (*falls, *rises)]
    words = [
        f"{verb} for {listing([f'{pair} ({signed(changes[pair])})' for pair in pairs])}"
        for verb, pairs in {"falls": falls, "rises": rises, "is not shown to change": open_}.items()
        if pairs
    ]
    sentences = [f"With the temperature, log loss on test {'; '.join(words)}."] if words else []
    if rises:
        sentences.append("Where it rises, val is no guide to test: its images are unlike those of test, or too few.")
    return sentences


def _worth(run: Run, found: Mapping[str, Calibration], scores: Mapping[str, CalibrationScores]) -> str:
    """Whose probabilities, at one stage at least, are shown to say more than the frequencies of the classes."""
    if not found:
        return ""
    nothing = knowing_nothing(run, found)[LOG_LOSS]
    better = [pair for pair, each in scores.items() if each.beats(nothing)]
    return (
        "On test, log loss is shown to lie below that of the class frequencies of train "
        f"{f'for {listing(better)}' if better else 'for none of them'}."
    )


def _table(run: Run, found: Mapping[str, Calibration], scores: Mapping[str, CalibrationScores]) -> str:
    rows = []
    for pair, each in scores.items():
        shown = label(run, pair)
        for stage, values in each.stages.items():
            temperature = _range(found[pair].temperatures) if stage == TEMPERED else NOTHING
            rows.append([shown, stage, temperature, *(fraction(values[name]) for name in _SCORES)])
            shown = ""
    rows.append(
        ["*class frequencies of train*", NOTHING, NOTHING, *map(fraction, knowing_nothing(run, found).values())]
    )
    return table(["Architecture", "Probabilities", "Temperature", *_SCORES], rows, left=2)


def _range(values: npt.NDArray[np.float64]) -> str:
    """The smallest and the largest of the seed runs, or the only one."""
    if not np.isfinite(values).all():
        return NOTHING
    low, high = f"{values.min():.2f}", f"{values.max():.2f}"
    return low if low == high else f"{low}{DASH}{high}"


def _figures(context: Context) -> dict[str, Drawing]:
    known = {pair: each for pair, each in calibrations(context.run).items() if np.isfinite(each.stages[TEMPERED]).all()}
    return {_RELIABILITY: _reliability(known)} if known else {}


def _reliability(found: Mapping[str, Calibration]) -> Drawing:
    gaps = [
        (one.num_images * abs(one.right.mean - one.confidence), pair, one)
        for pair, each in found.items()
        for one in each.reliability(AS_TRAINED)
    ]
    _, pair, one = max(gaps, key=lambda gap: gap[0])
    side = ("Below", "less") if one.right.mean < one.confidence else ("Above", "more")
    return Drawing(
        sees=f"{side[0]} the diagonal, {side[1]} came true than was promised; the gap that counts most: as trained, "
        f"{pair} promises {one.confidence:.2f} on average for {round(one.num_images)} of "
        f"{counted(len(found[pair].targets), 'image')}, and {percent(one.right.mean)} came true.",
        alt=f"Reliability diagrams of {listing(list(found))} on the test split: the share that came true against the "
        "probability, as trained and mended, with 95 % intervals",
        draw=lambda: reliability_curves(found),
    )


SECTION = Section(title="Are the probabilities to be believed?", render=_render, figures=_figures)
