"""The project's own search as `bench/search.py` plays it: the real controller on a log in memory, and its variants."""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optuna
from search_methods import METRIC, grace_of
from search_problems import Space, Values
from small_manifest import small_manifest

from study import records
from study.execution.study_controller import StudyController
from study.execution.task import TrainingTask
from study.planning import manifest
from study.search import History, Problem, Sampler, SearchPolicy, Standard, early_stopping
from study.search.early_stopping.asha import Rungs
from study.search.initial_trials import first_values
from study.search.optuna_sampler import OptunaSampler
from study.spec import Budget

_PAIR = "pair"
# Matters to trials that run out of memory alone: none does here.
_NUM_IMAGES = 1000


class _Log:
    """An event log in memory: the file's fsync would take longer than the search."""

    def __init__(self) -> None:
        self._clock = itertools.count()

    def append(self, event: str, **values: Any) -> records.Event:
        return {"event": event, "time": next(self._clock), **values}

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Settings:
    """What a variant of ours changes; the defaults change nothing."""

    sampler: dict[str, Any] | None = None
    grace_divisor: int | None = None
    reduction_factor: int | None = None
    stopped_as_complete: bool = False
    rule: str = ""
    with_default: bool = True


class _StoppedAsComplete:
    """A sampler that is told of stopped trials as Ray Tune tells them."""

    def __init__(self, inner: Sampler) -> None:
        self.inner = inner

    def describe(self) -> Mapping[str, Any]:
        return self.inner.describe()

    def suggest(self, history: History) -> Mapping[str, Any]:
        return self.inner.suggest(History([_as_complete(trial) for trial in history.trials], history.reports))


def _policy(problem: Problem, settings: Settings) -> SearchPolicy:
    """Ours, with what the settings change of it."""
    stopping = early_stopping.find("asha")(problem)
    if settings.rule:
        stopping._rungs = _OtherRungs(stopping._rungs.epochs, problem.reduction_factor)
        stopping._rungs.rule = settings.rule
    ours = {"n_startup_trials": 6, "multivariate": True, "group": True, "constant_liar": True}

    def make(seed: int) -> optuna.samplers.BaseSampler:
        return optuna.samplers.TPESampler(**(ours | (settings.sampler or {})), seed=seed)

    sampler: Sampler = OptunaSampler(problem, make, title="variant")
    return Standard(problem, _StoppedAsComplete(sampler) if settings.stopped_as_complete else sampler, stopping)


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
    """The project's own controller, search and rungs, on a log in memory."""

    problem: Space
    seed: int
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        epochs = self.problem.epochs
        factor = self.settings.reduction_factor or manifest._REDUCTION_FACTOR
        problem = Problem(
            architecture=_PAIR,
            distributions=self.problem.distributions,
            # More than are ever played: the search goes on until `play` ends it.
            trials=10_000,
            epochs=epochs,
            seed=self.seed,
            grace=grace_of(epochs, self.settings.grace_divisor),
            reduction_factor=factor,
        )
        log, state = _Log(), records.StudyState()
        declared = small_manifest({_PAIR: ()}, seed=self.seed, reduction_factor=factor, num_train=_NUM_IMAGES)
        state.apply(log.append("declared", manifest=declared.to_json()))
        distributions, document = self.problem.distributions, self.problem.document
        first = first_values(document, distributions, ()) if self.settings.with_default else []
        self.controller = StudyController(
            log=log,  # type: ignore[arg-type]
            state=state,
            recipes={_PAIR: self.problem.document},
            searches={_PAIR: _policy(problem, self.settings)},
            first={_PAIR: first},
            budget=Budget(trials=problem.trials, epochs=epochs, seeds=1),
        )
        self.controller.begin()

    def begin(self) -> tuple[str, Values]:
        task = self.controller.next_task()
        assert isinstance(task, TrainingTask)
        return task.id, {name: getattr(task.recipe, name) for name in self.problem.distributions}

    def epoch(self, trial: str, epoch: int, score: float) -> bool:
        report = {"event": "epoch", "epoch": epoch, METRIC: score, "val_loss": 1 - score, "seconds": 1.0}
        if self.controller.on_report(trial, report):
            return True
        if epoch < self.problem.epochs:
            return False
        best = self.controller.state.trials[trial].best_score
        self.controller.on_report(
            trial, {"event": "completed", "epochs": epoch, "best_score": best, "best_loss": 1 - best}
        )
        return True
