"""What `load_winner` and `study.predict` answer is what the study's records say."""

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import study
from study import predict, records, registry
from study.command import DONE, USER_ERROR
from study.datasets import readers
from study.errors import ResultsError, UnknownNameError
from study.records import TEST, TUNED, RunFolder
from study.winner import Winner

RUN = "tiny"


@pytest.fixture(scope="module")
def winner(finished_run: Path) -> Winner:
    return study.load_winner(RUN, finished_run)


@pytest.fixture(scope="module")
def recorded(finished_run: Path, winner: Winner) -> records.Predictions:
    folder = RunFolder(finished_run / RUN)
    return records.read_predictions(folder, records.load_run(folder)).of(winner.architecture, TUNED, TEST)


def test_the_winner_is_the_network_with_the_highest_val_roc_auc(finished_run: Path, winner: Winner) -> None:
    results = pd.read_csv(finished_run / "reports" / RUN / "results.csv")
    val = results[(results["split"] == "val") & (results["recipe"] == "tuned")].set_index("architecture")["roc_auc"]
    assert winner.architecture == val.idxmax()


def test_each_seed_run_answers_to_test_what_was_recorded_to_the_last_bit(
    tiny_images: Path, winner: Winner, recorded: records.Predictions
) -> None:
    # As in the trial: how many threads share a sum may change its last bit.
    torch.set_num_threads(2)
    pixels = np.stack([winner.read(tiny_images / path) for path in recorded.paths])
    assert np.array_equal(winner.each(pixels), recorded.probabilities.astype(np.float32))


def test_the_ensemble_is_calibrated_and_its_probabilities_sum_to_1(
    tiny_images: Path, winner: Winner, recorded: records.Predictions
) -> None:
    predictions = winner.predict([tiny_images / path for path in recorded.paths])
    probabilities = np.array([each.probabilities for each in predictions])
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert [each.answer for each in predictions] == [winner.classes[i] for i in probabilities.argmax(axis=1)]
    # As the study's records have it, corrected here step by step.
    weights = [np.array(member.correction.weights) for member in winner.members]
    unweighted = [each / w for each, w in zip(recorded.probabilities, weights, strict=True)]
    unweighted = [each / each.sum(axis=1, keepdims=True) for each in unweighted]
    scaled = [u ** (1 / m.correction.temperature) for u, m in zip(unweighted, winner.members, strict=True)]
    expected = np.mean([each / each.sum(axis=1, keepdims=True) for each in scaled], axis=0)
    assert np.allclose(probabilities, expected, atol=1e-6)


def test_another_network_of_the_study_can_be_asked(finished_run: Path, winner: Winner) -> None:
    other = {"lenet": "four_block_cnn", "four_block_cnn": "lenet"}[winner.architecture]
    assert study.load_winner(RUN, finished_run, architecture=other).architecture == other
    with pytest.raises(UnknownNameError, match=f"Did you mean '{other}'"):
        study.load_winner(RUN, finished_run, architecture=other[:-1])


def test_an_unknown_run_is_answered_with_the_nearest_name(finished_run: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'tiny'"):
        study.load_winner("tyny", finished_run)


def test_a_run_of_which_nothing_is_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="Run the study first"):
        study.load_winner(RUN, tmp_path)


def test_the_command_writes_the_ensembles_answers_in_the_order_of_the_files(
    tmp_path: Path, tiny_images: Path, finished_run: Path, winner: Winner, capsys: pytest.CaptureFixture[str]
) -> None:
    out, folder = tmp_path / "predictions.csv", tiny_images / "Testing"
    given = [RUN, str(folder), "--results", str(finished_run)]
    assert predict.main([*given, "--out", str(out)]) == DONE
    told = capsys.readouterr().err
    assert winner.architecture in told
    assert "no medical device" in told
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == sorted(str(path) for path in folder.rglob("*.jpg"))
    expected = winner.predict([row["path"] for row in rows])
    for row, each in zip(rows, expected, strict=True):
        assert tuple(float(row[f"p_{name}"]) for name in winner.classes) == each.probabilities
        assert row["answer"] == each.answer
    assert predict.main(given) == DONE
    assert capsys.readouterr().out == out.read_text()


@pytest.mark.parametrize("damage", ["gone", "changed", "empty"])
def test_damaged_val_predictions_choose_no_winner(
    tmp_path: Path, finished_run: Path, tiny_images: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(finished_run / RUN, tmp_path / RUN)
    table = next((tmp_path / RUN / "predictions").glob("*-val.csv"))
    if damage == "gone":
        table.unlink()
    else:
        table.write_text(table.read_text().replace("0", "1") if damage == "changed" else "")
    image = next((tiny_images / "Testing").rglob("*.jpg"))
    assert predict.main([RUN, str(image), f"--results={tmp_path}"]) == USER_ERROR
    assert "missing or changed" in capsys.readouterr().err


def test_no_image_is_overwritten_by_the_table(
    tmp_path: Path, finished_run: Path, tiny_images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = Path(shutil.copy(next((tiny_images / "Testing").rglob("*.jpg")), tmp_path))
    before = image.read_bytes()
    assert predict.main([RUN, str(image), "--out", str(image), f"--results={finished_run}"]) == USER_ERROR
    assert "must end in .csv" in capsys.readouterr().err
    assert image.read_bytes() == before


def test_a_name_that_no_table_can_hold_is_refused_before_anything_is_computed(
    tmp_path: Path, finished_run: Path, tiny_images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = os.fsencode(tmp_path) + b"/gesch\xe4digt.jpg"
    shutil.copy(next((tiny_images / "Testing").rglob("*.jpg")), image)
    assert predict.main([RUN, str(tmp_path), f"--results={finished_run}"]) == USER_ERROR
    assert "must be Unicode" in capsys.readouterr().err


def test_a_study_that_is_not_finished_says_so(
    tmp_path: Path, finished_run: Path, tiny_images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(finished_run / RUN, tmp_path / RUN)
    folder = RunFolder(tmp_path / RUN)
    lines = folder.events.read_text().splitlines(keepends=True)
    folder.events.write_text("".join(line for line in lines if '"finished"' not in line))
    image = next((tiny_images / "Testing").rglob("*.jpg"))
    assert predict.main([RUN, str(image), f"--results={tmp_path}", "--architecture", "lenet"]) == DONE
    assert "isn't finished" in capsys.readouterr().err


def test_an_image_of_something_else_gets_a_warning(
    tmp_path: Path, tiny_images: Path, finished_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (48, 48, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    like = next((tiny_images / "Testing").rglob("*.jpg"))
    assert predict.main([RUN, str(like), str(tmp_path / "noise.png"), f"--results={finished_run}"]) == DONE
    said = capsys.readouterr()
    warnings = [row["warning"] for row in csv.DictReader(said.out.splitlines())]
    assert warnings == ["", "unlike the training images"]
    assert "1 unlike the training images" in said.err


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.png", b"", "cannot identify"),
        ("page.jpg", b"<html>", "cannot identify"),
        ("slice.dcm", bytes(128) + b"DICM", "DICOM isn't read; save it as PNG or TIFF"),
    ],
)
def test_an_image_that_cant_be_read_is_refused_or_left_without_an_answer(
    tmp_path: Path,
    tiny_images: Path,
    finished_run: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes,
    says: str,
) -> None:
    (tmp_path / name).write_bytes(content)
    like = next((tiny_images / "Testing").rglob("*.jpg"))
    given = [RUN, str(tmp_path / name), str(like), f"--results={finished_run}"]
    assert predict.main(given) == USER_ERROR
    said = capsys.readouterr()
    assert said.out == ""
    assert says in said.err
    assert "--skip-unreadable" in said.err
    assert predict.main([*given, "--skip-unreadable"]) == DONE
    first, second = csv.DictReader(capsys.readouterr().out.splitlines())
    assert (first["answer"], says in first["warning"]) == ("", True)
    assert second["answer"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([RUN, "nowhere.png"], "there is no nowhere.png"),
        ([RUN, "."], "has none"),
        (["tyny", __file__], "Did you mean 'tiny'?"),
        ([RUN, __file__, "--architecture", "lennet"], "Did you mean 'lenet'?"),
        ([RUN, __file__, "--out", "."], "is a folder"),
        ([RUN, __file__, "--submission"], "--submission is for two classes"),
    ],
)
def test_what_cant_be_answered_is_refused_in_words(
    tmp_path: Path,
    finished_run: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert predict.main([*given, f"--results={finished_run}"]) == USER_ERROR
    said = capsys.readouterr()
    assert says in said.err
    assert said.err.count("error: ") == 1
    assert said.out == ""


def test_a_format_of_ones_own_is_answered_for_by_its_reader(
    tmp_path: Path, tiny_images: Path, finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    like = next((tiny_images / "Testing").rglob("*.jpg"))
    np.save(tmp_path / "like.npy", np.asarray(Image.open(like)))
    kind = registry.Kind(name="image reader", package="study.datasets.readers", attribute="READER")
    source = """
import io
import numpy as np
from study.datasets.readers import ImageReader, ReadImage

READER = ImageReader(
    title="arrays of NumPy",
    suffixes=(".npy",),
    can_read=lambda head, name: head.startswith(b"\\x93NUMPY"),
    read=lambda content: ReadImage(np.load(io.BytesIO(content))),
)
"""
    unknown, known = (study.load_winner(RUN, finished_run) for _ in range(2))
    (refused,) = unknown.predict([tmp_path / "like.npy"])
    assert refused.warning.startswith("can't be read: cannot identify the image's format, which no reader knows")
    monkeypatch.setattr(readers, "KIND", kind)
    kind.give("npy", source, "npy.py")
    as_jpeg, as_array = known.predict([like, tmp_path / "like.npy"])
    assert as_array.probabilities == as_jpeg.probabilities


def test_what_is_no_image_in_a_folder_is_left_out_and_said(
    tmp_path: Path, tiny_images: Path, finished_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(next((tiny_images / "Testing").rglob("*.jpg")), tmp_path / "scan.jpg")
    (tmp_path / "notes.txt").write_text("no image")
    assert predict.main([RUN, str(tmp_path), f"--results={finished_run}"]) == DONE
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 2
    assert f"1 file left out as no image, e.g. {tmp_path / 'notes.txt'}" in said.err


def test_changed_weights_are_refused(tmp_path: Path, finished_run: Path, winner: Winner) -> None:
    shutil.copytree(finished_run / RUN, tmp_path / RUN)
    weights = RunFolder(tmp_path / RUN).weights(winner.members[0].trial)
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(ResultsError, match="missing or changed"):
        study.load_winner(RUN, tmp_path, architecture=winner.architecture)
