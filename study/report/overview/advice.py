"""What a reader can do with the result: which network, with which recipe, and what speaks against it."""

from study.evaluation.calibration import LOG_LOSS
from study.records import TUNED, VAL
from study.report.core.analysis import Analysis
from study.report.core.study_run import Run
from study.report.core.verdict import by_merit, told_apart
from study.report.results.calibration import calibration_scores, calibrations, knowing_nothing
from study.wording import listing, shown


def advice(run: Run, analysis: Analysis) -> list[str]:
    """Sentences for the first screen, of a tested run."""
    best, *others = analysis.ranked()
    near = [name for name in others if not told_apart(best, name, analysis.differences[run.objective.name])]
    if others and near:
        which = _undecided(run, [best, *near])
    else:
        start = "If one of them is to be used, these figures speak for" if others else "These figures are those of"
        which = f"{start} {best}{_recipe(analysis, best)}."
    return [f"{which} {_probabilities(run, best)}".rstrip(), _val(run, analysis, best)]


def _undecided(run: Run, names: list[str]) -> str:
    sizes = {name: size for name in names if (size := run.num_parameters(name)) is not None}
    words = f"These figures don't decide between {listing(names)}"
    if len(sizes) < len(names):
        return f"{words}."
    smallest = min(sizes, key=lambda name: sizes[name])
    return f"{words}; the smallest of them is {smallest}, with {sizes[smallest]:,} parameters."


def _recipe(analysis: Analysis, pair: str) -> str:
    gain = analysis.gains.get(pair)
    if gain is None:
        return ""
    if not gain.excludes_zero:
        return ", with its tuned recipe or the starting one, which are not told apart"
    if analysis.objective.merit(gain.mean) > 0:
        return ", with its tuned recipe"
    return ", with its starting recipe, which is better than the tuned one"


def _probabilities(run: Run, pair: str) -> str:
    """A warning where what the network says of an image is not shown to be worth more than to know nothing of it."""
    found = calibrations(run)
    if pair not in found:
        return ""
    nothing = knowing_nothing(run, found)[LOG_LOSS]
    if calibration_scores(found[pair]).beats(nothing):
        return ""
    return (
        f"The probabilities of {pair}, as trained or mended on val, are not shown to be worth more than the class "
        "frequencies of train."
    )


def _val(run: Run, analysis: Analysis, best: str) -> str:
    """That val, by which a study chooses, speaks for another network than test does; "" where it doesn't."""
    objective = run.objective
    on_val = {name: values[objective.name] for name in run.pairs if (values := analysis.values(name, TUNED, VAL))}
    favourite = by_merit(on_val, objective)[0] if on_val else best
    differences = analysis.differences[objective.name]
    if favourite == best or best not in on_val or not told_apart(best, favourite, differences):
        return ""
    one, other = (shown(on_val[name].mean, objective.shown_as) for name in (favourite, best))
    return (
        f"By val, {favourite} would have been chosen ({objective.words} {one} against {other} of {best}): "
        "val is a part of the training side, and tells little of images like those of test."
    )
