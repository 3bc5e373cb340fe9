"""Checkpoints: written in the background while the next epoch trains, whole or not there, the newest two kept."""

import copy
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from study.training.data import Standardization
from study.training.loop import Outcome

_NUM_KEPT = 2
_PREFIX = "epoch-"

State = dict[str, Any]


def save(path: Path, state: State) -> None:
    """Writes a file that is either whole or not there, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load(path: Path, device: torch.device) -> State:
    """Reads what `save` wrote: tensors, numbers and strings, never code."""
    state: State = torch.load(path, map_location=device, weights_only=True)
    return state


class CheckpointWriter:
    """Writes one run's checkpoints on a thread of its own, so that the disk costs training no time.

    At most one write is under way: a run that outpaces its disk waits, and a resumed run redoes at most the epoch
    whose checkpoint was being written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pool = ThreadPoolExecutor(1)
        self._pending: Future[None] | None = None

    def write(self, state: State) -> None:
        """Takes a copy of the state now and writes it soon.

        Raises:
            OSError: an earlier write failed, e.g. on a full disk.
        """
        self.wait()
        # The next epoch changes the tensors in place while the thread writes.
        self._pending = self._pool.submit(self._write, copy.deepcopy(state))

    def wait(self) -> None:
        """Returns when all is written. Raises what the write raised."""
        if self._pending is not None:
            self._pending.result()

    def close(self) -> None:
        """Lets the thread end with the write that is under way, without waiting for it."""
        self._pool.shutdown(wait=False)

    def _write(self, state: State) -> None:
        save(self.folder / f"{_PREFIX}{state['epoch']:05d}.pt", state)
        for old in checkpoints(self.folder)[:-_NUM_KEPT]:
            old.unlink(missing_ok=True)


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    return sorted(folder.glob(f"{_PREFIX}*.pt"))


def _epoch_of(path: Path) -> int:
    return int(path.stem.removeprefix(_PREFIX))


def latest(folder: Path, device: torch.device, *, up_to_epoch: int) -> State | None:
    """The newest checkpoint of a run that is not ahead of its records, or None.

    A run that is killed between writing a checkpoint and reporting its epoch trains that epoch again: the records
    would lack it otherwise.
    """
    found = [p for p in checkpoints(folder) if _epoch_of(p) <= up_to_epoch]
    return load(found[-1], device) if found else None


def outcome_state(outcome: Outcome) -> State:
    """What a finished run is stored as: weights and the standardization that they expect."""
    return {
        "model": outcome.model.state_dict(),
        "mean": list(outcome.standardization.mean),
        "std": list(outcome.standardization.std),
    }


def standardization(state: State) -> Standardization:
    """The standardization in what `outcome_state` made."""
    return Standardization(tuple(state["mean"]), tuple(state["std"]))
