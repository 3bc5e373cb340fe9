import time

import pytest
import torch
from torch import Tensor, nn

from study.training.latency import latency_ms


class Slow(nn.Module):
    """Takes 4 ms for any batch, and ten times as long for the first one."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[torch.Size] = []

    def forward(self, images: Tensor) -> Tensor:
        time.sleep(0.004 if self.sizes else 0.04)
        self.sizes.append(images.shape)
        return images


@pytest.mark.parametrize(("batch_size", "expected_ms"), [(1, 4.0), (8, 0.5)])
def test_the_time_for_an_image_is_that_of_its_share_of_a_batch_after_a_warm_up(
    batch_size: int, expected_ms: float
) -> None:
    model, beats = Slow(), []
    found = latency_ms(model, size_px=16, batch_size=batch_size, beat=lambda: beats.append(1))
    assert expected_ms <= found < 3 * expected_ms
    assert set(model.sizes) == {torch.Size([batch_size, 3, 16, 16])}
    assert len(beats) == len(model.sizes)
    assert not model.training
