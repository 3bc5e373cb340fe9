"""Which network the commands answer with, and what it is worth as they use it.

The verdict compares networks by their seed runs, one by one and at a threshold of 0.5. What `predict`, `demo` and
`export` use is one of them: chosen by val, all its seed runs together, corrected, and with a threshold of its own.
"""

from dataclasses import dataclass

import numpy as np

from study.evaluation.bootstrap import resampled_scores
from study.evaluation.intervals import Interval
from study.evaluation.operating_points import at_threshold
from study.evaluation.per_class import class_metric
from study.records import TEST, TUNED, VAL
from study.report.core.analysis import RESAMPLING_SEED, Analysis
from study.report.core.study_run import Run
from study.selection import best_architecture
from study.training.deployment import Deployment
from study.wording import counted, fraction, listing, percent, shown, threshold

_OF_TWO = {"sensitivity": class_metric("sensitivity", 1), "specificity": class_metric("specificity", 1)}
_OF_ALL = {"accuracy": "accuracy", "balanced accuracy": "balanced_accuracy"}


@dataclass(frozen=True)
class Deployed:
    """The ensemble that the commands use.

    Attributes:
        pair: its architecture.
        num_runs: seed runs in it.
        threshold: see `Deployment`.
        on_val: mean of its seed runs on val of the objective, by which it was chosen.
        on_test: name of a score -> value on test with its 95 % interval, which counts the luck of the images.
    """

    pair: str
    num_runs: int
    threshold: float
    on_val: float
    on_test: dict[str, Interval]


def deployed(run: Run, analysis: Analysis) -> Deployed | None:
    """What the commands of a tested run answer with; None where no seed run has answered both val and test."""
    answers = run.predictions.by_architecture(TUNED, VAL)
    if not run.is_tested or not answers:
        return None
    pair = best_architecture(answers, run.objective.name)
    val, test = answers[pair], run.predictions.get(pair, TUNED, TEST)
    if test is None or test.numbers != val.numbers:
        return None
    recipes = {trial.number: trial.recipe for trial in run.completed_seed_runs(pair, TUNED)}
    found = Deployment.fitted(
        [recipes[number] for number in val.numbers],
        list(run.images("train").values()),
        val.targets,
        val.probabilities,
    )
    probabilities = found.ensemble(test.probabilities)
    two = len(run.classes) == 2 and np.isfinite(found.threshold)
    metrics = (_OF_TWO if two else {}) | _OF_ALL | {"ROC-AUC": "roc_auc"}
    if run.objective.name not in metrics.values():
        metrics |= {run.objective.title: run.objective.name}
    resampled = resampled_scores(
        test.targets,
        (at_threshold(probabilities, found.threshold) if two else probabilities)[None],
        test.groups,
        metrics=list(metrics.values()),
        seed=RESAMPLING_SEED,
    )
    return Deployed(
        pair=pair,
        num_runs=len(val.numbers),
        threshold=found.threshold,
        on_val=analysis.values(pair, TUNED, VAL)[run.objective.name].mean,
        on_test={name: resampled.interval(metric) for name, metric in metrics.items()},
    )


def in_use(run: Run, analysis: Analysis) -> str:
    """One line for the first screen; "" before test."""
    found = deployed(run, analysis)
    if found is None:
        return ""
    rule = (
        f'"{run.classes[1]}" from a probability of {threshold(found.threshold)} on (Youden, chosen on val)'
        if np.isfinite(found.threshold)
        else "the most probable class"
    )
    objective = run.objective
    fractions = {"ROC-AUC"} | ({objective.title} if objective.shown_as == "fraction" else set())
    figures = [f"{name} {(fraction if name in fractions else percent)(value)}" for name, value in found.on_test.items()]
    return (
        f"*In use.* `study.predict`, `demo` and `export` answer with {found.pair}, which val favours "
        f"({objective.words} {shown(found.on_val, objective.shown_as)}): the ensemble of "
        f"{counted(found.num_runs, 'seed run')}, corrected; its answer is {rule}. "
        f"On test that gives {listing(figures)}."
    )
