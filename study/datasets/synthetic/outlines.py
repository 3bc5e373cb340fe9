"""Free cells: where they lie, and round outlines, wavy, oval or indented, each drawn in a small window of the image."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from study.datasets.synthetic.noise import Field

_NUM_DIRECTIONS = 128
_DIRECTIONS = np.linspace(0, 2 * np.pi, _NUM_DIRECTIONS, endpoint=False)


@dataclass(frozen=True)
class Window:
    """A rectangle of the image.

    Attributes:
        at: its rows and columns, for indexing.
        x_px: float32 (1, W), where its columns lie.
        y_px: float32 (H, 1), where its rows lie.
    """

    at: tuple[slice, slice]
    x_px: Field
    y_px: Field

    @classmethod
    def around(cls, x_px: float, y_px: float, reach_px: float, size_px: int) -> "Window":
        """The pixels nearer than `reach_px` along both axes; none if that is all outside the image."""
        rows, columns = (
            slice(max(0, min(size_px, int(middle - reach_px))), max(0, min(size_px, int(middle + reach_px) + 2)))
            for middle in (y_px, x_px)
        )
        x = np.arange(columns.start, columns.stop, dtype=np.float32)
        y = np.arange(rows.start, rows.stop, dtype=np.float32)
        return cls((rows, columns), x[None], y[:, None])


@dataclass(frozen=True)
class Outline:
    """A closed curve around a point.

    Attributes:
        x_px: where the point lies.
        y_px: the same along y.
        radius_px: float32 (_NUM_DIRECTIONS,), distance of the curve, by direction.
    """

    x_px: float
    y_px: float
    radius_px: Field

    @classmethod
    def wavy(
        cls, at_px: tuple[float, float], radius_px: float, *, oval: float, waves: float, rng: np.random.Generator
    ) -> "Outline":
        """Nearly a circle.

        Args:
            at_px: its centre, (x, y).
            radius_px: its mean radius.
            oval: how much longer it is than wide, about; relative.
            waves: amplitude of its waves, relative.
            rng: where the shape comes from.
        """
        orders = np.arange(2, 7)[:, None]
        amplitudes = waves * rng.normal(0, 1, (5, 1)) / orders
        amplitudes[0] += oval / 2
        shape = (amplitudes * np.cos(orders * (_DIRECTIONS - rng.uniform(0, 2 * np.pi, (5, 1))))).sum(axis=0)
        return cls(*at_px, (radius_px * np.maximum(1 + shape, 0.3)).astype(np.float32))

    def indented(self, depth: float, width: float, direction: float) -> "Outline":
        """The same with a notch: its depth relative to the radius, its width and direction in radians."""
        angle = np.angle(np.exp(1j * (_DIRECTIONS - direction)))
        notch = 1 - depth * np.exp(-np.square(angle / width))
        return Outline(self.x_px, self.y_px, (self.radius_px * notch).astype(np.float32))

    def polar(self, window: Window) -> tuple[Field, Field]:
        """Each pixel's distance from the centre and that of the outline in its direction, float32 (H, W), px."""
        dx, dy = window.x_px - np.float32(self.x_px), window.y_px - np.float32(self.y_px)
        turns = np.arctan2(dy, dx) * np.float32(_NUM_DIRECTIONS / (2 * np.pi))
        return np.hypot(dx, dy), self.radius_px[np.rint(turns).astype(np.intp) % _NUM_DIRECTIONS]


@dataclass(frozen=True)
class Place:
    """A disc that a free cell may fill: its centre (x, y) and its radius."""

    at_px: tuple[float, float]
    radius_px: float


def scatter(
    radii_px: Iterable[float],
    taken: Sequence[Place],
    *,
    size_px: int,
    overlap: float,
    rng: np.random.Generator,
    outside: float = 0.3,
) -> list[Place | None]:
    """Throws discs at the image until each lies free.

    Args:
        radii_px: of the discs.
        taken: where other discs lie already.
        size_px: side of the image.
        overlap: by what share of their radii two of the discs may overlap.
        rng: where the places come from.
        outside: how far beyond the image a centre may lie, as a share of the radius; its edges cut such discs.

    Returns:
        A place a radius, in order; None where ten throws found no room.
    """
    placed = np.array([(*place.at_px, place.radius_px) for place in taken]).reshape(-1, 3)
    places: list[Place | None] = []
    for radius in radii_px:
        margin = min(-outside * radius, 0.4 * size_px)
        throws = rng.uniform(margin, size_px - margin, (10, 2))
        apart = np.hypot(throws[:, :1] - placed[:, 0], throws[:, 1:] - placed[:, 1])
        limit = np.where(np.arange(len(placed)) < len(taken), 1, 1 - overlap) * (placed[:, 2] + radius)
        free = np.flatnonzero((apart > limit).all(axis=1))
        if not len(free):
            places.append(None)
            continue
        x, y = (float(where) for where in throws[free[0]])
        placed = np.concatenate((placed, [(x, y, radius)]))
        places.append(Place((x, y), radius))
    return places
