"""Finds a study's winner in its records."""

from dataclasses import replace
from pathlib import Path

import torch

from study import parts, records
from study.command import to_go_on
from study.errors import DataError, ResultsError, StudyError, UnknownNameError
from study.evaluation.appearance import Appearance
from study.evaluation.operating_points import sensitivity_threshold
from study.records import TUNED, VAL, Manifest, Predictions, RunFolder, Trial
from study.selection import best_architecture
from study.training import checkpoint
from study.training.deployment import Deployment
from study.winner.winner import Member, Winner


def load_winner(
    name: str,
    results: str | Path = "results",
    *,
    architecture: str = "",
    device: str = "cpu",
    threshold: float | None = None,
    sensitivity: float | None = None,
) -> Winner:
    """The best network of a study, by its val ROC-AUC: the mean over the seed runs of its tuned recipe.

    Args:
        name: of the run, or the path of its study file. The run on drawn images is meant where there is no other.
        results: the folder of all records.
        architecture: another network of the study than the best.
        device: "cpu" or "cuda".
        threshold: of two classes, the probability of the positive one from which it is decided for, in (0, 1]; by
            default the one that Youden's rule chooses on val.
        sensitivity: instead of a threshold: the highest one at which this share of the positives of val is found, in
            (0, 1].

    Raises:
        UnknownNameError: there is no such run, or no such network in it.
        ResultsError: it has no finished seed run, or its files are damaged.
        DataError: there is no GPU.
        StudyError: a threshold or a sensitivity is out of range, both are given, or there are more than two classes.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise DataError('The device "cuda" needs a GPU that torch can use, but there is none. Ask for "cpu".')
    folder = records.find_run(name, Path(results))
    state = records.load_run(folder)
    needed = (parts.ARCHITECTURE, parts.METRIC, parts.READER)
    parts.give_kept(folder.parts, state.manifest.parts, needed)
    records.require_whole_predictions(folder, state)
    answers = records.read_predictions(folder, state).by_architecture(TUNED, VAL)
    if not answers:
        raise ResultsError(
            f"A winner needs a seed run that has ended, but {folder.root} has none yet. Go on with the study: "
            f"{to_go_on(state.manifest.command)}"
        )
    if architecture and architecture not in answers:
        raise UnknownNameError(f"trained network in {folder.root.name} called", architecture, answers)
    best = best_architecture(answers, state.objective.name)
    chosen = architecture or best
    trials = [trial for trial in state.seed_runs(chosen, TUNED) if trial.number in answers[chosen].numbers]
    winner = _winner(folder, state.manifest, chosen, trials, answers[chosen], torch.device(device))
    winner = replace(winner, finished=state.finished, best=chosen == best)
    if threshold is not None or sensitivity is not None:
        _require_two_classes(winner, threshold, sensitivity)
    if sensitivity is not None:
        on_val = winner.ensemble(answers[chosen].probabilities)
        found = sensitivity_threshold(answers[chosen].targets, on_val, sensitivity)
        return replace(
            winner, threshold=found, rule=f"which finds at least {100 * sensitivity:g} % of the positives of val"
        )
    return winner if threshold is None else replace(winner, threshold=threshold, rule="as given")


def _require_two_classes(winner: Winner, threshold: float | None, sensitivity: float | None) -> None:
    if threshold is not None and sensitivity is not None:
        raise StudyError("A sensitivity chooses the threshold, but both were given. Give one of them.")
    if len(winner.classes) != 2:
        raise StudyError(
            f"A threshold is for two classes, but {winner.run} has {len(winner.classes)}, of which the most "
            "probable one is answered. Leave it out."
        )
    for name, value in (("threshold", threshold), ("sensitivity", sensitivity)):
        if value is not None and not 0 < value <= 1:
            raise StudyError(f"A {name} must be above 0 and at most 1, but is {value:g}. Give another one.")


def _winner(
    folder: RunFolder,
    manifest: Manifest,
    architecture: str,
    trials: list[Trial],
    val: Predictions,
    device: torch.device,
) -> Winner:
    dataset = manifest.dataset
    classes, size = dataset.classes, manifest.image_sizes[architecture]
    appearance = manifest.appearance_of(architecture)
    counts = [manifest.counts["train"][name] for name in classes]
    num_logits = 1 if len(classes) == 2 else len(classes)
    deployment = Deployment.fitted([trial.recipe for trial in trials], counts, val.targets, val.probabilities)
    members = []
    for trial, correction in zip(trials, deployment.corrections, strict=True):
        path = _whole_weights(folder, trial)
        model, standardization = checkpoint.load_outcome(path, architecture, trial.recipe, num_logits, size)
        members.append(Member(trial.id, trial.recipe, model.to(device), standardization, correction))
    return Winner(
        run=manifest.run,
        architecture=architecture,
        classes=classes,
        size_px=size,
        trimmed=dataset.trimmed,
        window=dataset.window,
        members=tuple(members),
        threshold=deployment.threshold,
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
