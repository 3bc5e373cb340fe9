"""What a microscope's camera makes of the light that a slide lets through."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from study.datasets.synthetic.noise import Field


def photograph(light: Field, *, blur_px: float, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A photograph: more or less out of focus, then quantized with noise.

    Args:
        light: float32 (H, W, 3) in [0, 1], RGB.
        blur_px: about the radius of a point in focus; one image in five is worse, up to 2.6 times this.
        rng: where focus and noise come from.

    Returns:
        uint8 (H, W, 3), RGB.
    """
    sharp = Image.fromarray((light * np.float32(255)).astype(np.uint8))
    blur_px *= float(rng.uniform(0.5, 1.1) if rng.random() < 0.8 else rng.uniform(1.1, 2.6))
    # A lens out of focus makes discs of points, which a box resembles no less than a Gaussian does.
    blurred = np.asarray(sharp.filter(ImageFilter.BoxBlur(blur_px)))
    noise = rng.standard_normal(light.shape[:2], dtype=np.float32)[..., None] * np.float32(rng.uniform(1, 4))
    picture: npt.NDArray[np.uint8] = np.clip(blurred + noise, 0, 255).astype(np.uint8)
    return picture
