"""Checkpoints: written in the background while the next epoch trains, whole or not there, the newest two kept."""

import copy
import io
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import nn

from study import architectures
from study.records import written_whole
from study.records.recipes import recipe_from_json
from study.spec import Recipe
from study.training.data import Standardization
from study.training.training_run import Outcome

_NUM_KEPT = 2
_PREFIX = "epoch-"

State = dict[str, Any]
OnFile = Callable[[Path], None]


def _nothing(path: Path) -> None:
    """Where a folder is all that there is."""


def save(path: Path, state: State) -> None:
    """Writes a file that is either whole or not there, also after a power cut."""
    with written_whole(path) as file:
        torch.save(state, file)


class DamagedError(Exception):
    """A file is not what `save` wrote."""


def load(path: Path) -> State:
    """Reads what `save` wrote: tensors (to the CPU's memory), numbers and strings, never code.

    Raises:
        DamagedError: the file's content isn't whole.
        OSError: it can't be read.
    """
    content = path.read_bytes()
    try:
        state: State = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:
        # Whatever bytes it is given, torch.load may raise, OSError included: no list of its errors is complete.
        raise DamagedError(f"{path} is no file that torch.save has written: {error}") from error
    return state


class CheckpointWriter:
    """Writes one run's checkpoints on a thread of its own, so that the disk costs training no time.

    At most one write is under way: a run that outpaces its disk waits, and a resumed run redoes at most the epoch
    whose checkpoint was being written.

    Args:
        folder: gets them.
        keep: called with each file that was written, on the same thread.
        drop: called with each file that was removed, on the same thread.
    """

    def __init__(self, folder: Path, *, keep: OnFile = _nothing, drop: OnFile = _nothing) -> None:
        self.folder, self.keep, self.drop = folder, keep, drop
        for left in folder.glob(f"{_PREFIX}*.partial"):
            left.unlink(missing_ok=True)
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

    def __enter__(self) -> "CheckpointWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Lets the thread end with the write that is under way, without waiting for it."""
        self._pool.shutdown(wait=False)

    def _write(self, state: State) -> None:
        # Before, not after: there are never more than two, the one that is being written included.
        for old in checkpoints(self.folder)[: 1 - _NUM_KEPT]:
            old.unlink(missing_ok=True)
            self.drop(old)
        path = self.folder / f"{_PREFIX}{state['epoch']:05d}.pt"
        save(path, state)
        self.keep(path)


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    return sorted(folder.glob(f"{_PREFIX}*.pt"))


def _epoch_of(path: Path) -> int:
    return int(path.stem.removeprefix(_PREFIX))


def latest(folder: Path, *, up_to_epoch: int, recipe: Recipe, seed: int) -> State | None:
    """The newest checkpoint of a run that can be gone on from, or None.

    One that is ahead of the records must hold the metrics of the epochs that they lack, see `unrecorded`. One of
    another recipe or seed, which a machine may have kept of an earlier run of this name, is not this run's. One that is
    damaged counts as not there.

    Args:
        folder: of the run's checkpoints.
        up_to_epoch: the last one in the records.
        recipe: hyperparameter -> value.
        seed: of the run.
    """
    for path in reversed(checkpoints(folder)):
        try:
            state = load(path)
        except DamagedError:
            path.unlink(missing_ok=True)
            continue
        # Those of an earlier version don't tell.
        trained = recipe_from_json(state["recipe"]) if "recipe" in state else recipe
        is_own = (trained, state.get("seed", seed)) == (recipe, seed)
        lacking = range(up_to_epoch + 1, _epoch_of(path) + 1)
        if is_own and [metrics["epoch"] for metrics in unrecorded(state, up_to_epoch)] == list(lacking):
            return state
    return None


def unrecorded(state: State, up_to_epoch: int) -> list[dict[str, float]]:
    """The metrics, in order, of the epochs that a checkpoint holds and the records, which end with `up_to_epoch`, lack.

    The log of a driver that died with its disk is that of some seconds before, in which a small network is trained for
    more epochs than there are checkpoints.
    """
    return [metrics for metrics in state.get("history", ()) if metrics["epoch"] > up_to_epoch]


def outcome_state(outcome: Outcome) -> State:
    """What a finished run is stored as: weights and the standardization that they expect."""
    return {
        "model": outcome.model.state_dict(),
        "mean": list(outcome.standardization.mean),
        "std": list(outcome.standardization.std),
    }


def load_outcome(
    path: Path, architecture: str, recipe: Recipe, num_logits: int, size_px: int
) -> tuple[nn.Module, Standardization]:
    """A finished run's network in eval mode, on the CPU, and the standardization that it expects.

    Args:
        path: of what `outcome_state` made.
        architecture: name in `study.architectures`.
        recipe: as trained.
        num_logits: 1 for two classes.
        size_px: side of the images.

    Raises:
        DamagedError: the file's content isn't whole.
        OSError: it can't be read.
    """
    state = load(path)
    model = architectures.find(architecture).build(recipe, num_logits, size_px)
    model.load_state_dict(state["model"])
    return model.eval(), standardization(state)


def standardization(state: State) -> Standardization:
    """The standardization in what `outcome_state` made."""
    return Standardization(tuple(state["mean"]), tuple(state["std"]))
