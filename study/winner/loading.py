"""Finds a study's winner in its records."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from study import records
from study.command import to_go_on
from study.errors import DataError, ResultsError, UnknownNameError
from study.evaluation.appearance import Appearance
from study.evaluation.examples import best_architecture
from study.evaluation.operating_points import youden_threshold
from study.records import TUNED, VAL, Predictions, RunFolder, StudyState, Trial
from study.training import checkpoint
from study.training.correction import Correction
from study.winner.winner import Member, Winner


def load_winner(name: str, results: str | Path = "results", *, architecture: str = "", device: str = "cpu") -> Winner:
    """The best network of a study, by its val ROC-AUC: the mean over the seed runs of its tuned recipe.

    Args:
        name: of the run, or the path of its study file. The run on drawn images is meant where there is no other.
        results: the folder of all records.
        architecture: another network of the study than the best.
        device: "cpu" or "cuda".

    Raises:
        UnknownNameError: there is no such run, or no such network in it.
        ResultsError: it has no finished seed run, or its files are damaged.
        DataError: there is no GPU.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise DataError('The device "cuda" needs a GPU that torch can use, but there is none. Ask for "cpu".')
    folder = records.find_run(name, Path(results))
    state = records.load_run(folder)
    records.require_whole_predictions(folder, state)
    answers = _val_answers(folder, state)
    if not answers:
        raise ResultsError(
            f"A winner needs a seed run that has ended, but {folder.root} has none yet. Go on with the study: "
            f"{to_go_on(state.manifest['command'])}"
        )
    if architecture and architecture not in answers:
        raise UnknownNameError(f"trained network in {folder.root.name} called", architecture, answers)
    best = best_architecture(answers)
    chosen = architecture or best
    trials = [trial for trial in state.seed_runs(chosen, TUNED) if trial.number in answers[chosen].numbers]
    winner = _winner(folder, state.manifest, chosen, trials, answers[chosen], torch.device(device))
    return replace(winner, finished=state.finished, best=chosen == best)


def _val_answers(folder: RunFolder, state: StudyState) -> dict[str, Predictions]:
    found = records.read_predictions(folder, state)
    return {pair: each for (pair, recipe, split), each in found.items() if (recipe, split) == (TUNED, VAL)}


def _winner(
    folder: RunFolder,
    manifest: Mapping[str, Any],
    architecture: str,
    trials: list[Trial],
    val: Predictions,
    device: torch.device,
) -> Winner:
    dataset = manifest["dataset"]
    classes, size = tuple(dataset["classes"]), int(manifest["image_size"])
    counts = [int(manifest["counts"]["train"][name]) for name in classes]
    num_logits = 1 if len(classes) == 2 else len(classes)
    members = []
    for trial, probabilities in zip(trials, val.probabilities, strict=True):
        path = _whole_weights(folder, trial)
        model, standardization = checkpoint.load_outcome(path, architecture, trial.recipe, num_logits, size)
        correction = Correction.fitted(trial.recipe, counts, val.targets, probabilities)
        members.append(Member(trial.id, trial.recipe, model.to(device), standardization, correction))
    corrected = [member.correction(each) for member, each in zip(members, val.probabilities, strict=True)]
    binary = len(classes) == 2
    window = dataset.get("window")
    appearance = manifest.get("appearance")
    return Winner(
        run=str(manifest["run"]),
        architecture=architecture,
        classes=classes,
        size_px=size,
        trimmed=bool(dataset.get("trimmed", False)),
        window=(int(window[0]), int(window[1])) if window else None,
        members=tuple(members),
        threshold=youden_threshold(val.targets, np.mean(corrected, axis=0)) if binary else float("nan"),
        appearance=Appearance.from_record(appearance) if appearance else None,
        device=device,
        manifest=manifest,
    )


def _whole_weights(folder: RunFolder, trial: Trial) -> Path:
    path = folder.weights(trial.id)
    hashes = {name: sha256 for name, sha256 in trial.result.get("files", {}).items() if name.startswith("weights/")}
    if not path.exists() or folder.damaged(hashes):
        raise ResultsError(
            f"Weights must be as they were written, but {path} is missing or changed. Restore it from a backup, or "
            "give the study's command again: it says what can be mended."
        )
    return path
