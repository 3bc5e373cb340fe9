"""HER2 immunohistochemistry patches, drawn: a stand-in for BCI.

Membranes follow the ASCO/CAP scheme (Wolff et al. 2018): 0 is no staining or faint staining in at most 10 %
of the tumour cells, 1+ faint and incomplete in more than 10 %, 2+ weak to moderate and complete, 3+ strong
and complete. As in BCI, the score is the slide's: a patch may show a region that alone would be scored
otherwise. Neither the amount of brown nor its darkness gives the score away, because tumour content,
unspecific staining and laboratories vary.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from PIL import Image

from study.datasets.synthetic.camera import photograph
from study.datasets.synthetic.cells import Territories, bent_coordinates, draw_fibrous, draw_nuclei, grow_territories
from study.datasets.synthetic.noise import Field, smooth_noise, step
from study.datasets.synthetic.stains import SlideStain, transmit
from study.errors import DataError, UnknownNameError

SPLITS = ("train", "test")
SCORES = ("0", "1+", "2+", "3+")

# The share of patches that show a region of a neighbouring score. It and the ranges below were chosen so that
# a study's networks reach an AUC of 0.6 to 0.96 within minutes, and the mean colour of a patch less.
_HETEROGENEOUS = 0.18
_PATCHES_PER_SLIDE = 5
_MOST_SLIDES_PER_SCORE = 40

# score -> ranges of the share of stained cells, the amount of DAB on their membranes, its completeness.
_EXPRESSION = (
    ((0.00, 0.10), (0.10, 0.30), (0.2, 0.5)),
    ((0.15, 0.65), (0.20, 0.50), (0.2, 0.6)),
    ((0.35, 0.90), (0.55, 1.20), (0.7, 1.0)),
    ((0.60, 1.00), (1.10, 2.00), (0.9, 1.0)),
)


@dataclass(frozen=True)
class _Expression:
    """How the tumour cells of one patch express HER2."""

    cell_share: float
    strength: float
    completeness: float

    @classmethod
    def sample(cls, score: int, rng: np.random.Generator) -> "_Expression":
        shown = score
        if rng.random() < _HETEROGENEOUS:
            shown = int(np.clip(score + rng.choice((-1, 1)), 0, 3))
        share, strength, completeness = (float(rng.uniform(*limits)) for limits in _EXPRESSION[shown])
        return cls(share, strength, completeness)


def draw_patch(score: int, *, slide: SlideStain, size_px: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """One patch of breast tissue.

    Args:
        score: the slide's HER2 score, 0 to 3.
        slide: what the patch shares with the others of its slide.
        size_px: side of the patch; the field of view is the same for every size.
        rng: where everything else comes from.

    Returns:
        uint8 (size_px, size_px, 3), RGB.

    Raises:
        DataError: there is no such score.
    """
    if score not in range(len(SCORES)):
        raise DataError(f"A HER2 score must be 0, 1, 2 or 3, but is {score}.")
    unit = size_px / 256
    tumour = _tumour_nests(size_px, unit, rng)
    grain = smooth_noise(rng, size_px, max(1.0, 2.5 * unit))
    tumour_blue, tumour_brown = _tumour(_Expression.sample(score, rng), grain, unit, rng)
    stroma_blue = _stroma(grain, unit, rng)
    blue = stroma_blue + tumour * (tumour_blue - stroma_blue)
    unspecific = slide.background_dab * rng.uniform(0.5, 2)
    brown = tumour * tumour_brown + np.float32(unspecific) * (1 + np.float32(0.25) * grain)
    tissue = 1 - _gaps(size_px, unit, rng)
    return photograph(transmit(blue * tissue, brown * tissue, slide), blur_px=unit, rng=rng)


def _tumour_nests(size_px: int, unit: float, rng: np.random.Generator) -> Field:
    """Where the section is tumour: float32 (size_px, size_px) in [0, 1]."""
    blobs = smooth_noise(rng, size_px, float(rng.uniform(35, 80)) * unit)
    return step(blobs + np.float32(rng.normal(0.8, 0.5)), 0.25)


def _gaps(size_px: int, unit: float, rng: np.random.Generator) -> Field:
    """Lumina, fat and cracks, where the glass is empty: float32 (size_px, size_px) in [0, 1]."""
    return step(smooth_noise(rng, size_px, 30 * unit) - np.float32(rng.uniform(1.5, 3.5)), 0.3)


def _tumour(expression: _Expression, grain: Field, unit: float, rng: np.random.Generator) -> tuple[Field, Field]:
    """Tumour cells everywhere: amounts of hematoxylin and of DAB, each float32 (H, W)."""
    size_px = grain.shape[0]
    pitch_px = float(rng.uniform(18, 29)) * unit
    x, y = bent_coordinates(size_px, 0.09 * pitch_px, 11 * unit, rng)
    cells = grow_territories(x, y, pitch_px=pitch_px, rng=rng)
    nuclei = draw_nuclei(
        cells,
        radius_px=float(rng.uniform(0.27, 0.36)) * pitch_px,
        spread=float(rng.uniform(0.08, 0.22)),
        elongation=float(rng.uniform(1.15, 1.5)),
        share=0.92,
        rng=rng,
    )
    blue = np.float32(rng.uniform(0.05, 0.16)) + np.float32(rng.uniform(0.55, 0.9)) * nuclei * (
        1 + np.float32(0.22) * grain
    )
    membranes = _membranes(cells, expression, unit, rng)
    # Cytoplasm takes up DAB too, whatever the score, in granules and not in all cells alike.
    cytoplasm = rng.gamma(1.0, 0.1) * rng.uniform(0.4, 1.6, cells.num_cells)
    granules = 1 + np.float32(0.35) * grain
    brown = membranes + cytoplasm.astype(np.float32)[cells.cell] * granules * (1 - np.float32(0.6) * nuclei)
    return blue, np.maximum(brown, 0)


def _membranes(cells: Territories, expression: _Expression, unit: float, rng: np.random.Generator) -> Field:
    """DAB on the membranes: float32 (H, W). Each cell stains its own side of a shared border."""
    size_px = cells.cell.shape[0]
    stained = _stained_cells(cells, expression.cell_share, smooth_noise(rng, size_px, 45 * unit), rng)
    width_px = float(rng.uniform(1.6, 2.7)) * unit
    band = np.exp(-np.square(cells.border_px * np.float32(1 / width_px)))
    limit = NormalDist().inv_cdf(min(expression.completeness, 0.98))
    covered = step(np.float32(limit) - smooth_noise(rng, size_px, 5 * unit), 0.5)
    brown: Field = np.float32(expression.strength) * stained[cells.cell] * band * covered
    return brown


def _stained_cells(cells: Territories, share: float, clones: Field, rng: np.random.Generator) -> Field:
    """How strongly each cell stains: float32 (num_cells,), about 1 for a `share` of the cells and else 0.

    Related cells lie together, hence the field `clones`, which is alike for neighbours.
    """
    area = np.bincount(cells.cell.ravel(), minlength=cells.num_cells)
    clone = np.bincount(cells.cell.ravel(), weights=clones.ravel(), minlength=cells.num_cells)
    tendency = clone / np.maximum(area, 1) + rng.normal(0, 0.7, cells.num_cells)
    stains = tendency > np.quantile(tendency[area > 0], 1 - share)
    return (stains * rng.uniform(0.6, 1.4, cells.num_cells)).astype(np.float32)


def _stroma(grain: Field, unit: float, rng: np.random.Generator) -> Field:
    """Collagen with spindle-shaped nuclei everywhere: amount of hematoxylin, float32 (H, W)."""
    size_px = grain.shape[0]
    # Half the resolution is enough for what has no membranes, and four times faster.
    half_px = max(8, size_px // 2)
    scale = half_px / size_px * unit
    fibres, nuclei = draw_fibrous(half_px, scale, rng)
    blue = np.float32(0.07) + np.float32(0.03) * fibres + np.float32(0.9) * nuclei
    full = Image.fromarray(blue).resize((size_px, size_px), Image.Resampling.BILINEAR)
    amount: Field = np.maximum(np.asarray(full) + np.float32(0.02) * grain, 0)
    return amount


def draw_bci(root: Path, *, counts: Mapping[str, Mapping[str, int]], seed: int, size_px: int = 256) -> None:
    """Writes a stand-in in BCI's layout: `IHC/train/00000_train_1+.png`, `IHC/test/00000_test_3+.png`.

    As in BCI, patches come from a limited number of slides, no slide is in both splits, and the file names
    don't tell which is which.

    Args:
        root: folder to write into; it is created.
        counts: split ("train", "test") -> score ("0", "1+", "2+", "3+") -> number of patches.
        seed: the same seed draws the same bytes.
        size_px: side of the patches; BCI's are 1024.

    Raises:
        UnknownNameError: `counts` names a split or a score that does not exist.
    """
    for split, by_score in counts.items():
        if split not in SPLITS:
            raise UnknownNameError("split", split, SPLITS)
        folder = root / "IHC" / split
        folder.mkdir(parents=True, exist_ok=True)
        stream = (seed, SPLITS.index(split))
        scores = _shuffled_scores(by_score, np.random.default_rng([*stream, 0, 0, 2]))
        write = partial(_write_patch, folder=folder, scores=scores, stream=stream, size_px=size_px)
        # Threads pay, because numpy and Pillow let others run while they compute; processes would have to
        # be forked from one that may have started threads.
        with ThreadPoolExecutor(max_workers=4) as pool:
            list(pool.map(write, range(len(scores))))


def _shuffled_scores(by_score: Mapping[str, int], rng: np.random.Generator) -> list[int]:
    """The score of each running number, so that numbers tell nothing about scores."""
    for name in by_score:
        if name not in SCORES:
            raise UnknownNameError("HER2 score", name, SCORES)
    scores = np.repeat(np.arange(len(SCORES)), [by_score.get(name, 0) for name in SCORES])
    return [int(score) for score in rng.permutation(scores)]


def _write_patch(number: int, *, folder: Path, scores: Sequence[int], stream: tuple[int, int], size_px: int) -> None:
    """Draws and writes one patch. `stream` is the seed and the index of the split."""
    score = scores[number]
    num_slides = int(np.clip(scores.count(score) // _PATCHES_PER_SLIDE, 2, _MOST_SLIDES_PER_SCORE))
    # The trailing number keeps the slides' streams apart from the patches': missing numbers count as zeros.
    slide = SlideStain.sample(np.random.default_rng([*stream, score, number % num_slides, 1]))
    patch = draw_patch(score, slide=slide, size_px=size_px, rng=np.random.default_rng([*stream, number]))
    Image.fromarray(patch).save(folder / f"{number:05d}_{folder.name}_{SCORES[score]}.png", compress_level=1)
