"""The whole of what a winner computes, from pixels to probabilities, as one torch module: what ONNX is made of."""

import numpy as np
import torch
from torch import Tensor, nn

from study.training import losses
from study.winner.winner import Winner

_SMALLEST = float(np.finfo(np.float32).tiny)


class Graph(nn.Module):
    """Maps uint8 (N, H, W, 3) RGB pixels, as `Winner.read` returns them, to probabilities.

    It returns float32 (N, C), the ensemble's corrected probabilities, and float32 (N, K, C), what each seed run answers
    as trained: the same as `Winner.ensemble` and `Winner.each`, which use NumPy for the correction.
    """

    def __init__(self, winner: Winner) -> None:
        super().__init__()
        self.networks = nn.ModuleList(member.model for member in winner.members)
        self.standardizations = [member.standardization for member in winner.members]
        corrections = [member.correction for member in winner.members]
        # Constants of the graph, in double precision: a low temperature makes much of a small difference.
        self.log_weights = torch.tensor([c.weights for c in corrections], dtype=torch.float64).log()
        self.temperatures = torch.tensor([[c.temperature] for c in corrections], dtype=torch.float64)
        self.eval()

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        images = pixels.permute(0, 3, 1, 2).float() / 255
        answers = [
            losses.probabilities(network(standardization(images)))
            for network, standardization in zip(self.networks, self.standardizations, strict=True)
        ]
        each = torch.stack(answers, dim=1)
        unweighted = torch.softmax(_log(each.double()) - self.log_weights, dim=-1)
        scaled = torch.softmax(_log(unweighted) / self.temperatures, dim=-1)
        return scaled.mean(dim=1).float(), each


def _log(probabilities: Tensor) -> Tensor:
    return probabilities.clamp(min=_SMALLEST).log()
