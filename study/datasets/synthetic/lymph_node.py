"""Lymph node patches under hematoxylin and eosin, drawn: a stand-in for PatchCamelyon.

As in PatchCamelyon (Veeling et al. 2018, after CAMELYON16), a patch is positive if there is tumour in its
central square, a third of its side; what lies further out doesn't count. So a tumour in the border may be
followed by a clear centre, and a lone nest may fill a centre within healthy tissue. The healthy tissue is packed
lymphocytes, with germinal centres, sinuses, stroma, fat and blood; the middle-sized nuclei of germinal centres
and the pale histiocytes of sinuses resemble tumour cells. Neighbouring patches share a slide: its stain, its
scanner and its patient's tumour.
"""

import csv
import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from study.datasets.synthetic.camera import photograph
from study.datasets.synthetic.node_tissues import (
    Carcinoma,
    Tissue,
    draw_carcinoma,
    draw_fat,
    draw_germinal_centre,
    draw_lymphocytes,
    draw_red_cells,
    draw_sinus,
    draw_stroma,
)
from study.datasets.synthetic.noise import Field, smooth_noise, step
from study.datasets.synthetic.stains import EOSIN, HEMATOXYLIN, Dyes
from study.errors import DataError, UnknownNameError

LABELS = ("0", "1")

# These were chosen so that small networks reach an AUC of about 0.85 within minutes, and the mean colour nothing.
_PATCHES_PER_SLIDE = 5
_NEGATIVES_FROM_HEALTHY_SLIDES = 0.3
# Around a centre with tumour there usually is more of it.
_TUMOUR_IN_BORDER = {False: 0.2, True: 0.7}


@dataclass(frozen=True)
class NodeSlide:
    """What all patches of one slide share.

    Attributes:
        dyes: amounts of hematoxylin and eosin, and the scanner.
        tumour: the metastasis; None if the node is free of tumour.
    """

    dyes: Dyes
    tumour: Carcinoma | None

    @classmethod
    def sample(cls, *, metastatic: bool, rng: np.random.Generator) -> "NodeSlide":
        """Another node, stained and scanned by one of several laboratories."""
        dyes = Dyes.sample((HEMATOXYLIN, EOSIN), strength=0.16, angle=0.045, rng=rng)
        return cls(dyes, Carcinoma.sample(rng) if metastatic else None)


def draw_patch(tumour: bool, *, slide: NodeSlide, rng: np.random.Generator, size_px: int = 96) -> npt.NDArray[np.uint8]:
    """One patch of a lymph node.

    The same `rng` draws the same border whether or not there is `tumour` in the centre.

    Args:
        tumour: whether there is any in the central square, a third of the side.
        slide: what the patch shares with the others of its slide.
        rng: where everything else comes from.
        size_px: side of the patch; the field of view is the same for every size.

    Returns:
        uint8 (size_px, size_px, 3), RGB.

    Raises:
        DataError: there shall be tumour, but the slide has none.
    """
    unit = size_px / 96
    cover = tumour_cover(tumour, slide=slide, rng=rng, size_px=size_px)
    node = _healthy(size_px, unit, rng)
    if slide.tumour is not None:
        node = node.under(draw_carcinoma(slide.tumour, size_px, unit, rng), cover)
    light = slide.dyes.transmit((np.maximum(node.hematoxylin, 0), np.maximum(node.eosin, 0)))
    return photograph(light, blur_px=0.55 * unit, rng=rng)


def tumour_cover(tumour: bool, *, slide: NodeSlide, rng: np.random.Generator, size_px: int = 96) -> Field:
    """Where a patch shows tumour: float32 (size_px, size_px) in [0, 1]. Arguments as `draw_patch` takes them.

    With `tumour` it covers a good part of the central square, else not one pixel of it.
    """
    if tumour and slide.tumour is None:
        raise DataError("A patch with tumour needs a slide with a metastasis, but this one has none.")
    unit = size_px / 96
    line = (np.arange(size_px, dtype=np.float32) + np.float32(0.5)) / np.float32(unit) - np.float32(48)
    x, y = line[None], line[:, None]
    nests = smooth_noise(rng, size_px, float(rng.uniform(22, 48)) * unit) + np.float32(rng.normal(0.3, 0.7))
    border = step(nests, 0.3) * np.float32(slide.tumour is not None and rng.random() < _TUMOUR_IN_BORDER[tumour])
    ragged = smooth_noise(rng, size_px, 9 * unit)
    # All of a nest in the centre lies within 31 units, which leaves the outer part of the border as it is.
    middle, radius = rng.uniform(-9, 9, 2).astype(np.float32), np.float32(rng.uniform(12, 25))
    reach = np.hypot(x - middle[0], y - middle[1]) + np.float32(1.5) * ragged
    square = np.maximum(np.abs(x), np.abs(y))
    nest = step(radius - reach, 2) * step(np.float32(30) - square, 2)
    clear = step(square - np.float32(18) - np.float32(2.5) * np.abs(ragged), 2)
    return np.maximum(border, nest) if tumour else border * clear


def _healthy(size_px: int, unit: float, rng: np.random.Generator) -> Tissue:
    """A node without tumour: lymphocytes, and what of the other tissues happens to lie here."""
    node = draw_lymphocytes(size_px, unit, rng)
    for draw, chance, amount in (
        (draw_germinal_centre, 0.25, 0.5),
        (draw_sinus, 0.3, -0.2),
        (draw_stroma, 0.4, -0.3),
    ):
        if rng.random() < chance:
            place = smooth_noise(rng, size_px, float(rng.uniform(25, 60)) * unit) + np.float32(rng.normal(amount, 0.5))
            node = node.under(draw(size_px, unit, rng), step(place, 0.35))
    if rng.random() < 0.12:
        place = step(smooth_noise(rng, size_px, 60 * unit) - np.float32(0.4), 0.2)
        node = node.faded(place * draw_fat(size_px, unit, rng))
    if rng.random() < 0.2:
        place = step(smooth_noise(rng, size_px, 20 * unit) - np.float32(1.2), 0.3)
        bleeding = Tissue(np.zeros_like(place), draw_red_cells(size_px, unit, rng))
        node = node.under(bleeding, place)
    return node


def draw_pcam(
    root: Path,
    *,
    counts: Mapping[str, int],
    num_unlabelled: int,
    seed: int,
    size_px: int = 96,
    with_slides: bool = False,
) -> None:
    """Writes a stand-in in the layout of Kaggle's Histopathologic Cancer Detection.

    That is `train/<id>.tif`, `train_labels.csv` (id, label) and `test/<id>.tif`. No slide is in both folders.
    Ids are hashes of the seed and a running number and tell nothing about labels.

    Args:
        root: folder to write into; it is created.
        counts: label ("0", "1") -> number of patches in `train`.
        num_unlabelled: number of patches in `test`, with tumour in about as many as in `train`.
        seed: the same seed draws the same bytes.
        size_px: side of the patches.
        with_slides: whether to write `patch_id_wsi_full.csv` (id, wsi) for `train` too.

    Raises:
        UnknownNameError: `counts` names a label that does not exist.
    """
    for name in counts:
        if name not in LABELS:
            raise UnknownNameError("label", name, LABELS)
    negative, positive = (counts.get(name, 0) for name in LABELS)
    hidden = round(num_unlabelled * positive / max(1, negative + positive))
    train = _plan(negative, positive, folder="train", seed=seed)
    test = _plan(num_unlabelled - hidden, hidden, folder="test", seed=seed)
    for folder in ("train", "test"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(partial(_write_patch, root=root, seed=seed, size_px=size_px), [*train, *test]))
    by_id = sorted(train, key=lambda job: job.id)
    _write_table(root / "train_labels.csv", ("id", "label"), [(job.id, str(int(job.tumour))) for job in by_id])
    if with_slides:
        _write_table(root / "patch_id_wsi_full.csv", ("id", "wsi"), [(job.id, job.wsi) for job in by_id])


@dataclass(frozen=True)
class _Job:
    """One patch to draw: its folder, its running number there, its slide's number and whether that has a metastasis."""

    folder: str
    number: int
    tumour: bool
    slide: int
    metastatic: bool
    id: str

    @property
    def stream(self) -> int:
        """What keeps the random streams of the folders apart."""
        return int(self.folder == "test")

    @property
    def wsi(self) -> str:
        """The slide's name."""
        return f"camelyon16_train_{'tumor' if self.metastatic else 'normal'}_{self.slide + 1:03d}"


def _plan(negative: int, positive: int, *, folder: str, seed: int) -> list[_Job]:
    """Deals the patches out to slides: some negatives to healthy ones, all others mixed to metastatic ones."""
    stream = int(folder == "test")
    rng = np.random.default_rng([seed, stream, 0, 0, 2])
    num_healthy = round(_NEGATIVES_FROM_HEALTHY_SLIDES * negative)
    mixed = rng.permutation([True] * positive + [False] * (negative - num_healthy))
    dealt = [(False, False, n // _PATCHES_PER_SLIDE) for n in range(num_healthy)]
    dealt += [(True, bool(tumour), n // _PATCHES_PER_SLIDE) for n, tumour in enumerate(mixed)]
    jobs = []
    for number, (metastatic, tumour, slide) in enumerate(dealt):
        digest = hashlib.sha1(f"{seed}/{folder}/{number}".encode(), usedforsecurity=False).hexdigest()
        jobs.append(_Job(folder, number, tumour, slide, metastatic, digest))
    return jobs


def _write_patch(job: _Job, *, root: Path, seed: int, size_px: int) -> None:
    """Draws and writes one patch."""
    # The trailing number keeps the slides' streams apart from the patches': missing numbers count as zeros.
    stream = np.random.default_rng([seed, job.stream, job.slide, int(job.metastatic), 1])
    slide = NodeSlide.sample(metastatic=job.metastatic, rng=stream)
    rng = np.random.default_rng([seed, job.stream, job.number])
    pixels = draw_patch(job.tumour, slide=slide, rng=rng, size_px=size_px)
    Image.fromarray(pixels).save(root / job.folder / f"{job.id}.tif")


def _write_table(path: Path, header: tuple[str, str], rows: list[tuple[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
