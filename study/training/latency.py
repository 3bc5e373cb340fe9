"""How long a network takes for an image."""

import time
from collections.abc import Callable
from statistics import median

import torch
from torch import nn

# Of the same batch; the median of some tells more than the mean where other work comes in between.
_NUM_REPEATS = 7
_NUM_WARM_UPS = 2


@torch.inference_mode()
def latency_ms(model: nn.Module, *, size_px: int, batch_size: int, beat: Callable[[], None]) -> float:
    """Milliseconds an image, median of some repeats after a warm-up, of noise in standardized images' range.

    What is measured is the network alone, on the device and with the threads that torch has now: reading, decoding and
    resizing an image come on top.

    Args:
        model: on the CPU.
        size_px: side of the images.
        batch_size: images at a time.
        beat: called before each repeat, as a sign of life.
    """
    model.eval()
    batch = torch.randn(batch_size, 3, size_px, size_px, generator=torch.Generator().manual_seed(0))
    # As images come out of the pixel array.
    batch = batch.contiguous(memory_format=torch.channels_last)
    times_s = []
    for _ in range(_NUM_WARM_UPS + _NUM_REPEATS):
        beat()
        started_s = time.perf_counter()
        model(batch)
        times_s.append(time.perf_counter() - started_s)
    return 1000 * median(times_s[_NUM_WARM_UPS:]) / batch_size
