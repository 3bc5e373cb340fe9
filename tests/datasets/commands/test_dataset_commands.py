"""`python -m study.datasets`: names, exit codes, the list and the stand-ins."""

import subprocess
import sys
from pathlib import Path

import pytest

from study import datasets
from study.datasets import Dataset
from study.datasets.__main__ import main
from study.datasets.commands import drawing, naming
from study.datasets.commands.drawing import NOTE

Captured = pytest.CaptureFixture[str]


def refused(capsys: Captured, *arguments: str) -> str:
    """The one message with which a command ends that the user can mend."""
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert "Traceback" not in told
    return told


def small(name: str) -> Dataset:
    dataset = datasets.find(name)
    counts = {side: dict.fromkeys(by_class, 3) for side, by_class in dataset.stand_in.items()}
    return Dataset(**{**vars(dataset), "stand_in": counts})


def test_every_dataset_is_listed_with_what_a_user_asks_of_it(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/blood_cell_all").mkdir(parents=True)
    assert main(["list"]) == 0
    told = capsys.readouterr().out
    for name in datasets.names():
        dataset = datasets.find(name)
        for text in (name, dataset.title, dataset.licence, ", ".join(dataset.classes)):
            assert text in told
        for edition in dataset.editions:
            assert edition.source in told
        command = f"python -m study.datasets download {name}"
        assert (command in told) == bool(dataset.kaggle)
    assert told.count("is there") == 1
    assert "development (normal: 130,908, tumor: 89,117)" in told


@pytest.mark.parametrize("command", [["check"], ["download"], ["stand-in", "--out", "new"]])
def test_an_unknown_name_is_told_with_the_nearest(capsys: Captured, command: list[str]) -> None:
    assert "Did you mean 'blood_cell_all'" in refused(capsys, *command, "blood_cell_al")
    assert "Did you mean 'brain_tumor'" in refused(capsys, *command, "brain_tumour")


def test_a_study_stands_for_its_dataset() -> None:
    name, dataset = naming.find_dataset("brain_tumor")
    assert name == "brain_tumor_mri"
    assert dataset is datasets.find(name)


@pytest.mark.parametrize("arguments", [[], ["check"], ["stand-in", "blood_cell_all"], ["paint", "blood_cell_all"]])
def test_a_command_that_is_no_command_ends_with_code_2(capsys: Captured, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.endswith(" --help shows what can be given.\n")
    assert said.count("\n") == 1


@pytest.mark.parametrize("seed", ["-1", "x"])
def test_a_seed_must_be_a_number_of_0_or_more(capsys: Captured, seed: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["stand-in", "blood_cell_all", "--out", "new", "--seed", seed])
    assert ended.value.code == 2


def test_interrupting_ends_with_code_130(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("study.datasets.__main__.find_dataset", interrupted)
    assert main(["check", "blood_cell_all"]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_the_module_can_be_run() -> None:
    command = [sys.executable, "-m", "study.datasets", "check", "no_such_dataset"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: There is no dataset or study 'no_such_dataset'.")


@pytest.mark.parametrize("there_already", [False, True])
def test_a_stand_in_is_drawn_into_a_new_or_empty_folder(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there_already: bool
) -> None:
    monkeypatch.setattr("study.datasets.__main__.find_dataset", lambda name: (name, small(name)))
    out = tmp_path / "a/b/drawn"
    if there_already:
        out.mkdir(parents=True)
    assert main(["stand-in", "bci_her2_score", "--out", str(out), "--seed", "5"]) == 0
    told = capsys.readouterr().out
    assert f"{out}: 24 drawn images" in told
    assert f"study.datasets check bci_her2_score --data {out}" in told
    assert len(datasets.find("bci_her2_score").scan(out)) == 24
    assert "--seed 5" in (out / NOTE).read_text()
    assert [p.name for p in out.parent.iterdir()] == ["drawn"]

    assert main(["check", "bci_her2_score", "--data", str(out)]) == 0
    assert "these images are not real" in capsys.readouterr().out


def test_a_stand_in_overwrites_nothing(capsys: Captured, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for out in (tmp_path, tmp_path / "mine.txt"):
        told = refused(capsys, "stand-in", "blood_cell_all", "--out", str(out))
        assert f"new or an empty folder, but {out} is neither" in told
    assert "can be written to" in refused(capsys, "stand-in", "blood_cell_all", "--out", str(tmp_path / "mine.txt/new"))
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_an_interrupted_stand_in_leaves_nothing(tmp_path: Path) -> None:
    def draw(root: Path, counts: object, seed: int) -> None:
        root.mkdir()
        (root / "half.png").touch()
        raise KeyboardInterrupt

    dataset = Dataset(**{**vars(datasets.find("blood_cell_all")), "draw": draw})
    with pytest.raises(KeyboardInterrupt):
        drawing.draw_stand_in("blood_cell_all", dataset, tmp_path / "new", seed=0)
    assert list(tmp_path.iterdir()) == []
