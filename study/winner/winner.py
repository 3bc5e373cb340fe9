"""The seed runs of a study's best network, which answer together."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from study.datasets import readers
from study.datasets.images import picture
from study.datasets.readers import Readers
from study.evaluation.appearance import Appearance
from study.evaluation.confusion import Floats, decide
from study.evaluation.probability_correction import Correction
from study.records import Manifest
from study.spec import Recipe
from study.training import losses
from study.training.data import Images, Standardization
from study.training.deployment import Deployment
from study.training.prediction import EVALUATION_BATCH_SIZE, predict_logits

Pixels = npt.NDArray[np.uint8]
YOUDEN = "Youden, chosen on val"


@dataclass(frozen=True)
class Member:
    """One seed run.

    Attributes:
        trial: its id in the records.
        recipe: that it was trained with.
        model: in eval mode.
        standardization: what it expects of the images.
        correction: of its probabilities.
    """

    trial: str
    recipe: Recipe
    model: nn.Module
    standardization: Standardization
    correction: Correction


@dataclass(frozen=True)
class Prediction:
    """What is answered for one image.

    Attributes:
        path: of the image, as it was given.
        probabilities: (C,) of the classes, which sum to 1; () for an image that couldn't be read.
        answer: the class decided for; "" for an image that couldn't be read.
        warning: "" or why not to trust the answer.
    """

    path: str
    probabilities: tuple[float, ...]
    answer: str
    warning: str


@dataclass(frozen=True)
class Winner:
    """The seed runs of the architecture with the highest val ROC-AUC, and what its study knows of their answers.

    Attributes:
        run: name of the run.
        architecture: name in `study.architectures`.
        classes: with two, the second is the positive one.
        size_px: side to which images are resized.
        trimmed: whether dark margins are cut away first.
        window: of images with more than 8 bits, see `picture.in_8_bits`.
        members: the seed runs.
        threshold: probability of the positive class from which it is decided for; NaN with more than two classes, where
            the most probable one is.
        appearance: of the training images; None where the study has not recorded it.
        device: that the networks are on.
        manifest: of the run.
        finished: whether the study is.
        rule: how the threshold was chosen, in words that can stand behind it.
        best: whether this is the architecture with the highest val ROC-AUC, not another one that was asked for.
    """

    run: str
    architecture: str
    classes: tuple[str, ...]
    size_px: int
    trimmed: bool
    window: tuple[int, int] | None
    members: tuple[Member, ...]
    threshold: float
    appearance: Appearance | None
    device: torch.device
    manifest: Manifest
    finished: bool = True
    best: bool = True
    rule: str = YOUDEN

    @cached_property
    def _readers(self) -> Readers:
        return readers.known()

    def __repr__(self) -> str:
        return (
            f"<Winner {self.architecture} of {self.run}: {len(self.members)} seed runs, {self.size_px} px, classes "
            f"{', '.join(self.classes)}>"
        )

    @property
    def caution(self) -> str:
        """What is to be said before any answer; "" for the winner of a finished study."""
        if self.finished:
            return ""
        return " The study isn't finished: another network, and other weights, may win yet."

    def predict(self, images: Sequence[str | Path]) -> list[Prediction]:
        """What the ensemble answers for image files, in their order; see `Prediction` for those that can't be read."""
        return list(self.predictions(images))

    def predictions(self, images: Sequence[str | Path]) -> Iterator[Prediction]:
        """As `predict`, a batch at a time."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for start in range(0, len(images), EVALUATION_BATCH_SIZE):
                some = [str(image) for image in images[start : start + EVALUATION_BATCH_SIZE]]
                yield from self._predictions(some, list(pool.map(self.read, some)))

    def read(self, path: str | Path) -> Pixels | str:
        """An image as the networks see it, uint8 (size_px, size_px, 3); or why it can't be read."""
        try:
            found, _ = self._readers.read(Path(path).read_bytes(), str(path))
            image = picture.in_8_bits(found, self.window)
        except readers.UNREADABLE as error:
            return readers.why_unreadable(error)
        return picture.resize(picture.trim(image) if self.trimmed else image, size_px=self.size_px)

    def each(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """What each seed run answers, as trained: float32 (K, N, C) from uint8 (N, size_px, size_px, 3)."""
        images = Images(pixels, self.device)
        rows = np.arange(len(pixels))
        logits = (predict_logits(member.model, images, rows, member.standardization) for member in self.members)
        return np.stack([losses.probabilities(each).numpy() for each in logits])

    def ensemble(self, each: Floats) -> npt.NDArray[np.float64]:
        """The mean of the seed runs' corrected probabilities: float (N, C) from float (K, N, C)."""
        return Deployment(tuple(member.correction for member in self.members), self.threshold).ensemble(each)

    def decide(self, probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """The class decided for, int (N,) from float (N, C)."""
        if len(self.classes) == 2:
            return decide(probabilities, threshold=self.threshold)
        return decide(probabilities)

    def _predictions(self, paths: Sequence[str], found: Sequence[Pixels | str]) -> Iterator[Prediction]:
        readable = [each for each in found if not isinstance(each, str)]
        answers: Iterator[tuple[npt.NDArray[np.float64], int, bool]] = iter(())
        if readable:
            pixels = np.stack(readable)
            probabilities = self.ensemble(self.each(pixels))
            strange = self.appearance.differs_grossly(pixels) if self.appearance else np.zeros(len(pixels), bool)
            answers = zip(probabilities, self.decide(probabilities).tolist(), strange.tolist(), strict=True)
        for path, each in zip(paths, found, strict=True):
            if isinstance(each, str):
                yield Prediction(path, (), "", f"can't be read: {each}")
                continue
            probability, target, is_strange = next(answers)
            warning = "unlike the training images" if is_strange else ""
            yield Prediction(path, tuple(probability.tolist()), self.classes[target], warning)
