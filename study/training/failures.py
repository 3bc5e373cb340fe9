"""What can go wrong in a trial, and whether it is worth another attempt."""

import errno
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from study.errors import StorageError
from study.records import Trial
from study.training.trainer import DivergedError

DIVERGED, OUT_OF_MEMORY, LOST, HUNG, DISK, ERROR = "diverged", "out of memory", "lost", "hung", "disk", "error"

# An attempt that ran out of memory doesn't count: the next one is a smaller one, and 1 is the end.
MAX_ATTEMPTS = 3

_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
# What the allocators of a CPU say; a GPU's has an exception of its own.
_NO_MEMORY = ("can't allocate memory", "not enough memory", "Cannot allocate memory")


@dataclass(frozen=True)
class Failure:
    """Why an attempt ended.

    Attributes:
        kind: one of those above.
        reason: in one line.
        traceback: where it happened; "" if nobody knows.
    """

    kind: str
    reason: str
    traceback: str = ""


def of_exception(error: BaseException) -> Failure:
    """What an exception is taken for; its causes count too, since Ray and torch wrap what they meet."""
    telling = next((each for each in _causes(error) if _kind_of(each) != ERROR), error)
    first_line = (str(telling).splitlines() or [""])[0]
    return Failure(
        kind=_kind_of(telling),
        reason=f"{type(telling).__name__}: {first_line}",
        traceback="".join(traceback.format_exception(error)),
    )


def hung(checkpoints: Path) -> Failure | None:
    """What the processes of a trial that hung have left in its folder of checkpoints; None where none did."""
    notes = sorted(checkpoints.glob("if-hung-*.txt"))
    stacks = next((text for note in notes if (text := note.read_text())), "")
    for note in notes:
        note.unlink(missing_ok=True)
    if not stacks:
        return None
    return Failure(HUNG, f"no step ended in its worker; {stacks.splitlines()[0]}", stacks)


def next_micro_batch(trial: Trial, kind: str, *, batch_size: int) -> int | None:
    """The micro-batch (0: the whole batch) with which a failed trial is tried again, or None to give it up.

    A loss that diverges would do so again. Out of memory, half as many images at a time, their gradients added up to
    the same batch; a worker that dies twice was probably ended by the operating system for the same reason. Anything
    else may be a matter of chance, a few times.

    Args:
        trial: with the attempts before this one, and the epochs so far.
        kind: of the failure.
        batch_size: images of a whole batch.
    """
    if kind in (DIVERGED, DISK):
        return None
    # A trial that got further in between makes a new start: thirty kills may hit a long one three times.
    before = [str(attempt["kind"]) for attempt in trial.attempts if attempt["epochs"] == len(trial.epochs)]
    if kind != OUT_OF_MEMORY and sum(each != OUT_OF_MEMORY for each in before) + 1 >= MAX_ATTEMPTS:
        return None
    if kind == OUT_OF_MEMORY or (kind == LOST and LOST in before):
        # Half of a single image can't be had.
        return (trial.micro_batch or batch_size) // 2 or None
    return trial.micro_batch


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        # What Ray Train raises for a worker group holds the errors of its workers.
        for failure in getattr(error, "worker_failures", {}).values():
            yield from _causes(failure)
        error = getattr(error, "cause", None) or error.__cause__ or error.__context__


def _kind_of(error: BaseException) -> str:
    if isinstance(error, DivergedError):
        return DIVERGED
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or any(words in str(error) for words in _NO_MEMORY):
        return OUT_OF_MEMORY
    # A storage that can't be reached is no trial's fault either.
    if isinstance(error, StorageError) or (isinstance(error, OSError) and error.errno in _DISK_ERRORS):
        return DISK
    return ERROR
