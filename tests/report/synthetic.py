"""Synthetic but complete run folders, written through the real event log, so that reports are tested untrained."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from synthetic_plan import BINARY, COUNTS, Plan, manifest_of

from study.records import (
    DOCUMENT,
    SEARCH,
    SEED,
    TUNED,
    EventLog,
    Manifest,
    RunFolder,
    read_events,
    replay,
    seed_trial_id,
)
from study.report.core.study_run import Run

# The part of the variance of the answers that all networks have in common.
_SHARED = 0.8


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


@contextmanager
def changing(run: Run) -> Iterator[dict[str, Any]]:
    """The JSON of a run's manifest, to be changed in memory: the run then has what was made of it."""
    manifest = copy.deepcopy(run.manifest.to_json())
    yield manifest
    run.state.declared = Manifest.from_json(manifest)


def _write_search(log: EventLog, plan: Plan, pair: str, random: np.random.Generator) -> None:
    for number in range(plan.num_trials):
        trial = f"{pair}-search-{number}"
        lr = 1e-3 if number == 0 else float(10 ** random.uniform(-5, -2))
        recipe, origin = _searched_recipe(plan, pair, number, lr)
        audited = 1 <= number <= plan.audit
        _start(log, plan, trial, pair, SEARCH, number, "search", recipe, origin=origin, audited=audited)
        if pair in plan.no_finalist:
            log.append("failed", trial=trial, reason="RuntimeError: loss is not finite")
            continue
        lost = plan.num_trials - number
        if lost <= plan.failed.get(pair, 0):
            _write_epochs(log, trial, 1, 1.0, random)
            kind, reason = ("out of memory", "OutOfMemoryError: 2 GiB") if lost == 1 else ("diverged", "loss is nan")
            log.append("failed", trial=trial, kind=kind, reason=reason, traceback="")
            continue
        # The document's recipe is well below the best that the search finds, except for lenet.
        quality = plan.strengths[pair] - 0.25 * abs(np.log10(lr) + 3)
        quality -= 0.5 if number == 0 and pair != "lenet" else 0.0
        quality += 1.0 if number == 0 and pair == "lenet" else 0.0
        ends_at_rung = number % 3 == 2
        stopped = ends_at_rung and not audited
        epochs = 3 if stopped else plan.num_epochs
        _write_epochs(log, trial, epochs, quality, random)
        if ends_at_rung and audited:
            log.append("spared", trial=trial, epoch=3)
        if stopped:
            log.append("stopped", trial=trial, reason="not among the best at rung 3")
        elif plan.stage == "searching" and number == plan.num_trials - 1:
            return
        else:
            _complete(log, trial, epochs)


def _searched_recipe(plan: Plan, pair: str, number: int, lr: float) -> tuple[dict[str, Any], str]:
    """The recipe of a searched trial and where it comes from."""
    manifest = manifest_of(plan)
    tried = manifest["tried"][pair]
    recipe = manifest["pairs"][pair]["recipe"] | {"lr": lr}
    if number == 0:
        return recipe, "document"
    if number <= len(tried):
        return recipe | tried[number - 1], "tried"
    if number == len(tried) + 1 and pair in plan.default:
        return recipe | {"dropout": 0.2}, "default"
    own = np.random.default_rng(number)
    return recipe | {"dropout": float(own.uniform(0, 0.7)), "batchnorm": bool(own.integers(2))}, "search"


def _write_seed_runs(log: EventLog, folder: RunFolder, plan: Plan, pair: str, random: np.random.Generator) -> None:
    # Where the document's recipe wins the search, it is trained again once and stands for both.
    state = replay(read_events(folder.events))
    finalist = state.finalist(pair)
    for recipe_name in (DOCUMENT,) if finalist and finalist.number == 0 else (TUNED, DOCUMENT):
        strength = plan.strengths[pair] - (0.3 if recipe_name == DOCUMENT else 0.0)
        for number in range(plan.num_seeds):
            trial = seed_trial_id(pair, recipe_name, number)
            recipe = manifest_of(plan)["pairs"][pair]["recipe"]
            _start(log, plan, trial, pair, SEED, number, recipe_name, recipe)
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
    # An image is as hard for one network as for the next: seeds differ by less than images do.
    shared = np.random.default_rng(len(targets)).normal(size=(len(targets), len(counts)))
    logits = np.sqrt(_SHARED) * shared + np.sqrt(1 - _SHARED) * random.normal(size=shared.shape)
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
    log: EventLog,
    plan: Plan,
    trial: str,
    pair: str,
    kind: str,
    number: int,
    recipe_name: str,
    recipe: dict[str, Any],
    **later: Any,
) -> None:
    identity = {"pair": pair, "kind": kind, "number": number, "recipe_name": recipe_name}
    identity |= {"recipe": recipe, "seed": 100 + number}
    if plan.version == "0.1.0":
        log.append("started", trial=trial, **identity, attempt=1)
        return
    log.append("started", trial=trial, **identity, **later, micro_batch=0)
    next_attempt = {"epochs": 0, "micro_batch": plan.micro_batch.get(trial, 0)}
    for cause in plan.broken.get(trial, ()):
        log.append("attempt_failed", trial=trial, kind=cause, reason=f"was {cause}", traceback="", **next_attempt)
        log.append("started", trial=trial, **identity, **later, micro_batch=next_attempt["micro_batch"])


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
