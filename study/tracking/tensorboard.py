"""The trials as TensorBoard shows them: curves while they train, hyperparameters once they have ended."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from study import records
from study.records import SEARCH, SEED
from study.tracking.background import Background
from study.tracking.tracker import TrialTracker

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_SPLITS = ("train", "val")
_METRICS = ("loss", "accuracy", "roc_auc")
# What of a report shows single networks and single images.
_FIGURES = ("confusion-matrices", "mistakes", "suspected-labels", "maps")
_OF_THE_REPORT = "report"


class TensorBoard(TrialTracker):
    """A folder for each searched trial and seed run, written while they train.

    It is derived: each session begins by writing it anew. It is written on a thread of its own, for no trial waits for
    it.

    Args:
        folder: of all of them.
        state: what there is so far.
    """

    def __init__(self, folder: Path, state: records.StudyState) -> None:
        self.folder, self.spaces = folder, state.manifest.space
        self._metrics = dict.fromkeys([*_METRICS, state.objective.name])
        self._writers: dict[str, SummaryWriter] = {}
        self._background = Background("tensorboard")
        for path in folder.glob("*"):
            # What comes of the report is replaced with it.
            if path.name != _OF_THE_REPORT:
                shutil.rmtree(path, ignore_errors=True)
        for trial in [*state.of_kind(SEARCH), *state.of_kind(SEED)]:
            for epoch in trial.epochs:
                self.epoch(trial, epoch)
            if trial.has_ended:
                self.ended(trial)

    def started(self, trial: records.Trial) -> None:
        """A trial begins or goes on; one that begins anew, under the name of a known one, replaces that."""
        if not trial.epochs:
            self._background.add(self._forget, trial.id)

    def epoch(self, trial: records.Trial, event: records.Event) -> None:
        """Adds an epoch's figures, soon.

        Raises:
            OSError: earlier ones could not be written, e.g. on a full disk.
        """
        self._background.add(self._epoch, trial.id, event)

    def ended(self, trial: records.Trial) -> None:
        """Adds a trial's hyperparameters and best score, soon.

        Raises:
            OSError: what came before could not be written.
        """
        self._background.add(self._ended, trial.id, self._hyperparameters(trial), trial, len(trial.epochs))

    def close(self) -> None:
        """Returns when all is written.

        Raises:
            OSError: it could not be.
        """
        self._background.add(self._close)
        self._background.close()

    def _hyperparameters(self, trial: records.Trial) -> dict[str, Any]:
        # As words, which TensorBoard lets one choose from; it would take truth for a number.
        values = {name: getattr(trial.recipe, name) for name in self.spaces[trial.pair]}
        searched = {name: str(value) if isinstance(value, bool) else value for name, value in values.items()}
        return {"architecture": trial.pair, "recipe": trial.recipe_name, "state": trial.state} | searched

    def _epoch(self, trial_id: str, event: records.Event) -> None:
        writer = self._writer(trial_id)
        figures = {"lr": event["lr"]} | {f"{m}/{s}": event[f"{s}_{m}"] for m in self._metrics for s in _SPLITS}
        for name, value in figures.items():
            writer.add_scalar(name, value, event["epoch"], walltime=event["time"])
        writer.flush()

    def _ended(self, trial_id: str, hyperparameters: dict[str, Any], trial: records.Trial, num_epochs: int) -> None:
        writer = self._writer(trial_id)
        if num_epochs:
            # In the trial's own folder, so that TensorBoard shows one row and one curve for it.
            writer.add_hparams(
                hyperparameters,
                {f"best_val_{trial.objective.name}": trial.best_score},
                run_name=".",
                global_step=num_epochs,
            )
        writer.close()
        del self._writers[trial_id]

    def _forget(self, trial_id: str) -> None:
        writer = self._writers.pop(trial_id, None)
        if writer is not None:
            writer.close()
        shutil.rmtree(self.folder / trial_id, ignore_errors=True)

    def _writer(self, trial_id: str) -> "SummaryWriter":
        # Imported late, and on this thread: it takes seconds.
        from torch.utils.tensorboard import SummaryWriter

        if trial_id not in self._writers:
            self._writers[trial_id] = SummaryWriter(str(self.folder / trial_id))
        return self._writers[trial_id]

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()


def add_figures(folder: Path, drawn: Path) -> list[str]:
    """Puts the finalists' confusion matrices and example images, as the report has them, into TensorBoard.

    Args:
        folder: of TensorBoard's files.
        drawn: folder of the report's figures.

    Returns:
        The names of those that there are.
    """
    from torch.utils.tensorboard import SummaryWriter

    shutil.rmtree(folder / _OF_THE_REPORT, ignore_errors=True)
    found = [name for name in _FIGURES if (drawn / f"{name}.png").exists()]
    if found:
        with SummaryWriter(str(folder / _OF_THE_REPORT)) as writer:
            for name, pixels in _read(drawn, found):
                writer.add_image(name, pixels, dataformats="HWC")
    return found


def _read(drawn: Path, names: Iterable[str]) -> Iterable[tuple[str, np.ndarray[Any, Any]]]:
    for name in names:
        with Image.open(drawn / f"{name}.png") as picture:
            yield name, np.asarray(picture.convert("RGB"))
