"""The layout of the BCI dataset: `IHC/train/00000_train_1+.png`, with the HER2 score in the file's name."""

import re
from collections.abc import Mapping
from pathlib import Path

from study.datasets import DEVELOPMENT, TEST, Counts, Edition, Sample, readers
from study.datasets.layouts.class_folders import image_files
from study.datasets.synthetic import her2
from study.errors import DataError

SCORES = ("0", "1+", "2+", "3+")
LICENCE = "Free for non-commercial research and education"
SOURCE = "Liu et al. 2022, https://bupt-ai-cz.github.io/BCI/"
HOW_TO_GET = (
    "Ask for it as its page says (https://bupt-ai-cz.github.io/BCI/), then unpack it so that the folder that you give "
    "to --data holds IHC/train and IHC/test."
)
# Published for the whole set; the shares of train and test are published without their scores.
COUNT_OF_SCORE = {"0": 240, "1+": 1153, "2+": 2142, "3+": 1338}
COUNT_OF_SIDE = {DEVELOPMENT: 3896, TEST: 977}

_SCORE = re.compile(r"_(0|1\+|2\+|3\+)\.png$")
_SIDES = {"train": DEVELOPMENT, "test": TEST}


def editions(classes: tuple[str, ...], target_of_score: Mapping[str, int]) -> tuple[Edition, ...]:
    """The one published version, for classes that are unions of scores."""
    by_class = dict.fromkeys(classes, 0)
    for score, count in COUNT_OF_SCORE.items():
        by_class[classes[target_of_score[score]]] += count
    expected = {"all": by_class, **{side: {"all": count} for side, count in COUNT_OF_SIDE.items()}}
    return (Edition(source=SOURCE, expected=expected),)


def draw(
    root: Path, *, counts: Counts, classes: tuple[str, ...], target_of_score: Mapping[str, int], seed: int
) -> None:
    """Draws a stand-in: within a class, the scores stand in their published proportions."""
    by_folder = {folder: _scores_of_classes(counts[side], classes, target_of_score) for folder, side in _SIDES.items()}
    her2.draw_bci(root, counts=by_folder, seed=seed)


def _scores_of_classes(
    counts: Mapping[str, int], classes: tuple[str, ...], target_of_score: Mapping[str, int]
) -> dict[str, int]:
    by_score = {}
    for target, name in enumerate(classes):
        scores = [s for s in SCORES if target_of_score[s] == target]
        total = sum(COUNT_OF_SCORE[s] for s in scores)
        for score in scores:
            by_score[score] = round(counts[name] * COUNT_OF_SCORE[score] / total)
        # Rounding must not change the number of images of the class: the largest score takes the difference.
        largest = max(scores, key=COUNT_OF_SCORE.__getitem__)
        by_score[largest] += counts[name] - sum(by_score[s] for s in scores)
    return by_score


def scan(root: Path, *, target_of_score: Mapping[str, int]) -> list[Sample]:
    """The IHC patches of BCI; the target follows from the score in the file's name.

    Raises:
        DataError: a folder is missing or empty, or a name carries no score.
    """
    samples = []
    known = readers.known()
    for folder_name, side in _SIDES.items():
        folder = root / "IHC" / folder_name
        if not folder.is_dir():
            raise DataError(
                f"BCI needs the folders IHC/train and IHC/test, but {folder} does not exist. "
                "Give --data the folder that holds IHC."
            )
        files = list(image_files(folder, known))
        if not files:
            raise DataError(f"BCI needs PNG images in {folder}, but there are none.")
        for file in files:
            match = _SCORE.search(file.name)
            if match is None:
                raise DataError(
                    f"Names of BCI images must end in their score (_0, _1+, _2+ or _3+ before .png), but "
                    f"{file} does not. Move it out of {folder}."
                )
            samples.append(Sample(file.relative_to(root).as_posix(), side, target_of_score[match[1]]))
    return samples
