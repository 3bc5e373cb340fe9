"""Tasks one after another in real actors, that stay warm in between."""

import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

from execution.tasks import FixedTasks, run_tasks
from ray import tune

from study.cli.study_selection import find_study
from study.execution.ray_backend.experiment import run_on_tune
from study.execution.task import SearchTask, encoded
from study.planning.resources import Slots
from study.planning.workload import Running
from study.records import RunFolder
from study.spec import Recipe


def test_short_trials_fill_every_slot(ray_started: None, tmp_path: Path) -> None:
    # Shorter than the start of an actor. Defined in here, since the actors can't import this module.
    def sleep(config: dict[str, Any]) -> None:
        time.sleep(0.5)
        tune.report(encoded({"event": "completed", "worker": os.getpid()}))

    tasks = [
        SearchTask(run="r", id=f"t{i}", pair="p", number=i, recipe=Recipe(), origin="search", seed=0) for i in range(60)
    ]
    fixed: Any = FixedTasks(tasks)
    run_on_tune(
        fixed,
        sleep,
        folders={"r": RunFolder(tmp_path)},
        slots=Slots(num=4, cpus=0.5, gpus=0),
        running=Running(num_workers=0),
    )
    counts = Counter(report["worker"] for (report,) in fixed.reports.values())
    # Where each new trial is given to the first actor, the others are thrown away before they have started.
    assert len(counts) == 4
    assert sum(sorted(counts.values())[:-1]) >= len(tasks) / 4


def test_a_recipe_gives_the_same_epochs_first_and_tenth_in_one_actor(
    ray_started: None, tiny_images: Path, tiny_study: Path, tmp_path: Path
) -> None:
    recipe = find_study(str(tiny_study)).pairs["lenet"]
    same = recipe.with_values({"augmentation": "strong", "dropout": 0.3})
    others = [recipe.with_values({"batchnorm": True, "lr": 10**-i, "optimizer": "sgd"}) for i in range(1, 9)]
    reports = run_tasks([same, *others, same], tiny_images, tiny_study, tmp_path)
    assert [r["event"] for r in reports[0]] == ["epoch", "epoch", "completed"]
    assert reports[9] == reports[0]
    assert reports[1] != reports[0]


def test_a_recipe_that_diverges_fails_with_its_reason_and_the_next_one_trains(
    ray_started: None, tiny_images: Path, tiny_study: Path, tmp_path: Path
) -> None:
    good = find_study(str(tiny_study)).pairs["lenet"]
    bad = good.with_values({"optimizer": "sgd", "lr": 1e30})
    recipes = [bad, good]
    failed, trained = run_tasks(recipes, tiny_images, tiny_study, tmp_path)
    assert failed[-1]["event"] == "failed"
    assert "DivergedError" in failed[-1]["reason"]
    assert [r["event"] for r in trained] == ["epoch", "epoch", "completed"]


def test_a_trial_whose_records_are_behind_its_checkpoints_tells_what_they_lack_and_trains_nothing_again(
    ray_started: None, tiny_images: Path, tiny_study: Path, tmp_path: Path
) -> None:
    recipe = find_study(str(tiny_study)).pairs["lenet"]
    # The checkpoints that are left are those of the last two epochs but one.
    (reports,) = run_tasks([recipe], tiny_images, tiny_study, tmp_path, epochs=6, again_after=2)
    first, again = reports[:7], reports[7:]
    assert [report.get("epoch") for report in first] == [1, 2, 3, 4, 5, 6, None]
    assert again == first[2:]
