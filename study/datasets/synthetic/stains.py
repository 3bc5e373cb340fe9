"""Stains mixed in optical density, and how they vary from slide to slide.

Light is absorbed exponentially (Beer-Lambert), so amounts of stain add up in optical density, not in colour.
The stain vectors are those of Ruifrok & Johnston, "Quantification of histochemical staining by color
deconvolution" (2001), as scikit-image holds them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from skimage.color import rgb_from_hed

from study.datasets.synthetic.noise import Field

HEMATOXYLIN, EOSIN, DAB = (np.asarray(row / np.linalg.norm(row)) for row in rgb_from_hed)


@dataclass(frozen=True)
class SlideStain:
    """What all patches of one slide share: laboratory, antibody batch and scanner.

    Attributes:
        hematoxylin: factor on the amount of hematoxylin, about 1.
        dab: factor on the amount of DAB, about 1.
        background_dab: unspecific DAB on all tissue, in optical density.
        hematoxylin_vector: float64 (3,), optical density of one unit in red, green and blue; unit length.
        dab_vector: the same of DAB.
        white: float64 (3,) in [0, 1], the colour of empty glass.
        gradient: float64 (2,), relative change of illumination across the image along x and y.
    """

    hematoxylin: float
    dab: float
    background_dab: float
    hematoxylin_vector: npt.NDArray[np.float64]
    dab_vector: npt.NDArray[np.float64]
    white: npt.NDArray[np.float64]
    gradient: npt.NDArray[np.float64]

    @classmethod
    def sample(cls, rng: np.random.Generator) -> "SlideStain":
        """A slide as another laboratory might have stained and scanned it."""
        return cls(
            hematoxylin=float(np.exp(rng.normal(0, 0.15))),
            dab=float(np.exp(rng.normal(0, 0.14))),
            background_dab=float(rng.gamma(1.5, 0.025)),
            hematoxylin_vector=_rotated(HEMATOXYLIN, 0.05, rng),
            dab_vector=_rotated(DAB, 0.025, rng),
            white=rng.uniform(0.86, 0.97) + rng.normal(0, 0.008, 3),
            gradient=rng.normal(0, 0.05, 2),
        )


def _rotated(vector: npt.NDArray[np.float64], angle: float, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """The vector, turned by about so many radians; never negative, as stains emit no light."""
    turned = np.maximum(vector + np.cross(rng.normal(0, angle, 3), vector), 0.02)
    return np.asarray(turned / np.linalg.norm(turned))


@dataclass(frozen=True)
class Dyes:
    """What all pictures of one slide share, for any number of stains.

    Attributes:
        vectors: float64 (num_stains, 3), optical density of one unit of each stain in red, green and blue.
        white: float64 (3,) in [0, 1], the colour of empty glass.
        gradient: float64 (2,), relative change of illumination across the image along x and y.
    """

    vectors: npt.NDArray[np.float64]
    white: npt.NDArray[np.float64]
    gradient: npt.NDArray[np.float64]

    @classmethod
    def sample(
        cls, stains: Sequence[npt.NDArray[np.float64]], *, strength: float, angle: float, rng: np.random.Generator
    ) -> "Dyes":
        """A slide as another laboratory might have stained and scanned it.

        Args:
            stains: float64 (3,) of unit length each.
            strength: standard deviation of the logarithm of a stain's strength.
            angle: about how far the hues vary, in radians.
            rng: where the slide comes from.
        """
        turned = [np.exp(rng.normal(0, strength)) * _rotated(stain, angle, rng) for stain in stains]
        white = rng.uniform(0.86, 0.97) + rng.normal(0, 0.02, 3)
        return cls(np.stack(turned), np.minimum(white, 1), rng.normal(0, 0.05, 2))

    def transmit(self, amounts: Sequence[Field]) -> Field:
        """The light that passes: one float32 (H, W) >= 0 a stain -> float32 (H, W, 3) in [0, 1], RGB."""
        return _shine_through(amounts, self.vectors, self.white, self.gradient)


def transmit(hematoxylin: Field, dab: Field, slide: SlideStain) -> Field:
    """The light that passes the stained section.

    Args:
        hematoxylin: float32 (H, W), amount in optical density, >= 0.
        dab: the same of DAB.
        slide: the slide's stains and illumination.

    Returns:
        float32 (H, W, 3) in [0, 1], RGB.
    """
    vectors = np.stack((slide.hematoxylin * slide.hematoxylin_vector, slide.dab * slide.dab_vector))
    return _shine_through((hematoxylin, dab), vectors, slide.white, slide.gradient)


def _shine_through(
    amounts: Sequence[Field],
    vectors: npt.NDArray[np.float64],
    white: npt.NDArray[np.float64],
    gradient: npt.NDArray[np.float64],
) -> Field:
    """Beer and Lambert's law in each channel, under a lamp that is a little brighter on one side."""
    height, width = amounts[0].shape
    along_x = np.linspace(-0.5, 0.5, width, dtype=np.float32) * np.float32(gradient[0])
    along_y = np.linspace(-0.5, 0.5, height, dtype=np.float32) * np.float32(gradient[1])
    lamp = 1 + along_x + along_y[:, None]
    light = np.empty((height, width, 3), np.float32)
    for channel in range(3):
        density = amounts[0] * np.float32(vectors[0, channel])
        for amount, vector in zip(amounts[1:], vectors[1:], strict=True):
            density = density + amount * np.float32(vector[channel])
        light[..., channel] = np.minimum(np.exp(-density) * lamp * np.float32(white[channel]), 1)
    return light
