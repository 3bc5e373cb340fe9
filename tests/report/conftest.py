"""Drawn reports of synthetic runs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import six_architectures
from synthetic import write_run

from study.records import RunFolder
from study.report import draw_report


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., RunFolder]:
    """A function that writes a run into `tmp_path / "results"`; its arguments replace those of `Plan`."""

    def make(**changes: Any) -> RunFolder:
        return write_run(tmp_path / "results", **changes)

    return make


@dataclass(frozen=True)
class Drawn:
    """A drawn report: the records, the folder of reports and the page's text."""

    folder: RunFolder
    reports: Path
    page: str


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """Real images; hahnet is far ahead, lenet and alexnet are close together."""
    return _drawn(tmp_path_factory.mktemp("finished"))


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """Drawn images; hahnet always answers "positive", lenet found no finalist, alexnet lost a seed run."""
    return _drawn(
        tmp_path_factory.mktemp("standin"),
        name="her2_binary-standin",
        stand_in=True,
        always=("hahnet",),
        no_finalist=("lenet",),
        lost_seeds={"alexnet": 1},
    )


@pytest.fixture(scope="session")
def multiclass(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """Four classes, two architectures that can't be told apart."""
    strengths = {"baseline_cnn": 1.2, "four_block_cnn": 1.2}
    return _drawn(tmp_path_factory.mktemp("multiclass"), name="brain", num_classes=4, strengths=strengths)


@pytest.fixture(scope="session")
def six(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """Four classes, six architectures, three of them references; one lacks its weights; see `six_architectures`."""
    return _drawn(tmp_path_factory.mktemp("six"), **six_architectures.PLAN)


@pytest.fixture(scope="session")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """Sixteen trials a pair, five of them audited; alexnet lost three, lenet had a default and was tried again."""
    return _drawn(
        tmp_path_factory.mktemp("audited"),
        num_trials=16,
        audit=5,
        default=("lenet",),
        failed={"alexnet": 3},
        broken={"lenet-search-4": ("lost", "out of memory"), "lenet-document-seed0": ("hung",)},
        micro_batch={"lenet-search-4": 16},
    )


def _drawn(root: Path, **changes: Any) -> Drawn:
    folder = write_run(root / "results", **changes)
    path = draw_report(folder, root / "reports")
    return Drawn(folder, root / "reports", path.read_text(encoding="utf-8"))
