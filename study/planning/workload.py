"""What all trials of a study share, and how a session runs them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from study.parts import Part
from study.planning.evaluation_set import EvaluationSet
from study.training.data import SplitRows, Standardization


@dataclass(frozen=True, kw_only=True)
class Running:
    """How a session runs its trials; none of it changes what comes out.

    Attributes:
        num_workers: 0 trains in the trial actors; more start a Ray Train worker group of so many, or
            as many as there is room for, for each trial.
        hang_after_s: time without a step that means a worker hangs.
        shared: URI or path of a folder that all machines see; "" where there is one machine.
        verbose: Ray says what it has to say.
        mlflow: URI of a tracking server that gets the trials too; "" for none.
    """

    num_workers: int = 0
    hang_after_s: float = 600.0
    shared: str = ""
    verbose: bool = False
    mlflow: str = ""


@dataclass(frozen=True)
class PixelArray:
    """The images at the size that a pair's network takes.

    Attributes:
        path: of the array on the driver's machine, absolute: uint8 (N, size, size, 3).
        standardization: of the training images.
    """

    path: Path
    standardization: Standardization


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What all trials of a study share.

    Attributes:
        folder: the run's folder, absolute: the same one for every actor, or where `storage` is given, each machine's
            own.
        storage: URI of the run's folder in the storage that the machines share; "" where they share `folder`.
        pixels: the pixel array at the study's own size on the driver's machine, absolute; thumbnails are made of it.
        pair_pixels: pair -> the images at its size.
        pixels_from: URI of the folder from which other machines get the arrays; "" where there are none.
        table: path, sha256, group, split, target and row (the same in each pixel array) of each image.
        classes: class names.
        modality: decides what augmentation may do.
        objective: name of the metric that a trial's best epoch is chosen by.
        epochs: full budget of a trial.
        device: "cpu" or "cuda".
        precision: "float32" or "bfloat16".
        num_threads: CPU threads of one trial, or of each of its workers.
        cpus: of one trial, or of each of its workers, as Ray counts them.
        gpus: of one trial, or of each of its workers.
        hang_after_s: time without a step that means a worker hangs.
        num_workers: 0 trains in the trial actor (Ray Train's local mode); more start a Ray Train worker group of so
            many, or as many as there is room for.
        parts: of one's own that trials need.
    """

    folder: Path
    storage: str
    pixels: Path
    pair_pixels: Mapping[str, PixelArray]
    pixels_from: str
    table: pd.DataFrame
    classes: tuple[str, ...]
    modality: str
    objective: str
    epochs: int
    device: str
    precision: str
    num_threads: int
    cpus: float
    gpus: float
    hang_after_s: float
    num_workers: int
    parts: tuple[Part, ...] = ()

    @property
    def num_logits(self) -> int:
        """Of the networks."""
        return 1 if len(self.classes) == 2 else len(self.classes)

    def evaluation_set(self, split: str) -> EvaluationSet:
        """The images of one of the study's own splits: "train", "val" or "test"."""
        return EvaluationSet.of_split(split, self.table, {pair: each.path for pair, each in self.pair_pixels.items()})

    def rows_of(self, split: str) -> SplitRows:
        """Where the images of a split stand in each pixel array."""
        return self.evaluation_set(split).rows
