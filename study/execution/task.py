"""What travels between the driver and the trial actors: a task, and reports."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from study.records import EXPLAIN, SCORE, SEARCH, SEED, TEST
from study.spec import Recipe

# What a trial's config holds in Ray Tune.
TASK = "task"
_REPORT = "report"


def encoded(report: Mapping[str, Any]) -> dict[str, str]:
    """A report as a result of Ray Tune, which would flatten what is nested and lose what is empty."""
    return {_REPORT: json.dumps(report)}


def decoded(result: Mapping[str, Any]) -> dict[str, Any]:
    """The report that `encoded` made a result of."""
    report: dict[str, Any] = json.loads(result[_REPORT])
    return report


@dataclass(frozen=True, kw_only=True)
class Task:
    """One thing for a trial actor to do.

    Attributes:
        run: the run that it belongs to.
        id: the trial's id in the records.
        seed: of all randomness of it.
        micro_batch: images that are in memory at a time; 0 is a whole batch.
        kind: of the trial in the records.
    """

    kind: ClassVar[str]

    run: str
    id: str
    seed: int
    micro_batch: int = 0

    def record(self) -> dict[str, Any]:
        """The task as the `started` event holds it: all kinds have the same keys there, empty where one has no use."""
        return {
            "trial": self.id,
            "pair": "",
            "kind": self.kind,
            "number": 0,
            "recipe_name": "",
            "recipe": {},
            "seed": self.seed,
            "origin": "",
            "audited": False,
            "micro_batch": self.micro_batch,
            "fold": 0,
            "evaluation_set": "",
        }


@dataclass(frozen=True, kw_only=True)
class TrainingTask(Task):
    """Trains a recipe.

    Attributes:
        pair: architecture.
        number: of the trial within its architecture, fold and kind, from 0.
        recipe: that is trained.
        fold: of an outer cross-validation, from 0; 0 where there is none.
        epochs_recorded: epochs that an interrupted trial has in the records; it goes on from there.
    """

    pair: str
    number: int
    recipe: Recipe
    fold: int = 0
    epochs_recorded: int = 0

    def record(self) -> dict[str, Any]:
        """The task as the `started` event holds it."""
        recipe = self.recipe.hyperparameters()
        return super().record() | {"pair": self.pair, "number": self.number, "recipe": recipe, "fold": self.fold}


@dataclass(frozen=True, kw_only=True)
class SearchTask(TrainingTask):
    """Trains a recipe of the search.

    Attributes:
        origin: of the recipe: "document", "tried", "default" or "search".
        audited: never stopped early.
    """

    kind = SEARCH

    origin: str
    audited: bool = False

    def record(self) -> dict[str, Any]:
        """The task as the `started` event holds it."""
        return super().record() | {"recipe_name": SEARCH, "origin": self.origin, "audited": self.audited}


@dataclass(frozen=True, kw_only=True)
class ReplicateTask(TrainingTask):
    """Trains a finalist, or the recipe that its search started from, again with another seed, and keeps what comes.

    Attributes:
        recipe_name: "tuned" or "document".
    """

    kind = SEED

    recipe_name: str

    def record(self) -> dict[str, Any]:
        """The task as the `started` event holds it."""
        return super().record() | {"recipe_name": self.recipe_name}


@dataclass(frozen=True, kw_only=True)
class ScoreTask(Task):
    """Scores an evaluation set, the one time that it is opened.

    Attributes:
        evaluation_set: its name; "test" is the study's own test split.
        seed_runs: id -> (architecture, recipe) of the finished seed runs to score.
    """

    kind = SCORE

    evaluation_set: str = TEST
    seed_runs: Mapping[str, tuple[str, Recipe]]

    def record(self) -> dict[str, Any]:
        """The task as the `started` event holds it."""
        return super().record() | {"evaluation_set": self.evaluation_set}


@dataclass(frozen=True, kw_only=True)
class ExplainTask(Task):
    """Records what a report shows of single images."""

    kind = EXPLAIN
