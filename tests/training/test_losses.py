"""Losses and their weights equal what is computed by hand."""

import math

import pytest
import torch
from sklearn.metrics import log_loss as sklearn_log_loss
from torch import Tensor

from study.evaluation.class_weights import class_weights
from study.spec import Recipe
from study.training import losses

CPU = torch.device("cpu")


def loss_of(logits: Tensor, targets: Tensor, counts: list[int], **values: object) -> float:
    return float(losses.training_loss(Recipe(**values), counts, CPU)(logits, targets))


@pytest.mark.parametrize(("pos_weight", "factor"), [(1.0, 1.0), (2.5, 2.5), ("balanced", 30 / 90)])
def test_the_positive_class_counts_pos_weight_times(pos_weight: float | str, factor: float) -> None:
    values, labels = [0.3, -1.2, 2.0], [1, 0, 0]
    by_hand = [
        -factor * math.log(1 / (1 + math.exp(-x))) if y else -math.log(1 - 1 / (1 + math.exp(-x)))
        for x, y in zip(values, labels, strict=True)
    ]
    got = loss_of(torch.tensor(values)[:, None], torch.tensor(labels), [30, 90], pos_weight=pos_weight)
    assert got == pytest.approx(sum(by_hand) / 3, rel=1e-5)


def test_the_multi_class_loss_is_the_weighted_sum_over_the_number_of_images() -> None:
    logits = torch.tensor([[1.0, 0.0, -1.0], [0.2, 0.1, 0.4], [3.0, 0.0, 0.0]])
    labels, counts = [0, 2, 1], [10, 40, 250]
    weights = class_weights(counts, 0.5)
    by_hand = 0.0
    for row, label in zip(logits.tolist(), labels, strict=True):
        by_hand -= weights[label] * math.log(math.exp(row[label]) / sum(math.exp(x) for x in row))
    got = loss_of(logits, torch.tensor(labels), counts, class_weight_power=0.5)
    assert got == pytest.approx(by_hand / 3, rel=1e-5)
    assert got != pytest.approx(loss_of(logits, torch.tensor(labels), counts), rel=1e-2)


@pytest.mark.parametrize("num_logits", [1, 4])
def test_log_loss_and_probabilities_equal_those_of_scikit_learn(num_logits: int) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(50, num_logits, generator=generator)
    num_classes = max(2, num_logits)
    targets = torch.arange(50) % num_classes
    probabilities = losses.probabilities(logits)
    assert probabilities.shape == (50, num_classes)
    assert torch.allclose(probabilities.sum(dim=1), torch.ones(50))
    expected = sklearn_log_loss(targets.numpy(), probabilities.numpy(), labels=range(num_classes))
    assert losses.log_loss(logits, targets) == pytest.approx(expected, rel=1e-5)
    assert losses.log_loss(logits.bfloat16(), targets) == pytest.approx(expected, rel=1e-2)


def test_the_second_column_is_the_probability_of_the_positive_class() -> None:
    assert losses.probabilities(torch.tensor([[8.0], [-8.0]])).round().tolist() == [[0, 1], [1, 0]]


def test_equal_logits_give_equal_probabilities_wherever_the_image_stands() -> None:
    for constant in torch.linspace(-8, 8, 500):
        assert len(losses.probabilities(constant.expand(37, 1)).unique(dim=0)) == 1
        assert (
            len(losses.probabilities(torch.stack([constant, -constant / 3, constant / 7]).expand(37, 3)).unique(dim=0))
            == 1
        )
