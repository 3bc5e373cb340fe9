"""The images of one training run: rows of the shared pixel array, turned into batches on the device."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# Statistics over this many images are within a fraction of a grey level of those over all.
_MAX_IMAGES_FOR_STATISTICS = 2000
# Share of a GPU's free memory that the images may take; the rest is for activations.
_MAX_SHARE_OF_GPU = 0.3


@dataclass(frozen=True, kw_only=True)
class SplitRows:
    """Where the images of one split stand in the pixel array.

    Attributes:
        rows: int64 (N,) row numbers.
        targets: int64 (N,) class indices.
    """

    rows: NDArray[np.int64]
    targets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def counts(self, num_classes: int) -> list[int]:
        """Number of images of each class."""
        return [int(n) for n in np.bincount(self.targets, minlength=num_classes)]


@dataclass(frozen=True)
class Standardization:
    """Mean and standard deviation of each colour channel of the training images, in [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) in [0, 1] -> zero mean and unit variance over the training images."""
        mean = torch.tensor(self.mean, device=images.device).view(1, -1, 1, 1)
        std = torch.tensor(self.std, device=images.device).view(1, -1, 1, 1)
        return (images / std).sub_(mean / std).contiguous(memory_format=torch.channels_last)


class Images:
    """The pixel array of a dataset, seen from a device.

    On a CPU batches are copied out of the mapped file as they are needed. On a GPU the whole array is moved there
    once if it takes no more than a third of the free memory.
    """

    def __init__(self, pixels: Path | NDArray[np.uint8], device: torch.device) -> None:
        # Torch refuses read-only arrays, and nothing here writes: a file is mapped copy-on-write.
        array = np.load(pixels, mmap_mode="c") if isinstance(pixels, Path) else np.require(pixels, requirements="W")
        self.device = device
        self._array = torch.from_numpy(array)
        if device.type == "cuda":
            free_bytes, _ = torch.cuda.mem_get_info(device)
            if self._array.nbytes <= free_bytes * _MAX_SHARE_OF_GPU:
                self._array = self._array.to(device)

    @property
    def size_px(self) -> int:
        """Side of the images."""
        return int(self._array.shape[1])

    def batch(self, rows: Tensor) -> Tensor:
        """int64 (N,) row numbers on the CPU -> float32 (N, 3, H, W) in [0, 1] on the device.

        The array is stored with channels last, and stays so in memory: convolutions are faster that way.
        """
        picked = self._array.index_select(0, rows.to(self._array.device)).to(self.device, non_blocking=True)
        return picked.permute(0, 3, 1, 2).float().div_(255)

    def statistics(self, rows: NDArray[np.int64]) -> Standardization:
        """Channel statistics of these images; of every n-th of them where there are very many."""
        step = -(-len(rows) // _MAX_IMAGES_FOR_STATISTICS)
        picked = self._array[torch.from_numpy(rows[::step]).to(self._array.device)]
        # There are 256 grey levels: counting them is exact, and needs no copy of the images in floating point.
        counts = np.stack([np.bincount(channel.flatten().cpu(), minlength=256) for channel in picked.unbind(-1)])
        levels, num = np.arange(256) / 255, counts.sum(axis=1)
        mean = counts @ levels / num
        std = np.sqrt(np.maximum(counts @ levels**2 / num - mean**2, 0))
        # A channel that never varies must not divide by zero.
        return Standardization(tuple(mean.tolist()), tuple(np.maximum(std, 1e-3).tolist()))
