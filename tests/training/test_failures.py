"""What a failure is taken for, and what is done about it."""

import errno
from pathlib import Path

import pytest
import torch

from study.errors import StorageError
from study.records import Trial
from study.spec import Recipe
from study.training import failures
from study.training.failures import DISK, DIVERGED, ERROR, HUNG, LOST, MAX_ATTEMPTS, OUT_OF_MEMORY, next_micro_batch
from study.training.trainer import DivergedError


def trial(*attempts: str, micro_batch: int = 0, num_epochs: int = 0) -> Trial:
    return Trial(
        id="lenet-search1", pair="lenet", kind="search", number=1, recipe_name="search", recipe=Recipe(), seed=0,
        micro_batch=micro_batch,
        epochs=[{"epoch": i + 1} for i in range(num_epochs)],
        attempts=[{"kind": kind, "epochs": 0} for kind in attempts],
    )  # fmt: skip


def raised_by_the_allocator() -> BaseException:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**55)
    return caught.value


def wrapped(error: BaseException) -> BaseException:
    try:
        raise RuntimeError("the worker group failed") from error
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (DivergedError("the loss became nan"), DIVERGED),
        (raised_by_the_allocator(), OUT_OF_MEMORY),
        (torch.OutOfMemoryError("CUDA out of memory"), OUT_OF_MEMORY),
        (MemoryError(), OUT_OF_MEMORY),
        (OSError(errno.ENOSPC, "No space left on device"), DISK),
        (StorageError("the bucket can't be reached"), DISK),
        (FileNotFoundError(errno.ENOENT, "gone"), ERROR),
        (ValueError("no such kernel"), ERROR),
        (wrapped(DivergedError("nan")), DIVERGED),
        (wrapped(raised_by_the_allocator()), OUT_OF_MEMORY),
    ],
)
def test_an_exception_is_known_by_its_kind(error: BaseException, kind: str) -> None:
    failure = failures.of_exception(error)
    assert failure.kind == kind
    assert failure.reason.startswith(type(error.__cause__ or error).__name__)


def test_a_diverged_loss_is_never_tried_again() -> None:
    assert next_micro_batch(trial(), DIVERGED, batch_size=32) is None


@pytest.mark.parametrize("kind", [ERROR, LOST, HUNG])
def test_what_may_be_chance_is_tried_three_times(kind: str) -> None:
    for num_before in range(MAX_ATTEMPTS - 1):
        assert next_micro_batch(trial(*[kind] * num_before), kind, batch_size=32) is not None
    assert next_micro_batch(trial(*[kind] * (MAX_ATTEMPTS - 1)), kind, batch_size=32) is None


def test_a_trial_that_got_further_in_between_makes_a_new_start() -> None:
    assert next_micro_batch(trial(LOST, LOST, num_epochs=4), LOST, batch_size=32) == 0


def test_out_of_memory_halves_the_images_at_a_time_down_to_one() -> None:
    known, micro_batches = trial(), []
    while (half := next_micro_batch(known, OUT_OF_MEMORY, batch_size=24)) is not None:
        micro_batches.append(half)
        known = trial(*[OUT_OF_MEMORY] * len(micro_batches), micro_batch=half)
    assert micro_batches == [12, 6, 3, 1]


def test_a_worker_that_dies_twice_at_the_same_place_gets_fewer_images_at_a_time() -> None:
    assert next_micro_batch(trial(), LOST, batch_size=32) == 0
    assert next_micro_batch(trial(LOST), LOST, batch_size=32) == 16


def test_processes_that_hung_are_known_by_the_notes_that_they_left(tmp_path: Path) -> None:
    (tmp_path / "if-hung-0.txt").write_text("")
    assert failures.hung(tmp_path) is None
    for rank, stack in ((0, ""), (1, "Thread 1\n  File loop.py"), (2, "Thread 2")):
        (tmp_path / f"if-hung-{rank}.txt").write_text(stack)
    failure = failures.hung(tmp_path)
    assert failure is not None
    assert (failure.kind, failure.traceback) == (HUNG, "Thread 1\n  File loop.py")
    assert failure.reason == "no step ended in its worker; Thread 1"
    # They tell of one attempt only.
    assert list(tmp_path.iterdir()) == []
