"""Smooth random fields, the raw material of every texture."""

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]

# Interpolation averages independent knots: the squared weights of the cubic B-spline sum to this on average.
_VARIANCE_PER_AXIS = 151 / 315


@lru_cache(maxsize=64)
def _spline(size_px: int, num_knots: int) -> tuple[npt.NDArray[np.intp], Field]:
    """The first of the four knots each pixel sees, (size_px,), and their weights, float32 (4, size_px)."""
    position = np.arange(size_px) * (num_knots - 3) / size_px
    first = position.astype(np.intp)
    t = position - first
    weights = np.stack(((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)) / 6
    return first, weights.astype(np.float32)


def _interpolate(knots: Field, size_px: int) -> Field:
    """Cubic B-spline through the first axis: (num_knots, W) -> (size_px, W).

    Not a matrix product: those start the threads of BLAS, which cost more than they save on small fields and
    quarrel with the threads that draw other images.
    """
    first, weights = _spline(size_px, len(knots))
    field: Field = weights[0][:, None] * knots[first]
    for offset in (1, 2, 3):
        field += weights[offset][:, None] * knots[first + offset]
    return field


def smooth_noise(rng: np.random.Generator, size_px: int, period_px: float) -> Field:
    """A Gaussian random field.

    Args:
        rng: where the knots come from.
        size_px: side of the field.
        period_px: distance of the knots, roughly the size of a blob.

    Returns:
        float32 (size_px, size_px), mean 0 and standard deviation about 1.
    """
    side = math.ceil(size_px / period_px) + 3
    knots = rng.standard_normal((side, side), dtype=np.float32) / np.float32(_VARIANCE_PER_AXIS)
    return _interpolate(_interpolate(knots, size_px).T, size_px)


def step(field: Field, width: float) -> Field:
    """A soft step from 0 to 1 where the field crosses 0.

    Args:
        field: float32, any shape.
        width: the change of the field over which the step climbs, > 0.
    """
    soft: Field = np.clip(field * np.float32(1 / width) + np.float32(0.5), 0, 1)
    return soft


def over(below: Field, above: Field | np.float32, cover: Field) -> Field:
    """One layer over another; `cover` is the upper one's opacity in [0, 1]."""
    layers: Field = below + (above - below) * cover
    return layers
