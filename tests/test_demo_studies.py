"""Every study of the project, from one command to its reports: drawn images, demo budget, no network at hand.

Minutes of training, so it is not part of the default run: `pytest -m demo`.
"""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torch import nn

from study import records, registry
from study.cli.study_selection import find_study
from study.datasets import find as find_dataset
from study.records import COMPLETE, DOCUMENT, SEARCH, SEED, STOPPED, RunFolder, StudyState

pytestmark = [pytest.mark.demo, pytest.mark.timeout(3000)]

STUDIES = registry.names("search_spaces")
# What none of the documents' networks should fall below or rise above on drawings; chance is 0.5.
LOWEST_AUC, HIGHEST_AUC = 0.4, 1.0


def weights_with_statistics() -> nn.Module:
    """Torchvision's EfficientNet-B0 with random weights, whose batch normalization has seen images.

    With the statistics of a new network nothing would come through the frozen part but a constant.
    """
    torch.manual_seed(0)
    model = torchvision.models.efficientnet_b0(weights=None).train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            # The mean over all batches, instead of a moving one.
            module.momentum = None
    with torch.no_grad():
        for _ in range(4):
            model(nn.functional.interpolate(torch.randn(32, 3, 8, 8), size=64, mode="bilinear"))
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which `study.run all` was run, all studies as one experiment."""
    root = tmp_path_factory.mktemp("demo")
    torch.save(weights_with_statistics().state_dict(), root / "efficientnet_b0.pth")
    # Nothing can be downloaded, and nothing that was downloaded earlier is found.
    offline = dict.fromkeys(("https_proxy", "HTTPS_PROXY"), "http://127.0.0.1:9") | {"TORCH_HOME": str(root / "torch")}
    weights = ["--weights", "efficientnet_b0=efficientnet_b0.pth"]
    command = [sys.executable, "-m", "study.run", "all", *weights, "--cache", str(root / "cache")]
    ended = subprocess.run(command, cwd=root, env=os.environ | offline, stderr=subprocess.PIPE, text=True, check=False)
    print(ended.stderr)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return root


def state_of(folder: Path, study: str) -> StudyState:
    return records.load_run(RunFolder(folder / "results" / f"{study}-standin"))


def report_of(folder: Path, study: str) -> str:
    return (folder / "reports" / f"{study}-standin.md").read_text()


@pytest.mark.parametrize("study", STUDIES)
def test_each_pair_has_its_searched_trials_and_early_stopping_ended_some(folder: Path, study: str) -> None:
    state = state_of(folder, study)
    assert state.finished
    assert list(state.manifest.pairs) == list(find_study(study).names)
    for pair in state.manifest.pairs:
        searched = state.of_kind(SEARCH, pair)
        assert len(searched) == state.manifest.budget.trials
        # Where each trial of a pair happens to be better than the one before, none of that pair is stopped.
        assert {COMPLETE} <= {trial.state for trial in searched} <= {STOPPED, COMPLETE}, pair
    assert any(trial.state == STOPPED for trial in state.of_kind(SEARCH))


@pytest.mark.parametrize("study", STUDIES)
def test_the_report_says_drawn_and_shows_the_documents_rows_beside_ours(folder: Path, study: str) -> None:
    report, declared = report_of(folder, study), find_study(study)
    assert "DRAWN" in "\n".join(report.splitlines()[:4])
    assert declared.published
    for result in declared.published:
        assert f"{result.label} *(document {declared.document}, as published" in report
    for pair in declared.names:
        assert f"\n| {pair}" in report


@pytest.mark.parametrize("study", STUDIES)
def test_test_scores_are_those_of_networks_that_have_learnt_something(folder: Path, study: str) -> None:
    with (folder / "reports" / f"{study}-standin" / "results.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if (row["recipe"], row["split"]) == ("tuned", "test")]
    scores = {row["architecture"]: float(row["roc_auc"]) for row in rows}
    assert list(scores) == list(find_study(study).names)
    assert all(LOWEST_AUC < score < HIGHEST_AUC for score in scores.values()), scores
    assert max(scores.values()) > 0.6, scores


@pytest.mark.parametrize("study", ["brain_tumor", "histopathologic"])
def test_efficientnet_starts_from_the_given_weights(folder: Path, study: str) -> None:
    pair = state_of(folder, study).manifest.pairs["efficientnet_b0"]
    assert pair.weights is not None
    assert pair.weights.source == "file efficientnet_b0.pth"
    assert "FROM SCRATCH" not in pair.title


def test_efficientnet_goes_through_both_stages(folder: Path) -> None:
    state = state_of(folder, "brain_tumor")
    runs = [t for t in state.of_kind(SEED, "efficientnet_b0") if t.recipe_name == DOCUMENT]
    assert len(runs) == state.manifest.budget.seeds
    for trial in runs:
        freeze, lr, fine_tune_lr = (getattr(trial.recipe, name) for name in ("freeze_epochs", "lr", "fine_tune_lr"))
        assert freeze == 2
        rates = [epoch["lr"] for epoch in trial.epochs]
        assert rates == [lr] * freeze + [fine_tune_lr] * (len(rates) - freeze)


def test_what_could_not_be_pretrained_is_marked_on_every_page(folder: Path) -> None:
    assert set(state_of(folder, "brain_tumor").manifest.from_scratch) == {"resnet18", "densenet121"}
    for page in (report_of(folder, "brain_tumor"), (folder / "reports" / "README.md").read_text()):
        assert "from scratch" in page.lower()
    assert "FROM SCRATCH" not in report_of(folder, "her2_binary")


def test_a_shorter_budget_than_the_documents_is_called_truncated(folder: Path) -> None:
    assert "200 epochs" in report_of(folder, "her2_score")
    assert "truncated" in report_of(folder, "her2_score")


@pytest.mark.parametrize("study", STUDIES)
def test_the_stand_in_lies_in_the_datasets_own_layout(folder: Path, study: str) -> None:
    name = find_study(study).dataset
    dataset = find_dataset(name)
    (drawn,) = (folder / "cache" / "stand-in").glob(f"{name}-v*")
    samples = dataset.scan(drawn)
    assert len(samples) == sum(sum(by_class.values()) for by_class in dataset.stand_in.values())


def test_a_submission_has_the_ids_and_probabilities_that_kaggle_asks_for_and_doubts_are_named(folder: Path) -> None:
    (drawn,) = (folder / "cache" / "stand-in").glob("histopathologic_cancer-v*")
    images = sorted((drawn / "train").iterdir())[:20]
    (folder / "strange").mkdir()
    strange = folder / "strange" / "noise.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)).save(strange)
    given = ["histopathologic", *map(str, images), str(strange), "--results", str(folder / "results")]

    def predicted(*more: str) -> tuple[list[dict[str, str]], str]:
        command = [sys.executable, "-m", "study.predict", *given, *more]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        return list(csv.DictReader(done.stdout.splitlines())), done.stderr

    rows, said = predicted("--submission")
    table, _ = predicted()
    assert list(rows[0]) == ["id", "label"]
    assert [row["id"] for row in rows] == [image.stem for image in images] + ["noise"]
    assert [row["label"] for row in rows] == [row["p_tumor"] for row in table]
    assert f"1 unlike the training images: don't trust the answers for these ({strange})" in said
