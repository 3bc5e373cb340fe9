"""The verdicts of a real study of drawn images, whose networks are known to be alike, constant or badly decided.

A minute of training, so it is not part of the default run: `pytest -m demo`.
"""

import re

import pytest
from project_copy import copy_project, python

pytestmark = [pytest.mark.demo, pytest.mark.timeout(1200)]

FILES = {
    "study/architectures/eight_conv_twin.py": '''
"""The eight-convolution CNN under another name; the same seed gives it another network."""

from dataclasses import replace

import torch

from study.architectures.eight_conv_cnn import ARCHITECTURE as ORIGINAL


def _build(recipe, num_logits, image_size_px):
    torch.rand(1)
    return ORIGINAL.build(recipe, num_logits, image_size_px)


ARCHITECTURE = replace(ORIGINAL, title="Eight-convolution CNN, again", build=_build)
''',
    "study/architectures/always_positive.py": '''
"""A network that answers the positive class whatever it sees."""

import torch
from torch import nn

from study.architectures import Architecture
from study.spec import Recipe


class Constant(nn.Module):
    def __init__(self, num_logits):
        super().__init__()
        self.features = nn.Conv2d(3, 1, 1)
        self.logits = nn.Parameter(torch.full((num_logits,), 3.0))

    def forward(self, images):
        return 0 * self.features(images).mean((1, 2, 3))[:, None] + self.logits


ARCHITECTURE = Architecture(
    title="Always positive",
    hyperparameters=(),
    build=lambda recipe, num_logits, image_size_px: Constant(num_logits),
    recipe=Recipe(),
)
''',
    "search_spaces/verdicts.py": '''
"""Two copies of a network, a constant one, and one whose loss asks for positives so loudly that it gives no others."""

from ray import tune

from study.spec import Recipe, Study

TWIN = Recipe(optimizer="adamw", lr=1e-3, weight_decay=1e-2, schedule="cosine", batchnorm=True, width=8)

STUDY = Study(
    title="Verdicts",
    dataset="bci_her2_binary",
    image_size=64,
    pairs={
        "eight_conv_cnn": TWIN,
        "eight_conv_twin": TWIN,
        "always_positive": Recipe(),
        "lenet": Recipe(pos_weight=100.0, lr=3e-4),
    },
    space={"lr": tune.loguniform(1e-4, 1e-2)},
)
''',
}


@pytest.fixture(scope="module")
def verdict(tmp_path_factory: pytest.TempPathFactory) -> str:
    project = copy_project(tmp_path_factory.mktemp("project"))
    for path, content in FILES.items():
        (project / path).write_text(content)
    budget = ["--trials", "1", "--epochs", "8", "--seeds", "3", "--cache", "cache"]
    ended = python(project, "-m", "study.run", "verdicts", *budget)
    assert ended.returncode == 0, ended.stderr
    page = (project / "reports" / "verdicts-standin.md").read_text()
    verdict = page.split("*Verdict.* ")[1].split("\n\nTuned recipes")[0]
    print(verdict)
    return verdict


def test_two_copies_of_one_architecture_are_not_told_apart(verdict: str) -> None:
    # Whether lenet is told apart from them is not the question.
    assert re.match(
        r"eight_conv_\w+ has the highest test ROC-AUC .* but it is not told apart from eight_conv_", verdict
    )
    assert re.match(r"[^.]+\.[^;]+; it is told apart from (lenet and )?always_positive\.", verdict)


def test_a_network_that_always_answers_positive_is_called_one(verdict: str) -> None:
    assert 'always_positive gives the one answer "positive" for 100.0 % of the test images' in verdict
    assert "always_positive is not shown to rank the images better than chance either." in verdict
    assert "always_positive and lenet are not distinguishable in accuracy from always answering" in verdict


def test_a_network_that_ranks_well_but_decides_badly_is_described_as_just_that(verdict: str) -> None:
    assert "lenet ranks the images better than chance all the same (ROC-AUC 0." in verdict
    assert "): it ranks better than it decides." in verdict


def test_of_networks_that_do_well_no_such_thing_is_said(verdict: str) -> None:
    assert "eight_conv_cnn and eight_conv_twin are more accurate than always answering" in verdict
    for name in ("eight_conv_cnn", "eight_conv_twin"):
        assert f"{name} gives the one answer" not in verdict
        assert f"{name} ranks the images better than chance" not in verdict
