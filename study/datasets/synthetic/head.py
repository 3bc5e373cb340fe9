"""Heads cut along the three planes, described by fields over the slice."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from study.datasets.synthetic.noise import Field, smooth_noise, step

PLANES = ("axial", "coronal", "sagittal")


@dataclass(frozen=True)
class Head:
    """One slice through a head. Lengths are in head units: the slice is about 2 x 2 around (0, 0).

    Attributes:
        x: float32 (H, W), where each pixel lies in the head, to the right.
        y: the same, downwards.
        scalp_depth: depth under the skin of the cranium, negative outside.
        brain_depth: depth under the surface of the brain, negative outside.
        ventricles: fluid inside the brain, in [0, 1].
        falx: distance to the fold of dura between the hemispheres; infinite where the plane doesn't cut it.
        face: tissue below the cranium, in [0, 1].
        air: orbits, sinuses and airways, in [0, 1].
        sella: where the pituitary lies.
    """

    x: Field
    y: Field
    scalp_depth: Field
    brain_depth: Field
    ventricles: Field
    falx: Field
    face: Field
    air: Field
    sella: tuple[float, float]


def cut_head(plane: str, *, low: bool, size_px: int, rng: np.random.Generator) -> Head:
    """A slice through a head of its own shape, position and orientation.

    Args:
        plane: "axial", "coronal" or "sagittal".
        low: whether an axial slice passes through the base of the skull; the other planes always do.
        size_px: side of the slice.
        rng: where shape and position come from.
    """
    x, y = _place(size_px, rng)
    if plane == "axial":
        return _axial(x, y, low=low, rng=rng)
    if plane == "coronal":
        return _coronal(x, y, rng)
    return _sagittal(x, y, rng)


def _place(size_px: int, rng: np.random.Generator) -> tuple[Field, Field]:
    """Head coordinates of each pixel: shifted, turned, scaled and gently bent."""
    line = np.linspace(-1, 1, size_px, dtype=np.float32)
    angle, zoom = rng.normal(0, 0.07), rng.uniform(0.95, 1.16)
    cos, sin = np.float32(np.cos(angle) * zoom), np.float32(np.sin(angle) * zoom)
    shift = rng.normal(0, 0.04, 2).astype(np.float32)
    column, row = line + shift[0], line[:, None] + shift[1]
    bend = np.float32(0.018)
    x: Field = cos * column + sin * row + bend * smooth_noise(rng, size_px, size_px / 3)
    y: Field = cos * row - sin * column + bend * smooth_noise(rng, size_px, size_px / 3)
    return x, y


def _ellipse(x: Field, y: Field, *, at: tuple[float, float], half: tuple[float, float]) -> Field:
    """Approximate depth inside an ellipse with that centre and those half axes; negative outside."""
    u = (x - np.float32(at[0])) * np.float32(1 / half[0])
    v = (y - np.float32(at[1])) * np.float32(1 / half[1])
    depth: Field = (1 - np.sqrt(u * u + v * v)) * np.float32(min(half))
    return depth


def _union(*depths: Field) -> Field:
    union = depths[0]
    for depth in depths[1:]:
        union = np.maximum(union, depth)
    return union


def _falx(cut: npt.NDArray[np.bool_], distance: Field) -> Field:
    """The distance to the midline where the plane cuts the falx, else infinity."""
    return np.where(cut, distance, np.float32(np.inf))


def _horns(x: Field, y: Field, *, tilt: float, at: tuple[float, float], half: tuple[float, float]) -> Field:
    """A pair of slanted ellipses beside the midline, as the lateral ventricles appear: depth."""
    side = np.abs(x)
    cos, sin = np.float32(np.cos(tilt)), np.float32(np.sin(tilt))
    across, down = side - np.float32(at[0]), y - np.float32(at[1])
    return _ellipse(cos * across + sin * down, cos * down - sin * across, at=(0, 0), half=half)


def _axial(x: Field, y: Field, *, low: bool, rng: np.random.Generator) -> Head:
    half = (rng.uniform(0.64, 0.74), rng.uniform(0.78, 0.9))
    scalp = _ellipse(x, y, at=(0, 0), half=half)
    brain = scalp - np.float32(rng.uniform(0.08, 0.115))
    size = rng.uniform(0.7, 1.5)
    if low:
        return _axial_base(x, y, scalp, brain, size)
    nothing = np.zeros_like(x)
    ventricles = nothing
    if rng.random() < 0.65:
        front = _horns(x, y, tilt=-0.35, at=(0.08, -0.2), half=(0.05 * size, 0.17))
        back = _horns(x, y, tilt=0.5, at=(0.16, 0.25), half=(0.055 * size, 0.2))
        ventricles = step(_union(front, back), 0.03)
    return Head(x, y, scalp, brain, ventricles, falx=np.abs(x), face=nothing, air=nothing, sella=(0, -0.12))


def _axial_base(x: Field, y: Field, scalp: Field, brain: Field, size: float) -> Head:
    """An axial slice through orbits, sella and the fourth ventricle."""
    eyes = _ellipse(np.abs(x), y, at=(0.27, -0.62), half=(0.12, 0.14))
    nose = _ellipse(x, y, at=(0, -0.6), half=(0.1, 0.24))
    side = np.abs(x)
    slope: Field = side * np.float32(0.5)
    orbits = np.float32(-0.2) - y - slope
    brain = np.minimum(brain, np.float32(0.02) - orbits)
    fourth = _ellipse(x, y, at=(0, 0.33), half=(0.06 * size, 0.05 * size))
    return Head(
        x,
        y,
        scalp,
        brain,
        ventricles=step(fourth, 0.03),
        falx=_falx(y > np.float32(0.35), np.abs(x)),
        face=step(orbits, 0.06) * step(scalp, 0.03),
        air=step(_union(nose, eyes), 0.03),
        sella=(0, -0.12),
    )


def _coronal(x: Field, y: Field, rng: np.random.Generator) -> Head:
    half = (rng.uniform(0.6, 0.7), rng.uniform(0.62, 0.72))
    scalp = _ellipse(x, y, at=(0, -0.22), half=half)
    temporal = np.float32(0.3) - y - np.float32(0.25) * (1 - np.abs(x) / 0.4)
    brain = np.minimum(scalp - np.float32(rng.uniform(0.08, 0.115)), temporal)
    size = rng.uniform(0.7, 1.5)
    horns = _horns(x, y, tilt=-0.9, at=(0.1, -0.26), half=(0.045 * size, 0.13 * size))
    third = _ellipse(x, y, at=(0, -0.1), half=(0.02 * size, 0.09))
    below = step(y - np.float32(0.05), 0.1) * step(np.float32(rng.uniform(0.45, 0.55)) - np.abs(x), 0.06)
    sinuses = _union(
        _ellipse(np.abs(x), y, at=(0.24, 0.45), half=(0.09, 0.11)),
        _ellipse(np.abs(x), y, at=(0.05, 0.42), half=(0.03, 0.15)),
        _ellipse(x, y, at=(0, 0.83), half=(0.16, 0.03)),
    )
    return Head(
        x,
        y,
        scalp,
        brain,
        ventricles=step(_union(horns, third), 0.03),
        falx=_falx(y < np.float32(-0.35), np.abs(x)),
        face=below,
        air=step(sinuses, 0.03),
        sella=(0, 0.1),
    )


def _sagittal(x: Field, y: Field, rng: np.random.Generator) -> Head:
    half = (rng.uniform(0.76, 0.86), rng.uniform(0.62, 0.7))
    scalp = _ellipse(x, y, at=(0.06, -0.22), half=half)
    base = np.float32(0.12) - y + np.float32(0.42) * (x + np.float32(0.1))
    cerebellum = np.float32(0.36) - y
    brain = np.minimum(scalp - np.float32(rng.uniform(0.08, 0.115)), np.minimum(base, cerebellum))
    stem = _ellipse(x + 0.15 * (y - 0.2), y, at=(0.14, 0.3), half=(0.1, 0.5))
    brain = np.maximum(brain, stem)
    size = rng.uniform(0.8, 1.3)
    outer = _ellipse(x, y, at=(0.02, -0.14), half=(0.3, 0.2))
    inner = _ellipse(x, y, at=(0.03, -0.08), half=(0.28, 0.19 - 0.03 * size))
    arch = np.minimum(np.minimum(outer, -inner), np.float32(-0.08) - y)
    fourth = _ellipse(x, y, at=(0.24, 0.18), half=(0.035, 0.06))
    nose = np.float32(0.12) * np.exp(-np.square((y - np.float32(0.28)) * np.float32(9)))
    front = step(np.float32(0.25) - x, 0.1) * step(x + np.float32(0.7) + nose, 0.05)
    neck = step(x + np.float32(0.1), 0.1) * step(np.float32(0.55) - x, 0.1)
    face = step(y - np.float32(0.0), 0.1) * np.maximum(front, neck)
    airway = _union(
        _ellipse(x, y, at=(-0.38, 0.28), half=(0.2, 0.08)),
        _ellipse(x - 0.1 * y, y, at=(-0.02, 0.68), half=(0.04, 0.3)),
        _ellipse(x, y, at=(-0.2, 0.17), half=(0.09, 0.06)),
    )
    return Head(
        x,
        y,
        scalp,
        brain,
        ventricles=step(_union(arch, fourth), 0.025),
        falx=np.full_like(x, np.inf),
        face=face,
        air=step(airway, 0.03),
        sella=(-0.08, 0.09),
    )
