"""What `bench/search.py` compares: the project's own conductor, and Ray Tune's stock searcher and scheduler.

Each is asked for trials and told of their epochs by `play`, which keeps a virtual clock with two slots.
"""

import heapq
import itertools
import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import optuna
from numpy.typing import NDArray
from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler
from ray.tune.search.optuna import OptunaSearch
from search_problems import Problem, Space, Values, noisy

from study import records
from study.spec import Budget
from study.tuning import manifest
from study.tuning.conductor import Conductor
from study.tuning.defaults import first_values
from study.tuning.early_stopping import Rungs, rung_epochs
from study.tuning.search import PairSearch

_PAIR = "pair"
_NUM_SLOTS = 2
# Matters to trials that run out of memory alone: none does here.
_NUM_IMAGES = 1000
_METRIC = "val_roc_auc"


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


class _Log:
    """An event log in memory: the file's fsync would take longer than the search."""

    def __init__(self) -> None:
        self._clock = itertools.count()

    def append(self, event: str, **values: Any) -> records.Event:
        return {"event": event, "time": next(self._clock), **values}

    def close(self) -> None:
        pass


def grace_of(epochs: int, divisor: int | None = None) -> int:
    """The first rung, as the manifest has it."""
    return max(1, epochs // (divisor or manifest._GRACE_DIVISOR))


@dataclass(frozen=True)
class Settings:
    """What a variant of ours changes; the defaults change nothing."""

    sampler: dict[str, Any] | None = None
    grace_divisor: int | None = None
    reduction_factor: int | None = None
    stopped_as_complete: bool = False
    rule: str = ""
    with_default: bool = True


class _Variant(PairSearch):
    """Our search with another sampler, or with stopped trials told as Ray Tune tells them."""

    settings = Settings()

    def suggest(self, number: int, history: Any) -> Any:
        if self.settings.stopped_as_complete:
            history = [_as_complete(t) for t in history]
        return super().suggest(number, history)

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        if self.settings.sampler is None:
            return super()._sampler(number)
        seed = zlib.crc32(f"{self.seed} {self.pair} {number}".encode())
        ours = {"n_startup_trials": 6, "multivariate": True, "group": True, "constant_liar": True}
        return optuna.samplers.TPESampler(**(ours | self.settings.sampler), seed=seed)


def _as_complete(trial: records.Trial) -> records.Trial:
    if trial.state != records.STOPPED:
        return trial
    values = {name: getattr(trial, name) for name in trial.__dataclass_fields__}
    return records.Trial(**values | {"state": records.COMPLETE})


class _OtherRungs(Rungs):
    """Our rungs with another rule for who goes on."""

    rule = ""

    def record(self, trial: str, epoch: int, score: float) -> bool:
        recorded = self.recorded.setdefault(epoch, {})
        if epoch not in self.epochs or trial in recorded:
            return False
        others = list(recorded.values())
        recorded[trial] = score
        if self.rule == "percentile":
            return bool(others) and score < float(np.percentile(others, 100 * (1 - 1 / self.reduction_factor)))
        return sum(other >= score for other in others) >= math.ceil(len(recorded) / self.reduction_factor)


@dataclass
class Ours:
    """The project's own conductor, search and rungs, on a log in memory."""

    problem: Space
    seed: int
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        epochs = self.problem.epochs
        factor = self.settings.reduction_factor or manifest._REDUCTION_FACTOR
        rungs = rung_epochs(epochs, grace=grace_of(epochs, self.settings.grace_divisor), reduction_factor=factor)
        log, state = _Log(), records.StudyState()
        declared = {
            "run": "replay",
            "seed": self.seed,
            "reduction_factor": factor,
            "counts": {"train": {"images": _NUM_IMAGES}},
            "pairs": {_PAIR: {"rungs": rungs}},
        }
        state.apply(log.append("declared", manifest=declared))
        distributions, document = self.problem.distributions, self.problem.document
        first = first_values(document, distributions, ()) if self.settings.with_default else []
        search = _Variant(_PAIR, distributions, self.seed, first)
        search.settings = self.settings
        self.conductor = Conductor(
            log=log,  # type: ignore[arg-type]
            state=state,
            recipes={_PAIR: self.problem.document},
            searches={_PAIR: search},
            # More than are ever played: the search goes on until `play` ends it.
            budget=Budget(trials=10_000, epochs=epochs, seeds=1),
            listener=lambda _event, _state: None,
        )
        if self.settings.rule:
            other = _OtherRungs(rungs, factor)
            other.rule = self.settings.rule
            self.conductor.rungs = {_PAIR: other}

    def begin(self) -> tuple[str, Values]:
        task = self.conductor.next_task()
        assert task is not None
        return task.id, {name: task.recipe[name] for name in self.problem.distributions}

    def epoch(self, trial: str, epoch: int, score: float) -> bool:
        report = {"event": "epoch", "epoch": epoch, _METRIC: score, "val_loss": 1 - score, "seconds": 1.0}
        if self.conductor.on_report(trial, report):
            return True
        if epoch < self.problem.epochs:
            return False
        best = self.conductor.state.trials[trial].best_score
        self.conductor.on_report(
            trial, {"event": "completed", "epochs": epoch, "best_score": best, "best_loss": 1 - best}
        )
        return True


@dataclass
class Stock:
    """Ray Tune's OptunaSearch and a scheduler, called in the order in which Ray's controller calls them.

    The document's recipe is the first trial, moved into the space where it lies outside of it.
    """

    problem: Space
    seed: int
    sampler: optuna.samplers.BaseSampler | None = None
    asha: bool = True
    best_so_far: bool = False
    with_default: bool = False

    def __post_init__(self) -> None:
        points = [_inside(self.problem)]
        if self.with_default:
            points += [
                points[0] | values for _, values in first_values(self.problem.document, self.problem.distributions, ())
            ]
        self.searcher = OptunaSearch(
            dict(self.problem.distributions),
            metric=_METRIC,
            mode="max",
            points_to_evaluate=points,
            sampler=self.sampler,
            seed=None if self.sampler else self.seed,
        )
        self.scheduler: TrialScheduler = FIFOScheduler()
        if self.asha:
            self.scheduler = AsyncHyperBandScheduler(
                time_attr="epoch",
                metric=_METRIC,
                mode="max",
                max_t=self.problem.epochs,
                grace_period=grace_of(self.problem.epochs),
                reduction_factor=manifest._REDUCTION_FACTOR,
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
        result = {_METRIC: told, "epoch": epoch, "training_iteration": epoch}
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
