"""Several processes that train one network together, each on its share of every batch (data parallelism).

Together they do what one process does alone: the same batches, the same augmentation, gradients of the same loss,
batch normalization over the whole batch, metrics over all images. Dropout draws its own numbers in each process.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Share:
    """Some images of a batch.

    Attributes:
        num_images: of the whole batch.
        positions: int64 (N,) of these images in it.
    """

    num_images: int
    positions: Tensor

    @classmethod
    def whole(cls, num_images: int) -> "Share":
        """All of a batch."""
        return cls(num_images, torch.arange(num_images))


class Peers:
    """The processes of torch's default process group, seen from one of them; outside of a group one is alone.

    Attributes:
        rank: this process's number, from 0.
        num: of all processes.
        idle: whether this process has no image of its own in this step, only one that has no weight.
    """

    def __init__(self) -> None:
        grouped = dist.is_available() and dist.is_initialized()
        self.rank = dist.get_rank() if grouped else 0
        self.num = dist.get_world_size() if grouped else 1
        self.idle = False

    def first_of_all(self, value: Any) -> Any:
        """What the process of rank 0 has, in each of them; the others' own values don't count."""
        if self.num == 1:
            return value
        held = [value]
        dist.broadcast_object_list(held, src=0)
        return held[0]

    def wait_for_all(self) -> None:
        """Returns once every process has come here."""
        if self.num > 1:
            dist.barrier()

    def share(self, num_images: int) -> Share:
        """Which images of a batch this process takes: its own alone, and none is left out.

        Where there are fewer images than processes, those without one take the first, which then has no weight: all
        processes must take part in each step.
        """
        own = torch.arange(num_images)[self.rank :: self.num]
        self.idle = not len(own)
        return Share(num_images, own if len(own) else torch.zeros(1, dtype=torch.int64))

    def weight(self, share: Share) -> float:
        """What the mean loss of this process's share must be multiplied with before it is differentiated.

        Averaged over the processes, the gradients are then those of the mean loss of the batch.
        """
        num_own = len(range(self.rank, share.num_images, self.num))
        return num_own * self.num / share.num_images

    def prepared(self, model: nn.Module) -> nn.Module:
        """The network as it is to be called in training: its gradients are averaged over all processes.

        To be called again whenever other parameters learn.
        """
        return model if self.num == 1 else DistributedDataParallel(model, broadcast_buffers=False)

    def gradients_stay_here(self, prepared: nn.Module, *, until_last: bool) -> AbstractContextManager[None]:
        """Where gradients of several backward passes add up, only the last one needs to be averaged."""
        if until_last and isinstance(prepared, DistributedDataParallel):
            stay: AbstractContextManager[None] = prepared.no_sync()
            return stay
        return nullcontext()

    def synchronize(self, model: nn.Module) -> None:
        """Lets batch normalization see the whole batch, not only this process's share of it."""
        if self.num == 1:
            return
        for parent in list(model.modules()):
            for name, child in list(parent.named_children()):
                # Not the subclasses: those with fixed statistics see no batch.
                if type(child) is nn.BatchNorm2d:
                    setattr(parent, name, _WholeBatchNorm.of(child, self))

    def gathered(self, own: Tensor, positions: Tensor, num_images: int) -> Tensor:
        """What all processes have computed for their images, in each of them.

        Args:
            own: (N, ...) on the CPU, of this process's images.
            positions: int64 (N,) of these images among all.
            num_images: of all.

        Returns:
            (num_images, ...), in the order of the positions.
        """
        if self.num == 1:
            return own
        parts: list[Any] = [None] * self.num
        dist.all_gather_object(parts, (positions, own))
        result = torch.empty(num_images, *own.shape[1:], dtype=own.dtype)
        # An image without weight is another process's: that one's answer, from a lower rank, is written last.
        for places, values in reversed(parts):
            result[places] = values
        return result


class _WholeBatchNorm(nn.BatchNorm2d):
    """Batch normalization over the batches of all processes; torch's own one needs a GPU.

    Its state dict is that of `nn.BatchNorm2d`.
    """

    peers: Peers

    @classmethod
    def of(cls, layer: nn.BatchNorm2d, peers: Peers) -> "_WholeBatchNorm":
        """The same layer, with the same parameters and statistics."""
        made = cls(layer.num_features, eps=layer.eps, momentum=layer.momentum)
        made.peers = peers
        made.load_state_dict(layer.state_dict())
        made.to(layer.weight.device)
        made.train(layer.training)
        return made

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        if not self.training:
            return super().forward(x)
        # In double precision: a variance is the small difference of two large sums.
        values = x.double()
        num = torch.full((1,), x.numel() / x.shape[1], dtype=torch.float64, device=x.device)
        sums = torch.cat([values.sum(dim=(0, 2, 3)), (values * values).sum(dim=(0, 2, 3)), num])
        total = all_reduce(sums * 0 if self.peers.idle else sums)
        total_num = total[-1].detach()
        mean, mean_of_squares = (total[:-1] / total_num).chunk(2)
        variance = (mean_of_squares - mean * mean).clamp(min=0)
        self._update(mean.detach(), variance.detach() * total_num / (total_num - 1))
        scale = self.weight / (variance + self.eps).sqrt()
        return (values * _channels(scale) + _channels(self.bias - mean * scale)).to(x.dtype)

    def _update(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_(variance.to(self.running_var.dtype), self.momentum)
        self.num_batches_tracked += 1


def _channels(values: Tensor) -> Tensor:
    """(C,) -> (1, C, 1, 1)."""
    return values.view(1, -1, 1, 1)
