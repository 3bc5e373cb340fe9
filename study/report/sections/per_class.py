"""What the decisions on test are worth class by class."""

from collections.abc import Mapping

import numpy as np

from study.evaluation.intervals import Interval
from study.evaluation.per_class import CLASS_METRICS, KAPPA, class_metric
from study.report.core.analysis import Analysis
from study.report.core.markdown import join, table
from study.report.core.naming import label
from study.report.core.section import Context, Section
from study.report.core.study_run import Run
from study.wording import fraction, listing, percent

_ALL_SHOWN_UP_TO = 3

ClassValues = Mapping[str, Interval]


def _render(context: Context) -> str:
    run, analysis = context.run, context.analysis
    if not run.is_tested:
        return ""
    shown = shown_architectures(run, analysis)
    values = {pair: analysis.by_class[pair] for pair in shown}
    whose = "each architecture" if len(shown) == len(run.tested) else f"{shown[0]}, which ranks best on test"
    words = f"Of {whose}: test values, mean over the seeds with 95 % intervals, each class against all others."
    if len(run.classes) == 2:
        words += f' Those of "{run.classes[0]}" are these with the parts exchanged: its sensitivity is the specificity.'
    return join(
        [
            _what_to_see(run, values[shown[0]], shown[0]),
            f"{words} A class that is never answered has no PPV.",
            _table(run, values),
            _agreement(run, values),
        ]
    )


def shown_architectures(run: Run, analysis: Analysis) -> list[str]:
    """From the best on test down: all where they are few, else the best alone."""
    order = analysis.ranked()
    return order if len(run.tested) <= _ALL_SHOWN_UP_TO else order[:1]


def _what_to_see(run: Run, values: ClassValues, pair: str) -> str:
    """Which class is found least often, and which answer can be trusted least."""
    found, trusted = (
        {name: values[class_metric(metric, index)].mean for index, name in enumerate(run.classes)}
        for metric in ("sensitivity", "ppv")
    )
    parts: dict[str, list[str]] = {}
    for shares, words in ((found, "is found least often"), (trusted, "is the answer that is right least often")):
        known = {name: share for name, share in shares.items() if np.isfinite(share)}
        if known:
            least = min(known, key=lambda name: known[name])
            parts.setdefault(least, []).append(f"{words} ({percent(known[least])})")
    each = [f'"{name}" {" and ".join(words)}' for name, words in parts.items()]
    return f"What to see: by {pair}, {', '.join(each)}." if each else "What to see: nothing, no class can be scored."


def _table(run: Run, values: Mapping[str, ClassValues]) -> str:
    # With two classes, the other one's row would say the same again.
    indices = [1] if len(run.classes) == 2 else range(len(run.classes))
    targets = next(iter(run.tested.values())).targets
    rows = []
    for pair, of_pair in values.items():
        shown = label(run, pair)
        for index in indices:
            cells = [percent(of_pair[class_metric(name, index)]) for name in CLASS_METRICS]
            rows.append([shown, run.classes[index], f"{int((targets == index).sum()):,}", *cells])
            shown = ""
    return table(["Architecture", "Class", "Images", "Sensitivity", "Specificity", "PPV", "NPV"], rows, left=2)


def _agreement(run: Run, values: Mapping[str, ClassValues]) -> str:
    if not run.is_ordinal:
        return ""
    each = listing([f"{pair} {fraction(of_pair[KAPPA])}" for pair, of_pair in values.items()])
    return (
        f"The classes are in an order, {listing(run.classes)}: quadratic weighted kappa, in which a miss by two steps "
        f"counts four times as much as one by one step, is {each}; 0 is chance, 1 full agreement."
    )


SECTION = Section(title="Class by class", render=_render)
