"""What --list tells of every study."""

import shutil
from pathlib import Path

import pytest

from study import run
from study.cli.listing import listing
from study.cli.study_selection import find_study
from study.command import DONE
from study.records import RunFolder


def test_every_study_is_listed_with_its_data_its_architectures_and_its_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main(["--list", "--results", str(tmp_path)]) == DONE
    shown = capsys.readouterr().out
    blocks = {block.split()[0]: block for block in shown.split("\n\n")}
    assert set(blocks) == {"blood_cell", "brain_tumor", "her2_binary", "her2_score", "histopathologic"}
    assert "(document 003)" in blocks["brain_tumor"]
    assert "efficientnet_b0, eight_conv_cnn, resnet18, densenet121" in blocks["brain_tumor"]
    assert "histopathologic_cancer: no data/histopathologic_cancer" in blocks["histopathologic"]
    assert all("not run yet" in block for block in blocks.values())


def test_the_status_says_finished_unfinished_or_damaged(finished_run: Path, tiny_study: Path, tmp_path: Path) -> None:
    study = {"tiny": find_study(str(tiny_study))}
    assert "tiny finished (begun on " in listing(study, finished_run)
    shutil.copytree(finished_run / "tiny", tmp_path / "tiny")
    log = RunFolder(tmp_path / "tiny").events
    content = log.read_bytes()
    log.write_bytes(content[: len(content) // 2])
    assert "of 10 searched trials ended)" in listing(study, tmp_path)
    log.write_bytes(b"no log\n" + content)
    assert "can't be read" in listing(study, tmp_path)


def test_runs_of_ones_own_images_and_of_a_holdout_are_listed(
    finished_run: Path, tiny_study: Path, tmp_path: Path
) -> None:
    for name in ("my_scans", "her2_binary-standin", "her2_binary-holdout"):
        shutil.copytree(finished_run / "tiny", tmp_path / name)
    shown = listing({"her2_binary": find_study("her2_binary")}, tmp_path)
    block, others = shown.split("\n\n")
    assert "her2_binary-holdout finished" in block
    assert "her2_binary-standin finished" in block
    assert "my_scans" not in block
    assert [line.split()[:2] for line in others.splitlines()[1:]] == [["my_scans", "finished"]]
