"""`download` with a stand-in for kagglehub: no test asks Kaggle for anything."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from study import datasets
from study.datasets import Dataset
from study.datasets.__main__ import main
from study.datasets.commands import downloading
from study.errors import DataError

Captured = pytest.CaptureFixture[str]
Fetch = Callable[[str, Path], None]


def install(monkeypatch: pytest.MonkeyPatch, fetch: Fetch) -> list[str]:
    """Puts a kagglehub in place that calls `fetch`; returns the list of what it is asked for."""
    asked: list[str] = []
    kagglehub = ModuleType("kagglehub")

    def downloader(kind: str) -> Callable[..., str]:
        def download(handle: str, *, output_dir: str) -> str:
            asked.append(f"{kind} {handle}")
            folder = Path(output_dir)
            (folder / ".complete").mkdir(parents=True)
            fetch(handle, folder)
            return output_dir

        return download

    kagglehub.dataset_download = downloader("dataset")  # type: ignore[attr-defined]
    kagglehub.competition_download = downloader("competition")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kagglehub", kagglehub)
    return asked


def refused(capsys: Captured, *arguments: str) -> str:
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    return told


def drawn(name: str, folder: Path) -> Dataset:
    dataset = datasets.find(name)
    dataset.draw(folder, {side: dict.fromkeys(c, 1) for side, c in dataset.stand_in.items()}, 0)
    return dataset


@pytest.mark.parametrize("inner", ["", "archive", "archive/data [1]"])
@pytest.mark.parametrize("name", [n for n in datasets.names() if datasets.find(n).kaggle])
def test_what_kaggle_gives_is_put_where_studies_look_for_it(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, inner: str
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = install(monkeypatch, lambda _, folder: drawn(name, folder / inner) and None)
    assert main(["download", name]) == 0
    dataset = datasets.find(name)
    out = tmp_path / "data" / name
    samples = dataset.scan(out)
    assert samples
    told = capsys.readouterr().out
    assert f"data/{name}: {len(samples)} images" in told
    assert dataset.licence in told
    kind = "dataset" if "/" in dataset.kaggle else "competition"
    assert asked == [f"{kind} {dataset.kaggle}"]
    assert [p.name for p in out.parent.iterdir()] == [name]
    assert not (out / ".complete").exists()


def test_files_that_do_not_fit_are_kept_for_the_user(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, lambda _, folder: (folder / "readme.txt").write_text("moved") and None)
    out = tmp_path / "new"
    told = refused(capsys, "download", "blood_cell_all", "--out", str(out))
    assert f"put into {out}, but doesn't have the layout" in told
    assert "[Malignant] Pre-B" in told
    assert [p.name for p in out.iterdir()] == ["readme.txt"]


def test_an_empty_folder_takes_the_files_and_a_full_one_is_left_alone(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = install(monkeypatch, lambda _, folder: drawn("brain_tumor_mri", folder) and None)
    out = tmp_path / "mine"
    out.mkdir()
    assert main(["download", "brain_tumor_mri", "--out", str(out)]) == 0
    told = refused(capsys, "download", "brain_tumor_mri", "--out", str(out))
    assert f"{out} is neither" in told
    assert len(asked) == 1


def test_without_kagglehub_the_way_by_hand_is_told(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    told = refused(capsys, "download", "blood_cell_all", "--out", str(tmp_path / "a/new"))
    assert "uv sync --extra kaggle" in told
    assert datasets.find("blood_cell_all").how_to_get in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "error", "reason"),
    [
        ("brain_tumor_mri", ConnectionError("no route to Kaggle\nmore"), "ConnectionError: no route to Kaggle. "),
        ("histopathologic_cancer", ValueError("User is not authenticated"), "ValueError: User is not authenticated. "),
        ("histopathologic_cancer", RuntimeError(), "but: RuntimeError. "),
    ],
)
def test_what_kaggle_refuses_is_one_message_with_its_reason_and_the_way_by_hand(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: Exception, reason: str
) -> None:
    def fetch(handle: str, folder: Path) -> None:
        raise error

    install(monkeypatch, fetch)
    told = refused(capsys, "download", name, "--out", str(tmp_path / "new"))
    dataset = datasets.find(name)
    for text in (reason, dataset.kaggle, "kaggle.json", dataset.how_to_get):
        assert text in told
    assert ("accept the competition rules" in told) == (name == "histopathologic_cancer")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [n for n in datasets.names() if not datasets.find(n).kaggle])
def test_a_dataset_that_is_not_on_kaggle_is_got_by_hand(capsys: Captured, name: str) -> None:
    told = refused(capsys, "download", name)
    assert f"{name} isn't there" in told
    assert datasets.find(name).how_to_get in told


def test_a_folder_four_levels_down_is_not_searched_for(tmp_path: Path) -> None:
    dataset = drawn("blood_cell_all", tmp_path / "got/a/b/c/d")
    with pytest.raises(DataError, match="put into"):
        downloading.place(dataset, tmp_path / "got", tmp_path / "out")
    assert len(dataset.scan(tmp_path / "out/a/b/c/d")) == 4
