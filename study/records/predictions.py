"""What the seed runs of a study answered, read from their tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from study.errors import ResultsError
from study.records.folder import RunFolder
from study.records.split_names import TRAIN, VAL
from study.records.state import COMPLETE, DOCUMENT, TUNED, StudyState, Trial


class Key(NamedTuple):
    """Whose answers to what.

    Attributes:
        architecture: of the networks.
        recipe: "tuned" or "document".
        split: "train", "val", "test", or the name of another evaluation set.
        fold: of an outer cross-validation; 0 where there is none.
    """

    architecture: str
    recipe: str
    split: str
    fold: int = 0


@dataclass(frozen=True)
class Predictions:
    """What the seed runs of one recipe answered for one split.

    Attributes:
        numbers: of the K seed runs, ascending.
        paths: (N,) of the images, ascending.
        targets: int (N,) in [0, C).
        groups: (N,) labels; images with the same label stand or fall together.
        probabilities: float (K, N, C).
    """

    numbers: tuple[int, ...]
    paths: npt.NDArray[Any]
    targets: npt.NDArray[np.int64]
    groups: npt.NDArray[Any]
    probabilities: npt.NDArray[np.float64]

    @property
    def ensemble(self) -> npt.NDArray[np.float64]:
        """The mean probability over the seeds, float (1, N, C)."""
        return np.asarray(self.probabilities.mean(axis=0, keepdims=True))

    def only(self, numbers: tuple[int, ...]) -> npt.NDArray[np.float64]:
        """The probabilities of these seed runs alone, float (len(numbers), N, C)."""
        return self.probabilities[[self.numbers.index(number) for number in numbers]]


@dataclass(frozen=True)
class PredictionSet:
    """All that the seed runs of a study answered; what doesn't exist (yet) is absent.

    Attributes:
        by_key: in the order of the architectures, then by recipe and split.
    """

    by_key: Mapping[Key, Predictions] = field(default_factory=dict)

    def of(self, architecture: str, recipe: str, split: str, fold: int = 0) -> Predictions:
        """The answers of these seed runs, which are known to be there."""
        return self.by_key[Key(architecture, recipe, split, fold)]

    def get(self, architecture: str, recipe: str, split: str, fold: int = 0) -> Predictions | None:
        """The answers of these seed runs, or None."""
        return self.by_key.get(Key(architecture, recipe, split, fold))

    def by_architecture(self, recipe: str, split: str, fold: int = 0) -> dict[str, Predictions]:
        """Architecture -> the answers of its seed runs, of those that have any, in the order of the study."""
        return {
            key.architecture: each
            for key, each in self.by_key.items()
            if (key.recipe, key.split, key.fold) == (recipe, split, fold)
        }


def read_predictions(folder: RunFolder, state: StudyState) -> PredictionSet:
    """Reads what the seed runs answered.

    Raises:
        ResultsError: a table lacks columns, or the seed runs of a recipe were scored on different images.
    """
    # Predictions of an evaluation set count only once the log says that it was opened: not those of a torn write.
    splits = (TRAIN, VAL, *state.opened)
    classes = state.manifest.dataset.classes
    found: dict[Key, Predictions] = {}
    for pair, recipe_name, fold in product(state.manifest.pairs, (TUNED, DOCUMENT), state.folds):
        trials = [trial for trial in state.seed_runs(pair, recipe_name, fold) if trial.state == COMPLETE]
        for split in splits:
            predictions = _read(folder, trials, split, classes)
            if predictions is not None:
                found[Key(pair, recipe_name, split, fold)] = predictions
    return PredictionSet(found)


def _read(folder: RunFolder, trials: Sequence[Trial], split: str, classes: Sequence[str]) -> Predictions | None:
    tables = {
        trial.number: pd.read_csv(folder.predictions(trial.id, split), dtype={"path": str, "group": str})
        for trial in trials
        if folder.predictions(trial.id, split).exists()
    }
    if not tables:
        return None
    columns = [f"p_{name}" for name in classes]
    ordered = {}
    for number, table in sorted(tables.items()):
        missing = [name for name in ("path", "group", "target", *columns) if name not in table]
        if missing:
            raise ResultsError(
                f"Predictions need a column for each class, but {', '.join(missing)} are missing in "
                f"{folder.root} ({split}, seed run {number}). Run the study again with --fresh."
            )
        ordered[number] = table.sort_values("path", kind="stable").reset_index(drop=True)
    first = next(iter(ordered.values()))
    for number, table in ordered.items():
        if not table[["path", "target"]].equals(first[["path", "target"]]):
            raise ResultsError(
                f"All seed runs must be scored on the same images, but seed run {number} in {folder.root} "
                f"has other {split} images than the first. Run the study again with --fresh."
            )
    return Predictions(
        numbers=tuple(ordered),
        paths=first["path"].to_numpy(dtype=str),
        targets=first["target"].to_numpy(dtype=np.int64),
        groups=first["group"].to_numpy(dtype=str),
        probabilities=np.stack([table[columns].to_numpy(dtype=np.float64) for table in ordered.values()]),
    )


def require_whole_predictions(folder: RunFolder, state: StudyState) -> None:
    """Raises ResultsError if a table is missing or changed: it would give other figures, and nobody would notice."""
    hashes = {name: sha256 for t in state.trials.values() for name, sha256 in t.result.get("files", {}).items()}
    damaged = folder.damaged({name: sha256 for name, sha256 in hashes.items() if name.startswith("predictions/")})
    if damaged:
        raise ResultsError(
            f"Predictions must be as they were written, but in {folder.root} these are missing or changed: "
            f"{', '.join(damaged[:5])}{' and others' if len(damaged) > 5 else ''}. Restore them from a backup, or give "
            "the study's command again: it says what can be mended."
        )
