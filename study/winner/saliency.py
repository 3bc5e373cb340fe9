"""Where in an image a winner's seed runs find what speaks for their answer."""

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from study import architectures
from study.evaluation.saliency_maps import heat
from study.training.data import Images
from study.training.grad_cam import NoMapError, grad_cam
from study.winner.winner import Pixels, Winner


def mean_heat(winner: Winner, pixels: Pixels, answer: int) -> npt.NDArray[np.float32]:
    """The mean of the seed runs' Grad-CAM maps of an image, each as bright as it can be: float32 (H, W) in [0, 1].

    Args:
        winner: whose networks are asked.
        pixels: uint8 (H, W, 3), as `Winner.read` returns them.
        answer: index of the class that is explained.

    Raises:
        NoMapError: no seed run has a map in which something speaks for the answer.
    """
    layer = architectures.find(winner.architecture).cam_layer
    image = Images(pixels[None], winner.device).batch(torch.tensor([0]))
    found = []
    for member in winner.members:
        try:
            found.append(heat(grad_cam(member.model, layer, member.standardization(image), answer).numpy()))
        except NoMapError:
            found.append(None)
    maps = [_enlarged(each, pixels.shape[1], pixels.shape[0]) for each in found if each is not None]
    if not maps:
        raise NoMapError("in none of the seed runs' maps does anything speak for the answer")
    return np.asarray(np.mean(maps, axis=0) / 255, dtype=np.float32)


def _enlarged(values: npt.NDArray[np.uint8], width: int, height: int) -> npt.NDArray[np.float32]:
    return np.asarray(Image.fromarray(values).resize((width, height), Image.Resampling.BILINEAR), dtype=np.float32)
