"""Whether an image looks at all like those that a network has learnt from.

Not whether it is of the same kind: an image of another organ in the same stain passes. What doesn't pass differs in
light, colour and grain from the middle of the training images by a quarter more than nearly all of them do from that of
the others: stained images among grey ones, inverted ones, noise. `bench/appearance.py` measures it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

# So much farther away than this share of the training images: a few of them may be damaged or something else.
_FARTHER, _SHARE = 1.25, 0.99
# Training images that are all alike in a feature leave it this much room, of the full range.
_LEAST_DEVIATION = 0.01
_DARK, _BRIGHT = 0.05, 0.95
# Of a few dozen MB in floating point, whatever the size of the images.
_LEVELS_AT_A_TIME = 4_000_000
# With one other there is no spread.
_FEWEST = 3


def features(pixels: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.float64]:
    """What images look like, each in eight numbers of [0, 1]: float (N, 8) from (some rows of) uint8 (N, H, W, 3).

    Mean red, green and blue; the grey levels' standard deviation; the mean saturation; the mean step between
    neighbouring pixels; the shares of nearly black and of nearly white pixels.
    """
    rows = np.arange(len(pixels)) if rows is None else rows
    size = max(1, _LEVELS_AT_A_TIME // pixels[0].size)
    return np.concatenate([_features(pixels[rows[first : first + size]]) for first in range(0, len(rows), size)])


def _features(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    levels = pixels.astype(np.float32) / 255
    grey = levels.mean(axis=-1)
    steps = np.abs(np.diff(grey, axis=1)).mean(axis=(1, 2)) + np.abs(np.diff(grey, axis=2)).mean(axis=(1, 2))
    columns = [
        *levels.mean(axis=(1, 2)).T,
        grey.std(axis=(1, 2)),
        (levels.max(axis=-1) - levels.min(axis=-1)).mean(axis=(1, 2)),
        steps / 2,
        (grey < _DARK).mean(axis=(1, 2)),
        (grey > _BRIGHT).mean(axis=(1, 2)),
    ]
    return np.stack(columns, axis=1).astype(np.float64)


@dataclass(frozen=True)
class Appearance:
    """How training images look, and how far from their middle an image may lie.

    Attributes:
        mean: of each feature.
        whitening: float (8, 8): features minus mean, times this, are uncorrelated and of unit variance.
        limit: the distance from the mean, after whitening, beyond which an image differs grossly.
    """

    mean: tuple[float, ...]
    whitening: tuple[tuple[float, ...], ...]
    limit: float

    @classmethod
    def of(cls, pixels: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64] | None = None) -> "Appearance":
        """Of training images, uint8 (N, H, W, 3), or some rows of an array of images."""
        found = features(pixels, rows)
        covariance = np.cov(found.T) + np.eye(found.shape[1]) * _LEAST_DEVIATION**2
        # Cholesky's factor of the inverse whitens, and is unique.
        whitening = np.linalg.cholesky(np.linalg.inv(covariance))
        mean = found.mean(axis=0)
        away = _from_the_others(np.linalg.norm((found - mean) @ whitening, axis=1))
        # Where all are the same, one that is nearly so must not be far away.
        limit = _FARTHER * max(1.0, float(np.quantile(away, _SHARE)))
        return cls(tuple(mean.tolist()), tuple(map(tuple, whitening.tolist())), limit)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Appearance":
        """What `record` returned."""
        rows: Sequence[Sequence[float]] = record["whitening"]
        return cls(tuple(record["mean"]), tuple(map(tuple, rows)), float(record["limit"]))

    def record(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"mean": list(self.mean), "whitening": [list(row) for row in self.whitening], "limit": self.limit}

    def differs_grossly(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        """Whether each image, of uint8 (N, H, W, 3), lies beyond the limit."""
        away = (features(pixels) - np.array(self.mean)) @ np.array(self.whitening)
        return np.asarray(np.linalg.norm(away, axis=1) > self.limit)


def _from_the_others(away: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How far each of N images is from the middle of the others, in their spread, from how far it is from that of all.

    An image pulls the mean and the covariance towards itself, the more so the fewer there are: of forty, none seems
    farther away than 6.2, however odd it is. What is left without it follows from Sherman and Morrison's formula for
    the inverse of a matrix from which one product is taken away; nearly, as the covariance's floor stays.
    """
    num = len(away)
    if num < _FEWEST:
        return away
    pull = num / (num - 1)
    share = away**2 / (num - 1)
    # Below 1 in exact numbers, for the covariance has a floor.
    left = np.maximum(1 - pull * share, 1e-6)
    return np.asarray(np.sqrt(pull**2 * (num - 2) * share / left))
