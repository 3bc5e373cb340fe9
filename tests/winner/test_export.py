"""What is exported answers as the study's records say, without any code of ours."""

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from manifests import manifest_json
from safetensors.torch import load_file

import study
from study import architectures, export, records
from study.command import DONE, USER_ERROR
from study.errors import ResultsError
from study.evaluation.probability_correction import Correction
from study.records import TEST, TUNED, Manifest, RunFolder
from study.spec import Recipe
from study.training.data import Images, Standardization
from study.training.losses import probabilities
from study.winner import Winner
from study.winner.export import export as write
from study.winner.winner import Member

RUN = "tiny"


@pytest.fixture(scope="module")
def winner(finished_run: Path) -> Winner:
    return study.load_winner(RUN, finished_run)


@pytest.fixture(scope="module")
def exported(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("export") / "tiny"
    assert export.main([RUN, "--out", str(out), "--results", str(finished_run)]) == DONE
    return out


@pytest.fixture(scope="module")
def recorded(finished_run: Path, winner: Winner) -> records.Predictions:
    folder = RunFolder(finished_run / RUN)
    return records.read_predictions(folder, records.load_run(folder)).of(winner.architecture, TUNED, TEST)


@pytest.fixture(scope="module")
def pixels(tiny_images: Path, winner: Winner, recorded: records.Predictions) -> np.ndarray:
    return np.stack([winner.read(tiny_images / path) for path in recorded.paths])


def test_onnx_answers_to_test_what_was_recorded(
    exported: Path, winner: Winner, recorded: records.Predictions, pixels: np.ndarray
) -> None:
    session = onnxruntime.InferenceSession(exported / "model.onnx", providers=["CPUExecutionProvider"])
    ensemble, each = session.run(["probabilities", "each"], {"pixels": pixels})
    assert np.abs(each.transpose(1, 0, 2) - recorded.probabilities).max() <= 1e-5
    assert np.abs(ensemble - winner.ensemble(recorded.probabilities.astype(np.float32))).max() <= 1e-5
    (one,) = session.run(["probabilities"], {"pixels": pixels[:1]})
    assert np.abs(one - ensemble[:1]).max() <= 1e-5


def test_weights_and_card_are_enough_to_build_the_networks_again(
    exported: Path, recorded: records.Predictions, pixels: np.ndarray
) -> None:
    card = json.loads((exported / "card.json").read_text())
    images = Images(pixels, torch.device("cpu")).batch(torch.arange(len(pixels)))
    for run, expected in zip(card["seed_runs"], recorded.probabilities, strict=True):
        build = architectures.find(card["architecture"]).build
        model = build(Recipe(**run["recipe"]), len(card["classes"]), card["input"]["size_px"]).eval()
        model.load_state_dict(load_file(exported / run["file"]))
        with torch.inference_mode():
            answers = probabilities(model(Standardization(tuple(run["mean"]), tuple(run["std"]))(images)))
        assert np.abs(answers.numpy() - expected).max() <= 1e-5


def test_the_card_knows_every_file_and_what_it_was_checked_on(exported: Path) -> None:
    card = json.loads((exported / "card.json").read_text())
    files = {path.relative_to(exported).as_posix(): path for path in exported.rglob("*") if path.is_file()}
    del files["card.json"]
    assert card["sha256"] == {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    assert card["checked"]["images"] > 16
    assert card["checked"]["largest_difference"] <= 1e-5
    assert "no medical device" in card["use"]


def test_the_graph_says_nothing_of_the_machine_that_made_it(exported: Path) -> None:
    content = (exported / "model.onnx").read_bytes()
    assert str(Path(study.__file__).parent).encode() not in content
    assert b"site-packages" not in content


def test_a_cold_temperature_multiplies_rounding_and_is_no_reason_to_refuse(
    tmp_path: Path, winner: Winner, pixels: np.ndarray
) -> None:
    cold = [replace(m, correction=Correction(m.correction.weights, 0.05)) for m in winner.members]
    card = write(replace(winner, members=tuple(cold)), tmp_path / "out", pixels)
    assert card["checked"]["largest_difference"] <= 1e-5 / 0.05


def test_an_export_overwrites_nothing(finished_run: Path, exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in exported.rglob("*") if path.is_file()}
    assert export.main([RUN, "--out", str(exported), "--results", str(finished_run)]) == USER_ERROR
    assert "Give a new one" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in exported.rglob("*") if path.is_file()} == before


def test_a_graph_that_answers_otherwise_is_not_left_behind(tmp_path: Path, winner: Winner, pixels: np.ndarray) -> None:
    # A val probability that was not finite leaves no temperature.
    broken = replace(winner.members[0], correction=Correction(winner.members[0].correction.weights, float("nan")))
    with pytest.raises(ResultsError, match="must answer as torch does"):
        write(replace(winner, members=(broken,)), tmp_path / "out", pixels)
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named_with_its_extra(
    tmp_path: Path, finished_run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # What Python itself takes for a module that can't be imported.
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    assert export.main([RUN, "--out", str(tmp_path / "out"), "--results", str(finished_run)]) == USER_ERROR
    assert "uv sync --extra export" in capsys.readouterr().err


def networks():
    for name in architectures.names():
        if architectures.find(name).weights:
            # The exporter takes up to 17 s for these.
            yield pytest.param(name, 3, marks=pytest.mark.demo)
        else:
            yield from ((name, 2), (name, 3))


@pytest.mark.parametrize(("name", "num_classes"), list(networks()))
def test_every_architecture_can_be_exported(tmp_path: Path, name: str, num_classes: int) -> None:
    architecture = architectures.find(name)
    torch.manual_seed(0)
    model = architecture.build(architecture.recipe, 1 if num_classes == 2 else num_classes, 64).eval()
    member = Member(
        "seed0",
        architecture.recipe,
        model,
        Standardization((0.5,) * 3, (0.2,) * 3),
        Correction((1.0, 2.0, 0.5)[:num_classes], 1.3),
    )
    winner = Winner(
        run="drawn",
        architecture=name,
        classes=("a", "b", "c")[:num_classes],
        size_px=64,
        trimmed=False,
        window=None,
        members=(member,),
        threshold=0.5,
        appearance=None,
        device=torch.device("cpu"),
        manifest=Manifest.from_json(manifest_json()),
    )
    images = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3)).astype(np.uint8)
    # The export checks itself: it fails where ONNX Runtime and torch differ.
    assert write(winner, tmp_path / "out", images)["checked"]["largest_difference"] <= 1e-5
