"""BCI, HER2 score: the four scores of a pathologist, 0, 1+, 2+ and 3+, in their order."""

from pathlib import Path

from study.datasets import DEVELOPMENT, TEST, Counts, Dataset, Sample
from study.datasets.layouts import bci

CLASSES = bci.SCORES
_TARGETS = {score: target for target, score in enumerate(CLASSES)}


def _scan(root: Path) -> list[Sample]:
    return bci.scan(root, target_of_score=_TARGETS)


def _draw(root: Path, counts: Counts, seed: int) -> None:
    bci.draw(root, counts=counts, classes=CLASSES, target_of_score=_TARGETS, seed=seed)


DATASET = Dataset(
    title="BCI, HER2 score of IHC patches",
    classes=CLASSES,
    ordinal=True,
    modality="ihc",
    licence=bci.LICENCE,
    editions=bci.editions(CLASSES, _TARGETS),
    how_to_get=bci.HOW_TO_GET,
    scan=_scan,
    draw=_draw,
    # Published are 5, 24, 44 and 27 %: score 0 has more here, or a demo would measure it on ten images.
    stand_in={
        DEVELOPMENT: dict(zip(CLASSES, (50, 110, 165, 115), strict=True)),
        TEST: dict(zip(CLASSES, (24, 50, 74, 52), strict=True)),
    },
)
