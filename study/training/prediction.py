"""What a network answers for the images of a split."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from study.training.data import Images, Standardization

EVALUATION_BATCH_SIZE = 256

# A sign of life, given at least once a batch.
Beat = Callable[[], None]


def nothing() -> None:
    """The sign of life where nobody waits for one."""


@torch.inference_mode()
def predict_logits(
    model: nn.Module,
    images: Images,
    rows: NDArray[np.int64],
    standardization: Standardization,
    batch_size: int = EVALUATION_BATCH_SIZE,
    beat: Beat = nothing,
) -> Tensor:
    """float32 (N, num_logits) logits on the CPU, in the order of `rows`."""
    model.eval()
    parts = []
    for batch in torch.from_numpy(rows).split(batch_size):
        beat()
        parts.append(model(standardization(images.batch(batch))).float().cpu())
    return torch.cat(parts)
