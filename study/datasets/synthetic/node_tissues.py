"""Tissues of a lymph node and of a carcinoma in it, each drawn as if it filled the whole patch."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from study.datasets.synthetic.cells import Territories, bent_coordinates, draw_fibrous, draw_nuclei, grow_territories
from study.datasets.synthetic.noise import Field, over, smooth_noise, step


@dataclass(frozen=True)
class Tissue:
    """Amounts of stain, in optical density: float32 (H, W) each."""

    hematoxylin: Field
    eosin: Field

    def under(self, upper: "Tissue", cover: Field) -> "Tissue":
        """This tissue with another in its place where `cover` is 1."""
        return Tissue(over(self.hematoxylin, upper.hematoxylin, cover), over(self.eosin, upper.eosin, cover))

    def faded(self, light: Field) -> "Tissue":
        """This tissue with holes where `light` is 1."""
        return Tissue(self.hematoxylin * (1 - light), self.eosin * (1 - light))


@dataclass(frozen=True)
class Carcinoma:
    """What a patient's tumour looks like, wherever it has spread.

    Attributes:
        pitch: distance of its cells in units (a lymphocyte's nucleus is about 7 units wide).
        spread: standard deviation of the logarithm of the nuclei's radius: pleomorphism.
        pallor: how much paler than its edge the middle of a nucleus is: vesicular chromatin.
        chromatin: amount of hematoxylin in a nucleus.
        cytoplasm: amount of eosin in the cytoplasm.
        basophilia: amount of hematoxylin in the cytoplasm.
        glands: share of the tumour that is lumen, about.
        mitoses: share of the cells that divide.
    """

    pitch: float
    spread: float
    pallor: float
    chromatin: float
    cytoplasm: float
    basophilia: float
    glands: float
    mitoses: float

    @classmethod
    def sample(cls, rng: np.random.Generator) -> "Carcinoma":
        """Another patient's tumour."""
        return cls(
            pitch=float(rng.uniform(14, 19)),
            spread=float(rng.uniform(0.12, 0.28)),
            pallor=float(rng.uniform(0.3, 0.6)),
            chromatin=float(rng.uniform(0.8, 1.2)),
            cytoplasm=float(rng.uniform(0.25, 0.55)),
            basophilia=float(rng.uniform(0.05, 0.18)),
            glands=float(rng.uniform(0.04, 0.14) if rng.random() < 0.3 else 0),
            mitoses=float(rng.uniform(0, 0.05)),
        )


def _cells(size_px: int, pitch_px: float, bend: float, rng: np.random.Generator) -> Territories:
    """Packed cells whose borders are bent by `bend` times their distance."""
    x, y = bent_coordinates(size_px, bend * pitch_px, 0.6 * pitch_px, rng)
    return grow_territories(x, y, pitch_px=pitch_px, rng=rng)


def draw_lymphocytes(size_px: int, unit: float, rng: np.random.Generator) -> Tissue:
    """Small round dark nuclei, densely packed, with hardly any cytoplasm."""
    pitch_px = float(rng.uniform(7.0, 9.0)) * unit
    nuclei = draw_nuclei(
        _cells(size_px, pitch_px, 0.08, rng),
        radius_px=float(rng.uniform(0.39, 0.45)) * pitch_px,
        spread=0.1,
        elongation=1.08,
        share=float(rng.uniform(0.75, 0.97)),
        rng=rng,
        pallor=0.15,
    )
    dots = smooth_noise(rng, size_px, max(1.0, 2 * unit))
    hematoxylin = np.float32(0.16) + nuclei * (np.float32(rng.uniform(0.85, 1.2)) + np.float32(0.15) * dots)
    eosin = np.float32(rng.uniform(0.18, 0.35)) * (1 - np.float32(0.5) * nuclei)
    return Tissue(hematoxylin, eosin)


def draw_germinal_centre(size_px: int, unit: float, rng: np.random.Generator) -> Tissue:
    """Centroblasts and centrocytes: middle-sized, paler nuclei; macrophages make holes in the starry sky."""
    pitch_px = float(rng.uniform(9.5, 13)) * unit
    nuclei = draw_nuclei(
        _cells(size_px, pitch_px, 0.1, rng),
        radius_px=float(rng.uniform(0.36, 0.41)) * pitch_px,
        spread=0.15,
        elongation=1.15,
        share=0.92,
        rng=rng,
        pallor=float(rng.uniform(0.3, 0.5)),
    )
    dots = smooth_noise(rng, size_px, max(1.0, 2 * unit))
    hematoxylin = np.float32(0.12) + nuclei * (np.float32(rng.uniform(0.6, 0.95)) + np.float32(0.15) * dots)
    eosin = np.float32(rng.uniform(0.18, 0.35)) * (1 - np.float32(0.4) * nuclei)
    holes = step(smooth_noise(rng, size_px, 16 * unit) - np.float32(rng.uniform(1.6, 2.6)), 0.5)
    return Tissue(hematoxylin, eosin).faded(np.float32(0.6) * holes)


def draw_sinus(size_px: int, unit: float, rng: np.random.Generator) -> Tissue:
    """Histiocytes with oval pale nuclei and much pink cytoplasm, lymphocytes between them, clefts and red cells."""
    pitch_px = float(rng.uniform(12, 16)) * unit
    cells = _cells(size_px, pitch_px, 0.15, rng)
    nuclei = draw_nuclei(
        cells, radius_px=0.25 * pitch_px, spread=0.12, elongation=1.4, share=0.85, rng=rng, pallor=0.45
    )
    few = draw_nuclei(
        _cells(size_px, 10 * unit, 0.1, rng),
        radius_px=3.2 * unit,
        spread=0.1,
        elongation=1.1,
        share=float(rng.uniform(0.05, 0.35)),
        rng=rng,
    )
    hematoxylin = np.float32(0.06) + np.maximum(np.float32(0.75) * nuclei, few * np.float32(1.1))
    eosin = np.float32(rng.uniform(0.2, 0.45)) * (1 - np.float32(0.5) * np.maximum(nuclei, few))
    clefts = step(smooth_noise(rng, size_px, 14 * unit) - np.float32(rng.uniform(0.6, 1.6)), 0.3)
    bodies = Tissue(hematoxylin, eosin).faded(clefts * np.float32(0.85))
    return Tissue(bodies.hematoxylin, bodies.eosin + clefts * draw_red_cells(size_px, unit, rng))


def draw_red_cells(size_px: int, unit: float, rng: np.random.Generator) -> Field:
    """Red cells side by side, without nuclei: amount of eosin, float32 (size_px, size_px)."""
    discs = draw_nuclei(
        _cells(size_px, 7.5 * unit, 0.05, rng),
        radius_px=3.4 * unit,
        spread=0.08,
        elongation=1.15,
        share=float(rng.uniform(0.1, 0.8)),
        rng=rng,
    )
    return discs * np.float32(rng.uniform(0.7, 1.1))


def draw_stroma(size_px: int, unit: float, rng: np.random.Generator) -> Tissue:
    """Collagen: pink waves with spindle-shaped nuclei."""
    fibres, nuclei = draw_fibrous(size_px, 0.75 * unit, rng)
    strands = np.float32(0.05) * fibres + np.float32(0.07) * smooth_noise(rng, size_px, 3 * unit)
    eosin = np.float32(rng.uniform(0.3, 0.6)) + strands - np.float32(0.2) * nuclei
    return Tissue(np.float32(0.05) + np.float32(0.95) * nuclei, np.maximum(eosin, 0))


def draw_fat(size_px: int, unit: float, rng: np.random.Generator) -> Field:
    """Fat cells: holes, 1 where there is nothing and 0 on their thin walls."""
    cells = _cells(size_px, float(rng.uniform(28, 42)) * unit, 0.03, rng)
    return step(cells.border_px - np.float32(1.6 * unit), 1.5 * unit)


def draw_carcinoma(look: Carcinoma, size_px: int, unit: float, rng: np.random.Generator) -> Tissue:
    """Large pleomorphic vesicular nuclei with nucleoli, plenty of cytoplasm, mitoses, at times glands."""
    pitch_px = look.pitch * unit
    cells = _cells(size_px, pitch_px, 0.12, rng)
    radius_px = float(rng.uniform(0.31, 0.36)) * pitch_px
    nuclei = draw_nuclei(
        cells,
        radius_px=radius_px,
        spread=look.spread,
        elongation=float(rng.uniform(1.15, 1.4)),
        share=0.94,
        rng=rng,
        pallor=look.pallor,
    )
    dividing = rng.random(cells.num_cells) < look.mitoses
    plates = draw_nuclei(cells, radius_px=0.5 * radius_px, spread=0.15, elongation=2.6, share=1, rng=rng, pallor=0)
    texture = smooth_noise(rng, size_px, max(1.0, 2.5 * unit))
    chromatin = nuclei * np.float32(look.chromatin) * (1 + np.float32(0.2) * texture)
    chromatin += np.float32(0.55) * np.minimum(nuclei, 1) * _nucleoli(cells, radius_px, unit, rng)
    chromatin = np.where(dividing[cells.cell], np.float32(1.6) * plates, chromatin)
    walls = np.float32(0.25) * np.exp(-np.square(cells.border_px / np.float32(1.2 * unit)))
    eosin = np.float32(look.cytoplasm) * (1 + walls + np.float32(0.12) * texture) * (1 - np.float32(0.55) * nuclei)
    lumen = np.zeros_like(eosin)
    if look.glands:
        lumen = step(smooth_noise(rng, size_px, 20 * unit) - np.float32(NormalDist().inv_cdf(1 - look.glands)), 0.3)
    whole = Tissue(np.float32(look.basophilia) + chromatin, np.maximum(eosin, 0))
    return whole.faded(lumen * np.float32(0.95))


def _nucleoli(cells: Territories, radius_px: float, unit: float, rng: np.random.Generator) -> Field:
    """A dot off the middle of each nucleus, larger in some: float32 (H, W) in [0, 1]."""
    turn = rng.uniform(0, 2 * np.pi, cells.num_cells)
    shift = 0.4 * radius_px * np.sqrt(rng.random(cells.num_cells))
    dx = cells.dx_px - (shift * np.cos(turn)).astype(np.float32)[cells.cell]
    dy = cells.dy_px - (shift * np.sin(turn)).astype(np.float32)[cells.cell]
    size_px = rng.uniform(0.4, 1.6, cells.num_cells).astype(np.float32) * np.float32(unit)
    return step(size_px[cells.cell] - np.hypot(dx, dy), 1.2 * unit)
