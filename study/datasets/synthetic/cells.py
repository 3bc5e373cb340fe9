"""Cells in tissue: the Voronoi cells of a jittered grid, which look like packed epithelium, and their nuclei."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from study.datasets.synthetic.noise import Field, smooth_noise, step

Index = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Territories:
    """Which cell each pixel belongs to, and where in that cell it lies.

    Attributes:
        cell: int32 (H, W), in [0, num_cells).
        dx_px: float32 (H, W), offset from the cell's centre along x.
        dy_px: float32 (H, W), the same along y.
        border_px: float32 (H, W), distance to the border with the next cell, >= 0.
        num_cells: length of a per-cell array that `cell` may index.
    """

    cell: Index
    dx_px: Field
    dy_px: Field
    border_px: Field
    num_cells: int


def grow_territories(x_px: Field, y_px: Field, *, pitch_px: float, rng: np.random.Generator) -> Territories:
    """Divides the plane among cells.

    Only the 3 x 3 grid cells around a pixel are searched (Worley 1996), which with this jitter misses the
    second nearest centre so rarely that it can't be seen, and is several times faster than a k-d tree.

    Args:
        x_px: float32 (H, W), where each pixel lies; bent coordinates give bent cells.
        y_px: the same along y.
        pitch_px: mean distance of cell centres.
        rng: where the centres come from.
    """
    u = (x_px - x_px.min()) / np.float32(pitch_px) + np.float32(1)
    v = (y_px - y_px.min()) / np.float32(pitch_px) + np.float32(1)
    columns, rows = int(u.max()) + 2, int(v.max()) + 2
    centre = rng.uniform(0.08, 0.92, (2, rows * columns)).astype(np.float32)
    centre[0] += np.tile(np.arange(columns, dtype=np.float32), rows)
    centre[1] += np.repeat(np.arange(rows, dtype=np.float32), columns)
    home = v.astype(np.int32) * np.int32(columns) + u.astype(np.int32)
    offsets = [dy * columns + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    cell, second = _two_nearest(u, v, centre, home, offsets)
    dx, dy = u - centre[0][cell], v - centre[1][cell]
    ex, ey = u - centre[0][second], v - centre[1][second]
    gap_squared = np.square(dx - ex) + np.square(dy - ey)
    border = (ex * ex + ey * ey - dx * dx - dy * dy) / (2 * np.sqrt(gap_squared) + np.float32(1e-6))
    pitch = np.float32(pitch_px)
    return Territories(cell, dx * pitch, dy * pitch, border * pitch, rows * columns)


def bent_coordinates(size_px: int, bend_px: float, period_px: float, rng: np.random.Generator) -> tuple[Field, Field]:
    """Where each pixel lies along x and y, float32 (size_px, size_px) each, bent so that no cell border is straight."""
    line = np.arange(size_px, dtype=np.float32)
    x = line + np.float32(bend_px) * smooth_noise(rng, size_px, period_px)
    y = line[:, None] + np.float32(bend_px) * smooth_noise(rng, size_px, period_px)
    return x, y


def _two_nearest(u: Field, v: Field, centre: Field, home: Index, offsets: list[int]) -> tuple[Index, Index]:
    """The indices of each pixel's nearest and second nearest centre.

    The bits of positive floats are in the order of the floats, so a squared distance whose last four bits
    give way to the candidate's number can be compared and carried along as one integer.
    """
    best = np.full(u.shape, np.iinfo(np.int32).max, np.int32)
    second = best.copy()
    for number, offset in enumerate(offsets):
        candidate = home + np.int32(offset)
        distance = np.square(u - centre[0].take(candidate)) + np.square(v - centre[1].take(candidate))
        key = (distance.view(np.int32) & np.int32(~15)) | np.int32(number)
        np.minimum(second, np.maximum(best, key), out=second)
        np.minimum(best, key, out=best)
    steps = np.asarray(offsets, np.int32)
    return home + steps[best & 15], home + steps[second & 15]


def draw_nuclei(
    cells: Territories,
    *,
    radius_px: float,
    spread: float,
    elongation: float,
    share: float,
    rng: np.random.Generator,
    pallor: float = 0.28,
) -> Field:
    """One elliptical nucleus in the middle of each cell.

    Args:
        cells: where the nuclei lie.
        radius_px: mean radius.
        spread: standard deviation of the logarithm of the radius; large in pleomorphic tumours.
        elongation: mean ratio of the long to the short axis, >= 1.
        share: fraction of the cells whose nucleus is in the section, in [0, 1].
        rng: where sizes and directions come from.
        pallor: how much paler the middle of a nucleus is than its edge, in [0, 1]; large in vesicular nuclei.

    Returns:
        float32 (H, W) in [0, 1.3]: the amount of chromatin, darker in some nuclei than in others.
    """
    number = cells.num_cells
    radius = radius_px * np.exp(rng.normal(0, spread, number))
    ratio = np.maximum(1, rng.normal(elongation, 0.15 * elongation, number))
    angle = rng.uniform(0, np.pi, number)
    long_axis, short_axis = radius * np.sqrt(ratio), radius / np.sqrt(ratio)
    cos, sin = np.cos(angle), np.sin(angle)
    xx = (np.square(cos / long_axis) + np.square(sin / short_axis)).astype(np.float32)[cells.cell]
    yy = (np.square(sin / long_axis) + np.square(cos / short_axis)).astype(np.float32)[cells.cell]
    xy = (2 * cos * sin * (long_axis**-2 - short_axis**-2)).astype(np.float32)[cells.cell]
    amount = np.where(rng.random(number) < share, rng.uniform(0.6, 1.3, number), 0).astype(np.float32)
    reach = xx * np.square(cells.dx_px) + xy * cells.dx_px * cells.dy_px + yy * np.square(cells.dy_px)
    inside = step(1 - reach, 0.7) * step(cells.border_px - np.float32(0.12 * radius_px), 0.3 * radius_px)
    # Chromatin gathers under the nuclear envelope, so the middle is paler.
    return inside * (np.float32(1 - pallor) + np.float32(pallor) * np.minimum(reach, 1)) * amount[cells.cell]


def draw_fibrous(size_px: int, unit: float, rng: np.random.Generator) -> tuple[Field, Field]:
    """Collagen with spindle-shaped nuclei everywhere.

    Args:
        size_px: side of the fields.
        unit: scale; spindle cells are about 11 units wide.
        rng: where everything comes from.

    Returns:
        float32 (size_px, size_px) each: the wave of the fibres in [-1, 1], and chromatin as `draw_nuclei` gives it.
    """
    x, y = bent_coordinates(size_px, 2 * unit, 11 * unit, rng)
    angle = rng.uniform(0, np.pi)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    along: Field = (cos * x + sin * y) * np.float32(1 / rng.uniform(1.2, 3.5))
    across: Field = cos * y - sin * x
    cells = grow_territories(along, across, pitch_px=11 * unit, rng=rng)
    nuclei = draw_nuclei(
        cells,
        radius_px=float(rng.uniform(2.6, 3.8)) * unit,
        spread=0.25,
        elongation=1.3,
        share=float(rng.uniform(0.15, 0.6)),
        rng=rng,
    )
    waves = across * np.float32(2 * np.pi / (rng.uniform(5, 9) * unit)) + 2 * smooth_noise(rng, size_px, 30 * unit)
    return np.sin(waves), nuclei
