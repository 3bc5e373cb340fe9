"""What a study's records say of it: declaration, machine, versions, commit."""

import platform
import subprocess
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from study import architectures
from study.datasets import Dataset
from study.spec import Budget, Recipe, Study
from study.tuning import space
from study.tuning.early_stopping import rung_epochs
from study.tuning.resources import usable_cpus

_REDUCTION_FACTOR = 3
_GRACE_DIVISOR = 7


def make_manifest(
    *,
    run: str,
    name: str,
    study: Study,
    dataset: Dataset,
    budget: Budget,
    recipes: dict[str, Recipe],
    command: str,
    budget_name: str,
    seed: int,
) -> dict[str, Any]:
    """What is declared, how it is run and on what: all but what follows from the images."""
    num_logits = dataset.num_logits
    image_size = budget.image_size or study.image_size
    return {
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
        "machine": {"cpu": _cpu_model(), "num_cpus": usable_cpus()},
        "budget": {"name": budget_name, **asdict(budget)},
        "rungs": rung_epochs(
            budget.epochs, grace=max(1, budget.epochs // _GRACE_DIVISOR), reduction_factor=_REDUCTION_FACTOR
        ),
        "reduction_factor": _REDUCTION_FACTOR,
        "dataset": {
            "name": study.dataset,
            "title": dataset.title,
            "licence": dataset.licence,
            "source": dataset.source,
            "how_to_get": dataset.how_to_get,
            "classes": list(dataset.classes),
            "modality": dataset.modality,
            "expected": dataset.expected,
            "group_meaning": dataset.group_meaning,
        },
        "pairs": {
            pair: {
                "title": architectures.find(pair).title,
                "recipe": recipe.hyperparameters(),
                "stated": dict(recipe.stated),
                "num_parameters": architectures.num_parameters(
                    architectures.find(pair).build(recipe, num_logits, image_size)
                ),
            }
            for pair, recipe in recipes.items()
        },
        "space": {pair: space.describe(study.space_of(pair)) for pair in study.pairs},
        "published": [asdict(result) for result in study.published],
    }


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


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
