"""Whether an image looks at all like those that a network has learnt from.

Not whether it is of the same kind: an image of another organ in the same stain passes, and so do most brain slices
among handwritten digits, which are both bright on black. What doesn't pass differs in light, colour and grain from the
middle of the training images twice as much as the farthest of them: stained images among grey ones, inverted ones,
noise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

# Twice as far from the middle as the farthest training image.
_GROSSLY = 2.0
# Training images that are all alike in a feature leave it this much room, of the full range.
_LEAST_DEVIATION = 0.01
_DARK, _BRIGHT = 0.05, 0.95


def features(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """What an image looks like in eight numbers of [0, 1], float (N, 8) from uint8 (N, H, W, 3).

    Mean red, green and blue; the grey levels' standard deviation; the mean saturation; the mean step between
    neighbouring pixels; the shares of nearly black and of nearly white pixels.
    """
    return np.concatenate([_features(part) for part in np.array_split(pixels, max(1, len(pixels) // 256))])


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
    """How training images look, and how far one of them lies from their middle.

    Attributes:
        mean: of each feature.
        whitening: float (8, 8): features minus mean, times this, are uncorrelated and of unit variance.
        farthest: the largest distance from the mean, after whitening, of a training image.
    """

    mean: tuple[float, ...]
    whitening: tuple[tuple[float, ...], ...]
    farthest: float

    @classmethod
    def of(cls, pixels: npt.NDArray[np.uint8]) -> "Appearance":
        """Of training images, uint8 (N, H, W, 3)."""
        found = features(pixels)
        covariance = np.cov(found.T) + np.eye(found.shape[1]) * _LEAST_DEVIATION**2
        # Cholesky's factor of the inverse whitens, and is unique.
        whitening = np.linalg.cholesky(np.linalg.inv(covariance))
        mean = found.mean(axis=0)
        # Where all are the same, one that is nearly so must not be far away.
        farthest = max(1.0, float(np.linalg.norm((found - mean) @ whitening, axis=1).max()))
        return cls(tuple(mean.tolist()), tuple(map(tuple, whitening.tolist())), farthest)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Appearance":
        """What `record` returned."""
        rows: Sequence[Sequence[float]] = record["whitening"]
        return cls(tuple(record["mean"]), tuple(map(tuple, rows)), float(record["farthest"]))

    def record(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"mean": list(self.mean), "whitening": [list(row) for row in self.whitening], "farthest": self.farthest}

    def differs_grossly(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        """Whether each image, of uint8 (N, H, W, 3), lies twice as far from the middle as any training image."""
        away = (features(pixels) - np.array(self.mean)) @ np.array(self.whitening)
        return np.asarray(np.linalg.norm(away, axis=1) > _GROSSLY * self.farthest)
