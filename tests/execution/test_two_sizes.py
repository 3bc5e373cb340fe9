"""One study of two networks that see images of different sizes: run, gone on with, reported and asked."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from study import load_winner, records
from study.command import DONE, USER_ERROR
from study.records import SEED, RunFolder

Command = Callable[..., int]

LARGER = ("--image-size", "four_block_cnn=24")
SMALL_BUDGET = ("--trials", "2", "--epochs", "2", "--seeds", "1")


@pytest.fixture(scope="module")
def two_sizes(ray_started: None, command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the results and reports of a finished study whose networks see 16 and 24 px."""
    results = tmp_path_factory.mktemp("two-sizes")
    assert command(results, *LARGER, *SMALL_BUDGET) == DONE
    return results


@pytest.fixture
def copied(two_sizes: Path, tmp_path: Path) -> Path:
    shutil.copytree(two_sizes, tmp_path / "results")
    return tmp_path / "results"


def test_a_study_of_two_sizes_runs_to_its_end(two_sizes: Path) -> None:
    state = records.load_run(RunFolder(two_sizes / "tiny"))
    assert state.finished
    assert state.manifest.image_sizes == {"lenet": 16, "four_block_cnn": 24}
    assert {trial.pair for trial in state.of_kind(SEED)} == {"lenet", "four_block_cnn"}
    explained = records.read_explanations(RunFolder(two_sizes / "tiny").explanations)
    assert list(explained.networks) == ["lenet", "four_block_cnn"]
    # Of the study's own size.
    assert {pixels.shape for pixels in explained.thumbnails.values()} == {(16, 16, 3)}


def test_its_report_names_both_sizes(two_sizes: Path) -> None:
    page = (two_sizes / "reports" / "tiny.md").read_text()
    assert "images at 16 px (lenet) and 24 px (four_block_cnn)" in page
    assert "What is missing" not in page


@pytest.mark.parametrize(("architecture", "size_px"), [("lenet", 16), ("four_block_cnn", 24)])
def test_each_network_answers_at_its_own_size(
    two_sizes: Path, tiny_images: Path, architecture: str, size_px: int
) -> None:
    winner = load_winner("tiny", two_sizes, architecture=architecture)
    assert winner.size_px == size_px
    path = next(tiny_images.rglob("Testing/*/*.jpg"))
    read = winner.read(path)
    assert isinstance(read, np.ndarray)
    assert read.shape == (size_px, size_px, 3)
    (answer,) = winner.predict([path])
    assert answer.answer in winner.classes
    assert answer.warning == ""
    folder = RunFolder(two_sizes / "tiny")
    table = records.read_predictions(folder, records.load_run(folder)).of(architecture, "tuned", "test")
    row = list(table.paths).index(path.relative_to(tiny_images).as_posix())
    np.testing.assert_allclose(winner.each(read[None])[:, 0], table.probabilities[:, row], atol=1e-5)


def test_it_goes_on_where_it_was_left(copied: Path, command: Command, ray_started: None) -> None:
    log = RunFolder(copied / "tiny").events
    lines = log.read_bytes().splitlines(keepends=True)
    seed_run = next(i for i, e in enumerate(records.read_events(log)) if e.get("kind") == SEED)
    log.write_bytes(b"".join(lines[: seed_run + 1]))
    assert command(copied, *LARGER, *SMALL_BUDGET) == DONE
    state = records.load_run(RunFolder(copied / "tiny"))
    assert state.finished
    assert state.manifest.image_sizes == {"lenet": 16, "four_block_cnn": 24}


def test_another_size_of_one_network_is_another_declaration(
    copied: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(copied, "--image-size", "four_block_cnn=32", *SMALL_BUDGET) == USER_ERROR
    assert "pairs.four_block_cnn.image_size: 24 -> 32" in capsys.readouterr().err
