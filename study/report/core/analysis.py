"""Computes what a report shows from the seed runs' predictions: scores, intervals, differences, baselines."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import numpy.typing as npt

from study.evaluation.bootstrap import ResampledScores, bonferroni_level, resampled_scores
from study.evaluation.confusion import decide
from study.evaluation.intervals import Interval
from study.evaluation.metrics import METRICS, majority_baseline, scores
from study.evaluation.per_class import CLASS_METRICS, KAPPA, class_metric
from study.records import DOCUMENT, SPLITS, TEST, TUNED, VAL, Objective, Predictions
from study.report.core.study_run import Run
from study.report.core.verdict import OneAnswer, by_merit

ENSEMBLE = "ensemble"
RESAMPLING_SEED = 0


@dataclass(frozen=True)
class Row:
    """One row of `results.csv`: a recipe of an architecture on one split.

    Attributes:
        recipe: "tuned", "document" (the starting recipe) or "ensemble" (mean probability of the tuned seed runs).
        num_images: of the split.
        values: metric -> mean over the seeds with its 95 % interval; NaN bounds except on test.
    """

    architecture: str
    recipe: str
    split: str
    num_images: int
    values: dict[str, Interval]


@dataclass(frozen=True)
class Analysis:
    """The numbers of a report.

    Attributes:
        rows: in the order of the architectures, recipes and splits.
        majority_class: the most frequent class of the training split.
        baseline: split -> metric -> value of always answering the majority class.
        advantages: architecture -> test accuracy of the tuned recipe minus the baseline's, 95 % interval.
        by_class: architecture -> metric of a class (`per_class.class_metric`), and the kappa of classes in an order ->
            test value of the tuned recipe with its 95 % interval.
        one_answers: architecture -> the answer that the tuned seed runs give most often on test.
        differences: metric -> (a, b) -> a minus b on test, tuned, widened for the number of comparisons.
        level: of the intervals in `differences`.
        gains: architecture -> the objective on test, tuned minus the starting recipe, same seeds, 95 % interval;
            without the architectures for which the starting recipe itself won.
        shifts: architecture -> the objective on val minus that on test of the tuned seed runs, 95 % interval.
        objective: what the study chooses by.
        metrics: names of all that was computed, in the order of `results.csv`.
    """

    rows: list[Row]
    majority_class: str
    baseline: dict[str, dict[str, float]]
    advantages: dict[str, Interval] = field(default_factory=dict)
    by_class: dict[str, dict[str, Interval]] = field(default_factory=dict)
    one_answers: dict[str, OneAnswer] = field(default_factory=dict)
    differences: dict[str, dict[tuple[str, str], Interval]] = field(default_factory=dict)
    level: float = 0.95
    gains: dict[str, Interval] = field(default_factory=dict)
    shifts: dict[str, Interval] = field(default_factory=dict)
    objective: Objective = field(default_factory=Objective)
    metrics: tuple[str, ...] = METRICS

    def values(self, architecture: str, recipe: str, split: str) -> dict[str, Interval]:
        """Metric -> value of one row; {} where there is no such row."""
        for row in self.rows:
            if (row.architecture, row.recipe, row.split) == (architecture, recipe, split):
                return row.values
        return {}

    def on_test(self, metric: str = "", recipe: str = TUNED) -> dict[str, Interval]:
        """Architecture -> value on test of that recipe; of the objective where no metric is named."""
        name = metric or self.objective.name
        return {row.architecture: row.values[name] for row in self.rows if row.recipe == recipe and row.split == TEST}

    def ranked(self) -> list[str]:
        """The architectures from the best on test by the objective to the worst."""
        return by_merit(self.on_test(), self.objective)


def analyse(run: Run) -> Analysis:
    """All numbers of a report; what the records don't hold yet is left out."""
    of_classes = [class_metric(name, index) for index in range(len(run.classes)) for name in CLASS_METRICS]
    of_classes += [KAPPA] if run.is_ordinal else []
    objective, metrics = run.objective, run.metrics
    tested = {
        pair: _resample(predictions, metrics=[*dict.fromkeys([*metrics, *of_classes])])
        for pair, predictions in run.tested.items()
    }
    # Where the starting recipe won, its seed runs are the tuned ones.
    documents = {pair: tested[pair] for pair in run.unchanged if pair in tested} | {
        pair: _resample(predictions, metrics=metrics)
        for pair, predictions in run.predictions.by_architecture(DOCUMENT, TEST).items()
        if pair not in run.unchanged
    }
    couples = list(combinations(tested, 2))
    level = bonferroni_level(len(couples))
    majority = int(np.argmax(list(run.images("train").values())))
    return Analysis(
        rows=[row for pair in run.pairs for row in _rows(run, pair, tested.get(pair), documents.get(pair))],
        majority_class=run.classes[majority],
        baseline=_baselines(run),
        advantages={pair: _advantage(run.tested[pair], tested[pair], majority) for pair in tested},
        by_class={pair: {name: each.interval(name) for name in of_classes} for pair, each in tested.items()},
        one_answers={pair: _one_answer(run, pair) for pair in tested},
        differences={
            metric: {(a, b): tested[a].minus(tested[b], metric, level=level, seeds_paired=False) for a, b in couples}
            for metric in metrics
        },
        level=level,
        gains={
            pair: gain
            for pair in tested
            if pair in documents and (gain := _gain(run, pair, tested[pair], documents[pair])) is not None
        },
        shifts={pair: found for pair in tested if (found := shift(run, pair, TUNED, tested[pair])) is not None},
        objective=objective,
        metrics=metrics,
    )


def shift(run: Run, pair: str, recipe: str, tested: ResampledScores | None = None) -> Interval | None:
    """The objective on val minus that on test of the seed runs that answered both, 95 % interval; None without any.

    Args:
        run: whose.
        pair: architecture.
        recipe: "tuned" or "document".
        tested: the scores of all its seed runs on test, where they are resampled already.
    """
    val, test = (run.predictions.get(pair, recipe, split) for split in (VAL, TEST))
    if val is None or test is None or not (both := tuple(n for n in val.numbers if n in test.numbers)):
        return None
    name = run.objective.name
    # Other images, so another seed: equal resamples of two splits would look paired.
    on_val = resampled_scores(val.targets, val.only(both), val.groups, metrics=[name], seed=RESAMPLING_SEED + 1)
    on_test = tested or resampled_scores(
        test.targets, test.probabilities, test.groups, metrics=[name], seed=RESAMPLING_SEED
    )
    return on_val.minus(on_test.only([test.numbers.index(number) for number in both]), name)


def seed_scores(predictions: Predictions, metrics: Sequence[str] = METRICS) -> dict[int, dict[str, float]]:
    """Number of the seed run -> its scores."""
    return {
        number: scores(predictions.targets, probabilities, names=metrics)
        for number, probabilities in zip(predictions.numbers, predictions.probabilities, strict=True)
    }


def _rows(run: Run, pair: str, tuned: ResampledScores | None, document: ResampledScores | None) -> list[Row]:
    rows = []
    known = {TUNED: tuned, DOCUMENT: document}
    for recipe in (TUNED, DOCUMENT, ENSEMBLE):
        for split in SPLITS:
            predictions = run.predictions.get(pair, TUNED if recipe == ENSEMBLE else recipe, split)
            if predictions is None:
                continue
            given = predictions.ensemble if recipe == ENSEMBLE else predictions.probabilities
            if split != TEST:
                values = _means(predictions.targets, given, run.metrics)
            else:
                resampled = known.get(recipe) or _resample(predictions, given, metrics=run.metrics)
                values = {name: resampled.interval(name) for name in run.metrics}
            rows.append(Row(pair, recipe, split, len(predictions.targets), values))
    return rows


def _means(
    targets: npt.NDArray[np.int64], probabilities: npt.NDArray[np.float64], metrics: Sequence[str]
) -> dict[str, Interval]:
    each = [scores(targets, run, names=metrics) for run in probabilities]
    nan = float("nan")
    return {name: Interval(float(np.mean([run[name] for run in each])), nan, nan) for name in metrics}


def _resample(
    predictions: Predictions,
    probabilities: npt.NDArray[np.float64] | None = None,
    *,
    metrics: Sequence[str] = METRICS,
) -> ResampledScores:
    given = predictions.probabilities if probabilities is None else probabilities
    return resampled_scores(predictions.targets, given, predictions.groups, metrics=metrics, seed=RESAMPLING_SEED)


def _baselines(run: Run) -> dict[str, dict[str, float]]:
    labels = {split: np.repeat(np.arange(len(run.classes)), list(run.images(split).values())) for split in SPLITS}
    return {split: majority_baseline(labels["train"], targets, names=run.metrics) for split, targets in labels.items()}


def _advantage(predictions: Predictions, tested: ResampledScores, majority: int) -> Interval:
    constant = np.zeros((1, *predictions.probabilities.shape[1:]))
    constant[..., majority] = 1.0
    baseline = resampled_scores(
        predictions.targets, constant, predictions.groups, metrics=["accuracy"], seed=RESAMPLING_SEED
    )
    return tested.minus(baseline, "accuracy")


def _one_answer(run: Run, pair: str) -> OneAnswer:
    decided = decide(run.tested[pair].probabilities)
    shares = (decided[..., np.newaxis] == np.arange(len(run.classes))).mean(axis=1)
    answers = sorted(set(shares.argmax(axis=1)))
    return OneAnswer(tuple(run.classes[index] for index in answers), float(shares.max(axis=1).mean()))


def _gain(run: Run, pair: str, tuned: ResampledScores, document: ResampledScores) -> Interval | None:
    if pair in run.unchanged:
        return None
    numbers = [run.predictions.of(pair, recipe, TEST).numbers for recipe in (TUNED, DOCUMENT)]
    # Seeds are compared with themselves, so a seed whose run failed on one side is left out on both.
    both = [number for number in numbers[0] if number in numbers[1]]
    if not both:
        return None
    one, other = (
        scores.only([known.index(number) for number in both])
        for scores, known in zip((tuned, document), numbers, strict=True)
    )
    return one.minus(other, run.objective.name)
