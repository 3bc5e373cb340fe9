"""A task is the same before it is recorded and when it is made again of what the log says."""

from pathlib import Path
from typing import Any

import pytest
from manifests import manifest_json, pair_json

from study import records
from study.execution.task import ExplainTask, ReplicateTask, ScoreTask, SearchTask, Task
from study.execution.task_queue import TEST_TRIAL, TaskQueue
from study.records import EXPLANATIONS
from study.search import History
from study.spec import Budget, Recipe

RECIPE = Recipe(lr=0.02, pos_weight=0.41, batchnorm=True)
TASKS = [
    SearchTask(
        run="tiny", id="lenet-search3", seed=0, number=3, origin="search", audited=True, pair="lenet", recipe=RECIPE
    ),
    SearchTask(
        run="tiny", id="lenet-search0", seed=0, micro_batch=8, number=0, origin="document", pair="lenet", recipe=RECIPE
    ),
    ReplicateTask(
        run="tiny", id="lenet-document-seed1", seed=2, number=1, recipe_name="document", pair="lenet", recipe=RECIPE
    ),
    ReplicateTask(
        run="tiny", id="lenet-fold2-document-seed1", seed=2, number=1, fold=2, recipe_name="document", pair="lenet",
        recipe=RECIPE,
    ),
    ScoreTask(run="tiny", id="score-elsewhere", seed=0, evaluation_set="elsewhere", seed_runs={}),
    ScoreTask(run="tiny", id=TEST_TRIAL, seed=0, micro_batch=16, seed_runs={}),
    ExplainTask(run="tiny", id=EXPLANATIONS, seed=0),
]  # fmt: skip


def queue_of(path: Path, started: dict[str, Any]) -> TaskQueue:
    """Of a log in which one trial has started."""
    log = records.EventLog(path)
    log.append("declared", manifest=manifest_json(run="tiny", pairs={"lenet": pair_json()}))
    log.append("started", **started)
    log.close()
    return TaskQueue(
        state=records.replay(records.read_events(path)),
        recipes={"lenet": RECIPE},
        first={"lenet": ()},
        # Where no trial has ended, nobody asks whether the search has.
        searches={},
        histories={"lenet": History()},
        budget=Budget(trials=5, epochs=3, seeds=2),
    )


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_a_task_that_was_interrupted_is_dealt_again_as_it_was(tmp_path: Path, task: Task) -> None:
    queue = queue_of(tmp_path / "events.jsonl", task.record())
    assert queue.next_task(is_anything_live=False) == task


@pytest.mark.parametrize("task", [task for task in TASKS if "fold" not in task.id and "score" not in task.id])
def test_of_a_log_that_knew_neither_folds_nor_evaluation_sets_the_same_tasks_are_dealt(
    tmp_path: Path, task: Task
) -> None:
    earlier = {name: value for name, value in task.record().items() if name not in ("fold", "evaluation_set")}
    assert queue_of(tmp_path / "events.jsonl", earlier).next_task(is_anything_live=False) == task


def test_all_kinds_of_tasks_have_the_same_keys() -> None:
    keys = ("trial", "pair", "kind", "number", "recipe_name", "recipe", "seed", "origin", "audited", "micro_batch")
    keys += ("fold", "evaluation_set")
    assert [tuple(task.record()) for task in TASKS] == [keys] * len(TASKS)
    assert TASKS[0].record() == {
        "trial": "lenet-search3",
        "pair": "lenet",
        "kind": "search",
        "number": 3,
        "recipe_name": "search",
        "recipe": RECIPE.hyperparameters(),
        "seed": 0,
        "origin": "search",
        "audited": True,
        "micro_batch": 0,
        "fold": 0,
        "evaluation_set": "",
    }
    assert TASKS[5].record() == {
        "trial": "test",
        "pair": "",
        "kind": "test",
        "number": 0,
        "recipe_name": "",
        "recipe": {},
        "seed": 0,
        "origin": "",
        "audited": False,
        "micro_batch": 16,
        "fold": 0,
        "evaluation_set": "test",
    }
