"""What a study's records say of it: declaration, machine, versions, commit."""

import math
import platform
import subprocess
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution

from study import architectures
from study.architectures import Architecture
from study.datasets import Dataset, Edition
from study.evaluation import metrics
from study.planning.pretrained_weights import longest_freeze
from study.planning.resources import usable_cpus
from study.records import Objective
from study.search import Problem, make_policy
from study.spec import HYPERPARAMETERS, Budget, Recipe, Study, ray_domains
from study.training.optimization import WARM_UP_SHARE
from study.training.pretrained import Pretrained

# Gentle, for slow starters often end best: `bench/search.py replay --variants`.
_REDUCTION_FACTOR = 2
_GRACE_DIVISOR = 5


def make_manifest(
    *,
    run: str,
    name: str,
    study: Study,
    references: Sequence[str],
    dataset: Dataset,
    edition: Edition,
    budget: Budget,
    pretrained: Mapping[str, Pretrained],
    command: str,
    budget_name: str,
    seed: int,
) -> dict[str, Any]:
    """What is declared, how it is run and on what: all but what follows from the images.

    `study` is as it will be run: its recipes are resolved to numbers. The recipes of `references` are not the
    document's.
    """
    image_size = budget.image_size or study.image_size
    manifest: dict[str, Any] = {
        "run": run,
        "study": name,
        "title": study.title,
        "document": study.document,
        "notes": list(study.notes),
        "command": command,
        "seed": seed,
        "image_size": image_size,
        "val_fraction": study.val_fraction,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "versions": {p: metadata.version(p) for p in ("study", "torch", "torchvision", "ray", "optuna")}
        | {"python": platform.python_version()},
        "machine": {"cpu": cpu_model(), "num_cpus": usable_cpus()},
        "budget": {"name": budget_name, **asdict(budget)},
        "reduction_factor": _REDUCTION_FACTOR,
        "dataset": {
            "name": study.dataset_name,
            "title": dataset.title,
            "edition": edition.title,
            "licence": dataset.licence,
            "source": edition.source,
            "how_to_get": dataset.how_to_get,
            "classes": list(dataset.classes),
            "modality": dataset.modality,
            "ordinal": dataset.ordinal,
            "trimmed": dataset.trimmed,
            "window": dataset.window,
            "expected": edition.expected,
            "group_meaning": dataset.group_meaning,
        },
        "pairs": {
            pair: _pair(study, pair, dataset, budget.epochs, image_size, pretrained.get(pair))
            | {"reference": pair in references}
            for pair in study.pairs
        },
        "space": {pair: ray_domains.describe(study.space_of(pair)) for pair in study.pairs},
        "tried": {pair: list(study.tried.get(pair, ())) for pair in study.pairs},
        "published": [asdict(result) for result in study.published],
        "published_epochs": [asdict(row) for row in study.published_epochs],
        "objective": _objective(study).to_json(),
        "search": {"policy": study.search, "early_stopping": study.early_stopping},
    }
    for pair, entry in manifest["pairs"].items():
        entry |= _search(manifest, pair, ray_domains.distributions(study.space_of(pair)))
    return manifest


def problem_of(manifest: Mapping[str, Any], pair: str, distributions: Mapping[str, BaseDistribution]) -> Problem:
    """What the search of a pair is about, as the study began with it."""
    budget, entry = manifest["budget"], manifest["pairs"][pair]
    # A run of an earlier version has rungs only, and none where the budget was too short for them.
    rungs = entry.get("rungs") or [budget["epochs"]]
    return Problem(
        architecture=pair,
        distributions=distributions,
        objective=Objective.from_json(manifest.get("objective")),
        trials=budget["trials"],
        epochs=budget["epochs"],
        seed=manifest["seed"],
        grace=entry.get("grace", rungs[0]),
        reduction_factor=manifest["reduction_factor"],
    )


def _objective(study: Study) -> Objective:
    metric = metrics.find(study.objective)
    return Objective(metric.name, metric.title, metric.greater_is_better, metric.shown_as)


def _search(manifest: Mapping[str, Any], pair: str, distributions: Mapping[str, BaseDistribution]) -> dict[str, Any]:
    """How the policy describes itself, and at which epochs it compares trials."""
    chosen = manifest["search"]
    policy = make_policy(
        problem_of(manifest, pair, distributions), search=chosen["policy"], stopping=chosen["early_stopping"]
    )
    described = dict(policy.describe())
    return {"rungs": list(described.pop("rungs", [])), "search": described}


def _pair(
    study: Study, pair: str, dataset: Dataset, epochs: int, image_size: int, pretrained: Pretrained | None
) -> dict[str, Any]:
    recipe, architecture = study.pairs[pair], architectures.find(pair)
    return {
        "title": architecture.title,
        "recipe": recipe.hyperparameters(),
        "stated": dict(recipe.stated),
        "document_epochs": recipe.epochs,
        "uses": _used(recipe, architecture, dataset, study.space_of(pair)),
        "cam_layer": architecture.cam_layer,
        "grace": grace_period(study, pair, epochs),
        "weights": {"source": pretrained.source, "sha256": pretrained.sha256} if pretrained else None,
        "num_parameters": architectures.num_parameters(architecture.build(recipe, dataset.num_logits, image_size)),
    }


def grace_period(study: Study, pair: str, epochs: int) -> int:
    """The first rung: a while, and not before everything is trained and the learning rate has stopped rising."""
    frozen = longest_freeze(study, pair)
    rises = "onecycle" in ray_domains.possible_values(study, pair, "schedule")
    warm_up = math.ceil(WARM_UP_SHARE * (epochs - frozen)) if rises else 1
    return max(1, epochs // _GRACE_DIVISOR, frozen + warm_up)


def _used(recipe: Recipe, architecture: Architecture, dataset: Dataset, searched: Container[str]) -> list[str]:
    """The hyperparameters that make a difference for this pair."""
    unused = set(architectures.NETWORK_HYPERPARAMETERS) - set(architecture.hyperparameters)
    unused.add("class_weight_power" if dataset.binary else "pos_weight")
    if not recipe.pretrained:
        unused |= {"freeze_epochs", "fine_tune_lr"}
        if not architecture.weights:
            unused.add("pretrained")
    elif not recipe.freeze_epochs:
        unused.add("fine_tune_lr")
    return [name for name in HYPERPARAMETERS if name not in unused or name in searched]


def _commit() -> str:
    """Short hash of the code's commit, "+" where files differ from it; "" outside a repository."""
    here = Path(__file__).parent
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=here, capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit + ("+" if changed else "")


def cpu_model() -> str:
    """What this machine calls its processor."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
