"""Single blood cells under Wright's and Giemsa's stains: red cells, platelets, lymphocytes and lymphoblasts.

Wright's and Giemsa's stains are methylene blue, its azures and eosin. Basic cytoplasm, full of ribosomes, takes
up methylene blue; chromatin and the granules of platelets bind the purple complex of azure B with eosin (the
Romanowsky effect, Horobin & Walter 1987); hemoglobin takes up eosin and absorbs violet light on its own.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from study.datasets.synthetic.noise import Field, smooth_noise, step
from study.datasets.synthetic.outlines import Outline, Window


def _unit(*density: float) -> npt.NDArray[np.float64]:
    return np.asarray(np.asarray(density) / np.linalg.norm(density))


# Optical densities in red, green and blue. Methylene blue is that of Ruifrok & Johnston (2001).
HEMOGLOBIN = _unit(0.20, 0.75, 0.62)
PURPLE = _unit(0.52, 0.80, 0.30)
METHYLENE_BLUE = _unit(0.83, 0.51, 0.20)


@dataclass(frozen=True)
class Film:
    """A smear as it is drawn: the amounts of stain, which cells add to.

    Attributes:
        hemoglobin: float32 (H, W), in optical density.
        purple: the same of the complex of azure B and eosin.
        blue: the same of methylene blue.
        clumps: float32 (H, W), mean 0 and standard deviation 1, coarse: the texture of condensed chromatin.
        grain: the same, fine: the texture of open chromatin and of cytoplasm.
        unit: scale; a red cell's radius is about 11 units.
    """

    hemoglobin: Field
    purple: Field
    blue: Field
    clumps: Field
    grain: Field
    unit: float

    @classmethod
    def empty(cls, size_px: int, unit: float, rng: np.random.Generator) -> "Film":
        """Glass with a trace of plasma."""
        plasma = np.float32(rng.uniform(0.0, 0.05)) * (1 + np.float32(0.3) * smooth_noise(rng, size_px, 60 * unit))
        clumps = smooth_noise(rng, size_px, max(1.0, float(rng.uniform(3.8, 4.8)) * unit))
        grain = smooth_noise(rng, size_px, max(1.0, 2.2 * unit))
        purple = np.zeros((size_px, size_px), np.float32)
        return cls(np.maximum(plasma, 0), purple, purple + np.float32(0.02), clumps, grain, unit)

    def window(self, at_px: tuple[float, float], reach_px: float) -> Window:
        """The pixels around a cell."""
        return Window.around(*at_px, reach_px, len(self.blue))


@dataclass(frozen=True)
class Lymphoid:
    """How one lymphocyte or blast looks.

    Attributes:
        radius_px: of the nucleus.
        nuclear_share: radius of the nucleus relative to that of the cell, in (0, 1].
        clumping: contrast of condensed chromatin, about 0.1 (fine) to 0.7 (like a football).
        nucleoli: how many.
        indentation: depth of the cleft in the nucleus, relative to its radius.
        waves: amplitude of the waves of its outline, relative.
        basophilia: amount of methylene blue in the cytoplasm, in optical density.
        vacuoles: how many.
        chromatin: mean amount of purple in the nucleus, in optical density.
    """

    radius_px: float
    nuclear_share: float
    clumping: float
    nucleoli: int
    indentation: float
    waves: float
    basophilia: float
    vacuoles: int
    chromatin: float

    @property
    def cell_radius_px(self) -> float:
        """The radius of the whole cell."""
        return self.radius_px / self.nuclear_share


def draw_red_cell(
    film: Film, at_px: tuple[float, float], radius_px: float, *, amount: float, pallor: float, rng: np.random.Generator
) -> None:
    """Adds a red cell, a disc whose middle is thinner by `pallor` in [0, 1]; where two overlap both absorb."""
    window = film.window(at_px, 1.4 * radius_px)
    outline = Outline.wavy(at_px, radius_px, oval=abs(float(rng.normal(0, 0.14))), waves=0.045, rng=rng)
    distance, radius = outline.polar(window)
    middle = 1 - step(distance / radius - np.float32(rng.uniform(0.32, 0.5)), 0.55)
    disc = step(radius - distance, 2 * film.unit)
    film.hemoglobin[window.at] += np.float32(amount) * disc * (1 - np.float32(pallor) * middle)


def draw_platelet(film: Film, at_px: tuple[float, float], rng: np.random.Generator) -> None:
    """Adds a platelet: small, ragged, with purple granules."""
    radius_px = float(rng.uniform(2.2, 4.5)) * film.unit
    window = film.window(at_px, 1.5 * radius_px)
    distance, radius = Outline.wavy(at_px, radius_px, oval=0.3, waves=0.2, rng=rng).polar(window)
    body = step(radius - distance, 1.6 * film.unit)
    film.hemoglobin[window.at] *= 1 - body
    film.blue[window.at] += np.float32(0.12) * body
    film.purple[window.at] += body * np.maximum(
        np.float32(0.2), np.float32(0.45) + np.float32(0.25) * film.grain[window.at]
    )


def draw_lymphoid(film: Film, at_px: tuple[float, float], cell: Lymphoid, rng: np.random.Generator) -> None:
    """Adds a lymphocyte or a blast, which hides or pushes aside what lies below."""
    radius_px = cell.cell_radius_px
    window = film.window(at_px, 1.45 * radius_px)
    distance, radius = Outline.wavy(at_px, radius_px, oval=0.08, waves=0.03 + 0.4 * cell.waves, rng=rng).polar(window)
    # The nucleus lies off the middle as far as there is cytoplasm to leave.
    turn, shift = rng.uniform(0, 2 * np.pi), 0.7 * (radius_px - cell.radius_px) * rng.uniform(0, 1)
    middle = (at_px[0] + float(shift * np.cos(turn)), at_px[1] + float(shift * np.sin(turn)))
    nucleus, chromatin = _nucleus(film, window, middle, cell, rng)
    body = np.maximum(step(radius - distance, 1.8 * film.unit), nucleus)
    # Cytoplasm is bluer at its rim; beside the nucleus lies the pale Golgi zone.
    rim = np.clip(distance / radius, 0, 1)
    cytoplasm = np.float32(cell.basophilia) * (np.float32(0.55) + np.float32(0.6) * np.square(rim))
    cytoplasm *= 1 + np.float32(0.15) * film.grain[window.at]
    clear = 1 - _vacuoles(film, window, at_px, cell, rng)
    film.hemoglobin[window.at] *= 1 - body
    film.blue[window.at] *= 1 - body
    film.blue[window.at] += body * cytoplasm * clear * (1 - np.float32(0.5) * nucleus)
    film.purple[window.at] *= 1 - body
    film.purple[window.at] += np.float32(0.2) * body * cytoplasm * clear * (1 - nucleus)
    film.purple[window.at] += nucleus * chromatin * (1 - (1 - clear) * np.float32(0.6))


def _nucleus(
    film: Film, window: Window, middle: tuple[float, float], cell: Lymphoid, rng: np.random.Generator
) -> tuple[Field, Field]:
    """Where the nucleus lies, in [0, 1], and the amount of purple it would have: float32 (H, W) of the window."""
    outline = Outline.wavy(middle, cell.radius_px, oval=0.1, waves=cell.waves, rng=rng)
    outline = outline.indented(cell.indentation, float(rng.uniform(0.3, 0.6)), float(rng.uniform(-np.pi, np.pi)))
    distance, radius = outline.polar(window)
    inside = step(radius - distance, 1.6 * film.unit)
    # Condensed chromatin lies in blocks with pale gaps between them, open chromatin is a fine net.
    blocks = step(film.clumps[window.at], 1.2) - np.float32(0.5)
    net = np.float32(0.09) * film.grain[window.at]
    envelope = np.float32(0.18) * (step(distance / radius - np.float32(0.8), 0.3) - np.float32(0.3))
    chromatin = 1 + np.float32(1.5 * cell.clumping) * blocks + net + envelope
    for _ in range(cell.nucleoli):
        chromatin *= _nucleolus(film, window, middle, cell.radius_px, rng)
    # Even between the blocks the nucleus is purple.
    return inside, np.float32(cell.chromatin) * np.maximum(chromatin, np.float32(0.48))


def _nucleolus(
    film: Film, window: Window, middle: tuple[float, float], radius_px: float, rng: np.random.Generator
) -> Field:
    """A factor on the chromatin: pale in the nucleolus, a little darker around it."""
    turn, shift = rng.uniform(0, 2 * np.pi), radius_px * 0.6 * np.sqrt(rng.uniform(0.02, 1))
    dx = window.x_px - np.float32(middle[0] + shift * np.cos(turn))
    dy = window.y_px - np.float32(middle[1] + shift * np.sin(turn))
    size_px = radius_px * float(rng.uniform(0.17, 0.27))
    distance = np.hypot(dx, dy) - np.float32(size_px)
    paler = np.float32(rng.uniform(0.35, 0.6)) * step(-distance, 1.5 * film.unit)
    ring: Field = np.exp(-np.square(distance * np.float32(0.7 / film.unit)))
    return 1 - paler + np.float32(0.12) * ring


def _vacuoles(
    film: Film, window: Window, at_px: tuple[float, float], cell: Lymphoid, rng: np.random.Generator
) -> Field:
    """Small round holes, mostly in the cytoplasm: float32 (H, W) of the window, in [0, 1]."""
    holes = np.zeros((window.y_px.shape[0], window.x_px.shape[1]), np.float32)
    for _ in range(cell.vacuoles):
        turn, shift = rng.uniform(0, 2 * np.pi), cell.cell_radius_px * rng.uniform(0.5, 0.95)
        dx = window.x_px - np.float32(at_px[0] + shift * np.cos(turn))
        dy = window.y_px - np.float32(at_px[1] + shift * np.sin(turn))
        size_px = np.float32(rng.uniform(1.1, 2.3) * film.unit)
        holes = np.maximum(holes, step(size_px - np.hypot(dx, dy), 1.2 * film.unit))
    return holes
