"""BCI, HER2 status: negative (scores 0 and 1+) against positive (2+ and 3+)."""

from pathlib import Path

from study.datasets import DEVELOPMENT, TEST, Counts, Dataset, Sample
from study.datasets.layouts import bci

CLASSES = ("negative", "positive")
_TARGETS = {"0": 0, "1+": 0, "2+": 1, "3+": 1}


def _scan(root: Path) -> list[Sample]:
    return bci.scan(root, target_of_score=_TARGETS)


def _draw(root: Path, counts: Counts, seed: int) -> None:
    bci.draw(root, counts=counts, classes=CLASSES, target_of_score=_TARGETS, seed=seed)


DATASET = Dataset(
    title="BCI, HER2 status of IHC patches",
    classes=CLASSES,
    modality="ihc",
    licence=bci.LICENCE,
    editions=bci.editions(CLASSES, _TARGETS),
    how_to_get=bci.HOW_TO_GET,
    scan=_scan,
    draw=_draw,
    stand_in={
        DEVELOPMENT: {"negative": 130, "positive": 320},
        TEST: {"negative": 64, "positive": 160},
    },
)
