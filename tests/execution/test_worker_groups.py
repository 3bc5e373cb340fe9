"""Several processes a trial, through Ray Train, against one in the trial's own actor."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from execution.sockets import beyond_loopback, listening, processes_of
from execution.tasks import run_tasks

from study.cli.study_selection import find_study

# Each group takes half a minute to start.
pytestmark = pytest.mark.cluster


def test_a_worker_group_gives_the_same_losses_as_local_mode(
    ray_started: None, tiny_images: Path, tiny_study: Path, tmp_path: Path
) -> None:
    plain = find_study(str(tiny_study)).pairs["lenet"].with_values({"optimizer": "sgd"})
    recipe = plain.with_values({"augmentation": "strong", "batchnorm": True})
    bad = plain.with_values({"lr": 1e30})
    with sockets_meanwhile() as found:
        (local,), (one,), (two, diverged) = (
            run_tasks(recipes, tiny_images, tiny_study, tmp_path / f"{num}", num_workers=num)
            for num, recipes in enumerate([[recipe], [recipe], [recipe, bad]])
        )
    assert [r["event"] for r in local] == ["epoch", "epoch", "completed"]
    assert one == local
    assert [r["event"] for r in two] == ["epoch", "epoch", "completed"]
    assert (local[-1]["num_processes"], two[-1]["num_processes"]) == (1, 2)
    for ours, theirs in zip(local, two, strict=True):
        assert numbers(theirs) == pytest.approx(numbers(ours), rel=1e-4)
    # The processes of a group meet at one of them.
    assert "ray::RayTrainWo" in processes_of(found)
    assert beyond_loopback(found) == {}
    # A worker's error is known for what it is: this one is not worth another attempt.
    assert (diverged[-1]["event"], diverged[-1]["kind"]) == ("failed", "diverged")


def numbers(report: dict[str, Any]) -> dict[str, float]:
    return {k: v for k, v in report.items() if isinstance(v, float)}


@contextmanager
def sockets_meanwhile() -> Iterator[dict[str, set[str]]]:
    """Address -> names of the processes that were seen to listen there."""
    found: dict[str, set[str]] = {}
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.2):
            for where, who in listening(os.getpid()).items():
                found.setdefault(where, set()).update(who)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()
