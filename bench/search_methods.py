"""How `bench/search.py` plays a search: a virtual clock with two slots, and Ray Tune's stock searcher and scheduler."""

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import optuna
from numpy.typing import NDArray
from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler
from ray.tune.search.optuna import OptunaSearch
from search_problems import Problem, Space, Values, noisy

from study.planning import manifest
from study.search.initial_trials import first_values

_NUM_SLOTS = 2
METRIC = "val_roc_auc"


@dataclass
class Played:
    """One search: its epochs in the order of the clock.

    Attributes:
        trials: number of the trial of each epoch.
        scores: of each epoch.
        complete: whether the epoch was the last one of a trial at full budget.
        values: of each trial.
    """

    trials: NDArray[np.int64]
    scores: NDArray[np.float64]
    complete: NDArray[np.bool_]
    values: list[Values]


class Method(Protocol):
    """A searcher with its scheduler."""

    def begin(self) -> tuple[str, Values]:
        """Name and values of the next trial."""

    def epoch(self, trial: str, epoch: int, score: float) -> bool:
        """Takes an epoch's score, says whether the trial ends now."""


Maker = Callable[[Space, int], Method]
# Number and values of a trial -> its epochs to come (number, score, whether it is the last) and the time of each.
Train = Callable[[int, Values], tuple[Iterator[tuple[int, float, bool]], float]]


def play(method: Method, train: Train, *, num_epochs: int, num_trials: int | None = None) -> Played:
    """Searches until so many epochs are spent, or so many trials have ended."""
    found: list[tuple[int, float, bool]] = []
    values: list[Values] = []
    # Next to finish an epoch: time, number of the trial, its name, its coming epochs, seconds of each.
    clock: list[tuple[float, int, str, Iterator[tuple[int, float, bool]], float]] = []

    def begin(now: float) -> None:
        if num_trials is None or len(values) < num_trials:
            name, chosen = method.begin()
            number = len(values)
            values.append(chosen)
            epochs, speed = train(number, chosen)
            heapq.heappush(clock, (now + speed, number, name, epochs, speed))

    for _ in range(_NUM_SLOTS):
        begin(0)
    while clock and len(found) < num_epochs:
        now, number, name, epochs, speed = heapq.heappop(clock)
        epoch, score, is_last = next(epochs)
        found.append((number, score, is_last))
        if method.epoch(name, epoch, score):
            begin(now)
        else:
            heapq.heappush(clock, (now + speed, number, name, epochs, speed))
    trials, scores, complete = zip(*found, strict=True)
    return Played(np.array(trials), np.array(scores), np.array(complete), values)


def simulated(problem: Problem, seed: int) -> Train:
    """Trainings without training. Their noise follows from seed and number alone: all methods meet the same luck."""

    def train(number: int, values: Values) -> tuple[Iterator[tuple[int, float, bool]], float]:
        rng = np.random.default_rng([seed, number])
        speed = problem.speed(rng)
        curve = noisy(problem, values, rng)
        epochs = ((e, float(score), e == problem.epochs) for e, score in enumerate(curve, start=1))
        return epochs, speed

    return train


def grace_of(epochs: int, divisor: int | None = None) -> int:
    """The first rung, as the manifest has it."""
    return max(1, epochs // (divisor or manifest._GRACE_DIVISOR))


@dataclass
class Stock:
    """Ray Tune's OptunaSearch and a scheduler, called in the order in which Ray's controller calls them.

    The document's recipe is the first trial, moved into the space where it lies outside of it. The rungs are ours
    unless others are given; {} stands for Ray Tune's own.
    """

    problem: Space
    seed: int
    sampler: optuna.samplers.BaseSampler | None = None
    asha: bool = True
    best_so_far: bool = False
    with_default: bool = False
    rungs: Mapping[str, int] | None = None

    def __post_init__(self) -> None:
        points = [_inside(self.problem)]
        if self.with_default:
            points += [
                points[0] | values for _, values in first_values(self.problem.document, self.problem.distributions, ())
            ]
        self.searcher = OptunaSearch(
            dict(self.problem.distributions),
            metric=METRIC,
            mode="max",
            points_to_evaluate=points,
            sampler=self.sampler,
            seed=None if self.sampler else self.seed,
        )
        self.scheduler: TrialScheduler = FIFOScheduler()
        if self.asha:
            ours = {"grace_period": grace_of(self.problem.epochs), "reduction_factor": manifest._REDUCTION_FACTOR}
            self.scheduler = AsyncHyperBandScheduler(
                time_attr="epoch",
                metric=METRIC,
                mode="max",
                max_t=self.problem.epochs,
                **(ours if self.rungs is None else self.rungs),
            )
        self.trials: dict[str, Trial] = {}
        self.best: dict[str, float] = {}

    def begin(self) -> tuple[str, Values]:
        name = f"trial{len(self.trials)}"
        values = self.searcher.suggest(name)
        assert values is not None
        self.trials[name] = Trial("replay", trial_id=name, stub=True)
        self.scheduler.on_trial_add(None, self.trials[name])
        return name, values

    def epoch(self, trial: str, epoch: int, score: float) -> bool:
        self.best[trial] = max(score, self.best.get(trial, score))
        told = self.best[trial] if self.best_so_far else score
        result = {METRIC: told, "epoch": epoch, "training_iteration": epoch}
        decision = self.scheduler.on_trial_result(None, self.trials[trial], result)
        if decision == TrialScheduler.CONTINUE and epoch < self.problem.epochs:
            self.searcher.on_trial_result(trial, result)
            return False
        self.scheduler.on_trial_complete(None, self.trials[trial], result)
        self.searcher.on_trial_complete(trial, result)
        return True


def _inside(problem: Space) -> Values:
    values = {}
    for name, distribution in problem.distributions.items():
        value = getattr(problem.document, name)
        if isinstance(distribution, optuna.distributions.FloatDistribution):
            value = min(max(value, distribution.low), distribution.high)
        values[name] = value
    return values


def random_sampler(seed: int) -> optuna.samplers.BaseSampler:
    return optuna.samplers.RandomSampler(seed=seed)
