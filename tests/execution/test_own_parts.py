"""A study that uses files from outside of the package, and one that chooses by another metric than ROC-AUC."""

import importlib
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from study import load_winner, parts, records
from study.command import DONE
from study.errors import DeclarationError
from study.evaluation import metrics
from study.records import SEARCH, SEED, RunFolder
from study.report import draw_report

Command = Callable[..., int]
RANKED = ("roc_auc", "roc_auc_weighted")
NETWORK = '''
"""One convolution."""
from torch import nn
from study.architectures import Architecture
from study.architectures._layers import features_and_head
from study.spec import Recipe

ARCHITECTURE = Architecture(
    title="Thimble",
    hyperparameters=("dropout",),
    build=lambda recipe, num_logits, size_px: features_and_head(
        [nn.Conv2d(3, 8, 3, stride=2), nn.ReLU()],
        [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(recipe.dropout), nn.Linear(8, num_logits)],
    ),
    recipe=Recipe(optimizer="adam", lr=3e-3, batch_size=8),
)
'''
METRIC = '''
"""The mean probability that was given to the right class."""
import numpy as np
from study.evaluation.metric import Metric

def _score(answers):
    of_target = answers.probabilities[np.arange(len(answers.targets)), answers.targets]
    return of_target @ answers.weights / answers.weights.sum(axis=0)

METRIC = Metric(name="certainty", title="Certainty", score=_score, shown_as="fraction", is_proportion=False)
'''
POLICY = '''
"""The same learning rate, halved each time."""
from study.search import Standard


class _Halving:
    def describe(self):
        return {"title": "halving the learning rate"}

    def suggest(self, history):
        return {"lr": 1e-2 / 2 ** len(history.trials)}

def POLICY(problem, early_stopping):
    return Standard(problem, _Halving(), early_stopping)
'''
READER = '''
"""Arrays of NumPy, one image each."""
import io
import numpy as np
from study.datasets.readers import ImageReader, ReadImage

READER = ImageReader(
    title="arrays of NumPy",
    suffixes=(".npy",),
    can_read=lambda head, name: head.startswith(b"\\x93NUMPY"),
    read=lambda content: ReadImage(np.load(io.BytesIO(content))),
)
'''
SECTION = '''
"""How many epochs were trained."""
from study.report.core.section import Section

SECTION = Section(
    title="How long it took",
    render=lambda context: f"{sum(len(t.epochs) for t in context.run.state.trials.values())} epochs.",
)
'''


BLIND = '''
"""ROC-AUC, and all that is made of it, undefined in each process that gets this file."""
import numpy as np
from study.evaluation.metric import Metric
from study.evaluation.metrics import find

for name in ("roc_auc", "roc_auc_weighted"):
    object.__setattr__(find(name), "score", lambda answers: np.full(answers.weights.shape[1], np.nan))

METRIC = Metric(name="blind", title="Blind", score=lambda answers: answers.decisions["accuracy"])
'''


@pytest.fixture(autouse=True)
def parts_of_this_test() -> Iterator[None]:
    """What is given to this process, or changed in it, is gone after the test."""
    kinds = [importlib.import_module(package).KIND for package in parts._PACKAGES.values()]
    given, scores = [dict(kind._given) for kind in kinds], [metrics.find(name) for name in RANKED]
    scores = [metric.score for metric in scores]
    yield
    for kind, before in zip(kinds, given, strict=True):
        kind._given.clear()
        kind._given.update(before)
    for name, score in zip(RANKED, scores, strict=True):
        object.__setattr__(metrics.find(name), "score", score)


def write(folder: Path, **files: str) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return {name: str(folder / f"{name}.py") for name in files}


def test_a_study_is_made_of_files_from_outside_of_the_package(
    ray_started: None, command: Command, tiny_images: Path, tmp_path: Path
) -> None:
    mine = {"thimble": NETWORK, "certainty": METRIC, "halving": POLICY, "numpy_array": READER, "duration": SECTION}
    paths = write(tmp_path / "mine", **mine)
    images = Path(shutil.copytree(tiny_images, tmp_path / "images"))
    healthy = list((images / "Training" / "no_tumor").iterdir())
    for path in healthy:
        with Image.open(path) as picture:
            np.save(path.with_suffix(".npy"), np.asarray(picture.convert("L")))
        path.unlink()
    given = ["--architecture", paths["thimble"], "--objective", paths["certainty"], "--search", paths["halving"]]
    given += ["--data", str(images), "--reader", paths["numpy_array"], "--section", paths["duration"]]
    given += ["--early-stopping", "none", "--trials", "3", "--epochs", "2"]
    assert command(tmp_path, *given, "--seeds", "1") == DONE

    folder = RunFolder(tmp_path / "tiny")
    state = records.load_run(folder)
    assert {(part.kind, part.name) for part in state.manifest.parts} == {
        (parts.ARCHITECTURE, "thimble"),
        (parts.METRIC, "certainty"),
        (parts.SEARCH, "halving"),
        (parts.READER, "numpy_array"),
        (parts.SECTION, "duration"),
    }
    assert state.manifest.read_by["numpy_array"] == len(healthy)
    assert state.manifest.pairs["thimble"].search["title"] == "halving the learning rate; no early stopping"
    searched = state.of_kind(SEARCH, "thimble")
    assert searched[2].recipe.lr == pytest.approx(1e-2 / 4)
    assert all("val_certainty" in epoch for trial in searched for epoch in trial.epochs)
    page = (tmp_path / "reports" / "tiny.md").read_text()
    for words in (
        "Certainty",
        "halving the learning rate",
        "## How long it took",
        "the architecture thimble",
        "the image reader numpy_array",
    ):
        assert words in page, words
    # Whoever has the records alone has the parts, too.
    for path in paths.values():
        Path(path).unlink()
    assert "Certainty" in draw_report(folder, tmp_path / "again").read_text()
    assert load_winner("tiny", tmp_path).architecture == "thimble"
    copy = folder.parts / "architecture-thimble.py"
    copy.write_text(copy.read_text() + "\n# another one")
    with pytest.raises(DeclarationError, match=r"architecture-thimble.py is missing or changed"):
        load_winner("tiny", tmp_path)


def test_with_another_objective_nothing_depends_on_roc_auc(ray_started: None, command: Command, tmp_path: Path) -> None:
    blind = write(tmp_path / "mine", blind=BLIND)["blind"]
    # One slot, as the order of trials decides who is stopped.
    given = ["--objective", "mcc", "--metric", blind, "--cpus-per-trial", "2"]
    assert command(tmp_path, *given) == DONE
    folder = RunFolder(tmp_path / "tiny")
    state = records.load_run(folder)
    assert state.finished
    for pair in state.manifest.pairs:
        searched = state.of_kind(SEARCH, pair)
        assert all(math.isnan(epoch["val_roc_auc"]) for trial in searched for epoch in trial.epochs)
        ended = [trial for trial in searched if trial.state == records.COMPLETE]
        stopped = [trial for trial in searched if trial.state == records.STOPPED]
        assert len(ended) + len(stopped) == 5
        assert stopped
        finalist = state.finalist(pair)
        assert finalist is not None
        assert finalist.best_score == max(trial.best_score for trial in ended)
        for run in state.of_kind(SEED, pair):
            # The best epoch is the best by MCC.
            best = max(run.epochs, key=lambda epoch: (epoch["val_mcc"], -epoch["val_loss"]))
            assert (run.result["best_epoch"], run.result["best_score"]) == (best["epoch"], best["val_mcc"])
    table = pd.read_csv(folder.trials)
    assert "best_val_mcc" in table
    page = (tmp_path / "reports" / "tiny.md").read_text()
    verdict = next(line for line in page.splitlines() if line.startswith("*Verdict.*"))
    assert "test MCC" in verdict
    assert "by 0.000" not in verdict
    assert "the highest val MCC wins" in page
    assert load_winner("tiny", tmp_path).architecture in state.manifest.pairs
