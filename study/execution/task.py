"""What travels between the driver and the trial actors: a task, and reports."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

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
    """One thing for a trial actor to do: train a recipe, score the test split, or explain what was trained.

    Attributes:
        run: the run that it belongs to.
        id: the trial's id in the records.
        pair: architecture; "" for the tasks that train nothing.
        kind: "search", "seed", "test" or "explain".
        number: within pair and kind.
        recipe_name: "search", "tuned" or "document".
        recipe: hyperparameter -> value.
        seed: of all randomness of the run.
        origin: of a searched recipe: "document", "tried", "default" or "search".
        audited: never stopped early.
        micro_batch: images that are in memory at a time; 0 is a whole batch.
        epochs_recorded: epochs that an interrupted trial has in the records; it goes on from there.
        seed_runs: for the test task: id -> (architecture, recipe) of the finished seed runs to score.
    """

    run: str
    id: str
    pair: str
    kind: str
    number: int
    recipe_name: str
    recipe: dict[str, Any]
    seed: int
    origin: str = ""
    audited: bool = False
    micro_batch: int = 0
    epochs_recorded: int = 0
    seed_runs: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """The task as the `started` event holds it."""
        values = asdict(self)
        del values["run"], values["seed_runs"], values["epochs_recorded"]
        return {"trial": values.pop("id"), **values}
