"""Synthetic but complete run folders, written through the real event log, so that reports are tested untrained."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from study.records import DOCUMENT, SEARCH, SEED, TUNED, EventLog, RunFolder, read_events, replay, seed_trial_id
from study.spec import Recipe

BINARY = {"lenet": 1.0, "alexnet": 1.05, "hahnet": 2.2}
COUNTS = {
    2: {
        "train": {"negative": 90, "positive": 220},
        "val": {"negative": 16, "positive": 40},
        "test": {"negative": 62, "positive": 158},
    },
    4: {
        "train": {"glioma": 120, "meningioma": 118, "no_tumor": 60, "pituitary": 121},
        "val": {"glioma": 21, "meningioma": 21, "no_tumor": 10, "pituitary": 21},
        "test": {"glioma": 50, "meningioma": 57, "no_tumor": 52, "pituitary": 37},
    },
}
PUBLISHED = {
    "label": "LeNet-Based",
    "architecture": "lenet",
    "split": "val",
    "accuracy": 0.706,
    "precision": 0.838,
    "recall": 0.723,
    "roc_auc": 0.7785,
    "roc_auc_weighted": None,
    "note": "Rounded by the document.",
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the synthetic run looks like.

    Attributes:
        strengths: architecture -> how far the classes lie apart in its answers; the ranking follows from it.
        always: architectures that answer the last class whatever they see.
        stage: "declared", "searching", "seeds" or "tested": how far the run has come.
        no_finalist: architectures all of whose searched trials failed.
        lost_seeds: architecture -> number of a tuned seed run that failed.
        short: id of a seed run -> epoch after which it ended early.
        manifest: what the manifest has otherwise than usual, nested as it is.
    """

    name: str = "her2_binary"
    num_classes: int = 2
    strengths: dict[str, float]
    always: tuple[str, ...] = ()
    stage: str = "tested"
    stand_in: bool = False
    no_finalist: tuple[str, ...] = ()
    lost_seeds: dict[str, int] = field(default_factory=dict)
    short: dict[str, int] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    num_trials: int = 8
    num_epochs: int = 9
    num_seeds: int = 3


def write_run(results: Path, **changes: Any) -> RunFolder:
    plan = Plan(**{"strengths": BINARY} | changes)
    folder = RunFolder(results / plan.name)
    log = EventLog(folder.events)
    log.append("declared", manifest=manifest_of(plan))
    stages = ("declared", "searching", "seeds", "tested")
    random = np.random.default_rng(7)
    if stages.index(plan.stage) >= 1:
        for pair in plan.strengths:
            _write_search(log, plan, pair, random)
    if stages.index(plan.stage) >= 2:
        for pair in plan.strengths:
            if pair not in plan.no_finalist:
                _write_seed_runs(log, folder, plan, pair, random)
    if plan.stage == "tested":
        num_images = sum(COUNTS[plan.num_classes]["test"].values())
        trials = sorted({path.name.removesuffix("-test.csv") for path in folder.root.glob("*/*-test.csv")})
        log.append("test_opened", split_hash="5" * 64, num_images=num_images, trials=trials)
        log.append("finished")
    log.close()
    return folder


def manifest_of(plan: Plan) -> dict[str, Any]:
    counts = COUNTS[plan.num_classes]
    recipe = Recipe(pos_weight=0.41 if plan.num_classes == 2 else 1.0).hyperparameters()
    unused = {"pos_weight" if plan.num_classes > 2 else "class_weight_power", "width", "depth", "pretrained"}
    unused |= {"freeze_epochs", "fine_tune_lr"}
    space = {
        "lr": {"kind": "loguniform", "low": 1e-5, "high": 1e-2, "log": True},
        "dropout": {"kind": "uniform", "low": 0.0, "high": 0.7, "log": False},
        "batchnorm": {"kind": "choice", "values": [False, True]},
    }
    manifest = {
        "run": plan.name,
        "study": "her2_binary",
        "title": "HER2 status from IHC patches",
        "document": "001",
        "notes": ["The document names no image size."],
        "stand_in": plan.stand_in,
        "command": "python -m study.run her2_binary",
        "seed": 11,
        "image_size": 64,
        "val_fraction": 0.15,
        "created": "2026-03-14T09:26:53+00:00",
        "commit": "0123456789abcdef0123",
        "versions": {"study": "0.1.0", "python": "3.11.9", "torch": "2.14.1", "ray": "2.60.0"},
        "machine": {"device": "cpu", "cpu": "Example CPU", "num_cpus": 2},
        "slots": {"num": 2, "cpus": 1, "gpus": 0},
        "budget": {
            "name": "demo",
            "trials": plan.num_trials,
            "epochs": plan.num_epochs,
            "seeds": plan.num_seeds,
        },
        "reduction_factor": 3,
        "dataset": {
            "name": "example",
            "title": "Example patches",
            "edition": "",
            "licence": "CC0",
            "source": "https://example.org",
            "classes": list(counts["train"]),
            "modality": "ihc",
            "how_to_get": "Ask for it.",
            "expected": {"development": {"all": 500}, "test": {"all": 220}},
            "group_meaning": "",
        },
        "data_hash": "d" * 64,
        "split_hash": "5" * 64,
        "counts": counts,
        "left_out": {"stands in the test split too": 12},
        "duplicates": {"extra_copies": 31, "byte_identical_copies": 20, "groups": 29, "spanning_test": 12},
        "skipped": ["train/00007_train_1+.png: cannot identify image file"],
        "pairs": {
            pair: {
                "title": f"The {pair}",
                "recipe": recipe,
                "stated": {"optimizer": "document 001, line 9"},
                "document_epochs": None,
                "uses": [name for name in recipe if name not in unused],
                "cam_layer": "features",
                "rungs": [3],
                "weights": None,
                "num_parameters": 61_706,
                "reference": False,
            }
            for pair in plan.strengths
        },
        "from_scratch": {},
        "space": dict.fromkeys(plan.strengths, space),
        "tried": {pair: [] for pair in plan.strengths},
        "published": [PUBLISHED] if plan.num_classes == 2 else [],
        "published_epochs": [],
    }
    return merged(manifest, plan.manifest)


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """`new` over `old`, nested dictionaries entry by entry."""
    nested = [name for name in new if isinstance(new[name], dict) and isinstance(old.get(name), dict)]
    return old | new | {name: merged(old[name], new[name]) for name in nested}


def _write_search(log: EventLog, plan: Plan, pair: str, random: np.random.Generator) -> None:
    for number in range(plan.num_trials):
        trial = f"{pair}-search-{number}"
        lr = 1e-3 if number == 0 else float(10 ** random.uniform(-5, -2))
        manifest = manifest_of(plan)
        tried = manifest["tried"][pair]
        recipe = manifest["pairs"][pair]["recipe"] | {"lr": lr}
        recipe |= tried[number - 1] if 1 <= number <= len(tried) else {}
        _start(log, trial, pair, SEARCH, number, "search", recipe)
        if pair in plan.no_finalist:
            log.append("failed", trial=trial, reason="RuntimeError: loss is not finite")
            continue
        stopped = number % 3 == 2
        # The document's recipe is well below the best that the search finds, except for lenet.
        quality = plan.strengths[pair] - 0.25 * abs(np.log10(lr) + 3)
        quality -= 0.5 if number == 0 and pair != "lenet" else 0.0
        quality += 1.0 if number == 0 and pair == "lenet" else 0.0
        epochs = 3 if stopped else plan.num_epochs
        _write_epochs(log, trial, epochs, quality, random)
        if stopped:
            log.append("stopped", trial=trial, reason="not among the best at rung 3")
        elif plan.stage == "searching" and number == plan.num_trials - 1:
            return
        else:
            _complete(log, trial, epochs)


def _write_seed_runs(log: EventLog, folder: RunFolder, plan: Plan, pair: str, random: np.random.Generator) -> None:
    # Where the document's recipe wins the search, it is trained again once and stands for both.
    state = replay(read_events(folder.events))
    finalist = state.finalist(pair)
    for recipe_name in (DOCUMENT,) if finalist and finalist.number == 0 else (TUNED, DOCUMENT):
        strength = plan.strengths[pair] - (0.3 if recipe_name == DOCUMENT else 0.0)
        for number in range(plan.num_seeds):
            trial = seed_trial_id(pair, recipe_name, number)
            recipe = manifest_of(plan)["pairs"][pair]["recipe"]
            _start(log, trial, pair, SEED, number, recipe_name, recipe)
            if recipe_name == TUNED and plan.lost_seeds.get(pair) == number:
                log.append("failed", trial=trial, reason="RuntimeError: out of memory")
                continue
            epochs = plan.short.get(trial, plan.num_epochs)
            _write_epochs(log, trial, epochs, strength, random)
            for split in ("train", "val", "test") if plan.stage == "tested" else ("train", "val"):
                table = _predictions(plan, split, strength, random, always=pair in plan.always)
                path = folder.predictions(trial, split)
                path.parent.mkdir(parents=True, exist_ok=True)
                table.to_csv(path, index=False)
            _complete(log, trial, epochs)


def _predictions(plan: Plan, split: str, strength: float, random: np.random.Generator, *, always: bool) -> pd.DataFrame:
    counts = COUNTS[plan.num_classes][split]
    targets = np.repeat(np.arange(len(counts)), list(counts.values()))
    logits = random.normal(size=(len(targets), len(counts)))
    logits[np.arange(len(targets)), targets] += strength + (0.6 if split == "train" else 0.0)
    logits[:, -1] += 9.0 if always else 0.0
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    rows = {
        "path": [f"{split}/{row:04d}.png" for row in range(len(targets))],
        "group": [f"{split}{row // 2}" if row < 20 else f"{split}{row}" for row in range(len(targets))],
        "split": split,
        "target": targets,
    }
    return pd.DataFrame(rows | {f"p_{name}": probabilities[:, i] for i, name in enumerate(counts)})


def _start(
    log: EventLog, trial: str, pair: str, kind: str, number: int, recipe_name: str, recipe: dict[str, Any]
) -> None:
    identity = {"pair": pair, "kind": kind, "number": number, "recipe_name": recipe_name}
    log.append("started", trial=trial, **identity, recipe=recipe, seed=100 + number, attempt=1)


def _write_epochs(log: EventLog, trial: str, epochs: int, strength: float, random: np.random.Generator) -> None:
    for epoch in range(1, epochs + 1):
        learnt = 1 - np.exp(-epoch / 3)
        noise = float(random.normal() * 0.01)
        auc = min(0.99, 0.5 + 0.17 * max(strength, 0.1) * learnt + noise)
        log.append(
            "epoch",
            trial=trial,
            epoch=epoch,
            lr=1e-3,
            train_loss=0.7 - 0.4 * learnt + noise,
            train_accuracy=0.5 + 0.4 * learnt + noise,
            train_roc_auc=min(0.999, auc + 0.05),
            val_loss=0.7 - 0.3 * learnt + 0.02 * max(0, epoch - 5) + noise,
            val_accuracy=0.5 + 0.3 * learnt - noise,
            val_roc_auc=auc,
            seconds=60.0,
            seconds_train=50.0,
            seconds_val=10.0,
            checkpoint=None,
        )


def _complete(log: EventLog, trial: str, epochs: int) -> None:
    result = {"epochs": epochs, "best_epoch": epochs - 1, "best_score": 0.8, "best_loss": 0.5}
    log.append("completed", trial=trial, **result, seconds=60.0 * epochs, num_parameters=61_706)
