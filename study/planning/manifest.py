"""What a study's records say of it: declaration, machine, versions, commit."""

import math
import platform
import subprocess
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from optuna.distributions import BaseDistribution

from study import architectures
from study.architectures import Architecture
from study.datasets import Dataset, Edition
from study.evaluation import metrics
from study.parts import Part, name_of
from study.planning.dataset_split import DatasetSplit
from study.planning.options import Options
from study.planning.pretrained_weights import Transfer, longest_freeze
from study.planning.resources import usable_cpus
from study.records import Objective
from study.records.manifest import (
    ArchitectureRecord,
    BudgetRecord,
    DatasetRecord,
    EpochRecord,
    MachineRecord,
    Manifest,
    PartRecord,
    ResultRecord,
    SearchRecord,
    WeightsRecord,
)
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
    images: DatasetSplit,
    image_sizes: Mapping[str, int],
    budget: Budget,
    transfer: Transfer,
    given_weights: Sequence[str],
    options: Options,
    stand_in: bool,
    own_parts: Sequence[Part],
) -> Manifest:
    """What is declared, how it is run and on what: all but what follows from an earlier run or from the cluster.

    `study` is as it will be run: its recipes are resolved to numbers. The recipes of `references` are not the
    document's.
    """
    manifest = Manifest(
        run=run,
        study=name,
        title=study.title,
        document=study.document,
        notes=tuple(study.notes),
        command=options.command,
        seed=options.seed,
        image_size=images.size_px,
        val_fraction=study.val_fraction,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=_commit(),
        versions={p: metadata.version(p) for p in ("study", "torch", "torchvision", "ray", "optuna")}
        | {"python": platform.python_version()},
        machine=MachineRecord(cpu=cpu_model(), num_cpus=usable_cpus()),
        budget=BudgetRecord(name=options.budget or "", **asdict(budget)),
        reduction_factor=_REDUCTION_FACTOR,
        dataset=_dataset(study.dataset_name, dataset, edition, images),
        pairs={
            pair: replace(
                _pair(study, pair, dataset, budget.epochs, size_px, transfer.pretrained.get(pair), references),
                image_size=None if size_px == images.size_px else size_px,
            )
            for pair, size_px in image_sizes.items()
        },
        space={pair: ray_domains.describe(study.space_of(pair)) for pair in study.pairs},
        tried={pair: tuple(map(dict, study.tried.get(pair, ()))) for pair in study.pairs},
        published=tuple(ResultRecord(**asdict(result)) for result in study.published),
        published_epochs=tuple(EpochRecord(**asdict(row)) for row in study.published_epochs),
        stand_in=stand_in,
        from_scratch=dict(transfer.from_scratch),
        given_weights=tuple(given_weights),
        opened_before=(),
        groups=options.way,
        holdout=options.holdout,
        objective=_objective(study),
        search=SearchRecord(policy=study.search, early_stopping=study.early_stopping),
        metrics=tuple(metrics.find(name_of(each)).name for each in options.metrics),
        parts=tuple(PartRecord(**part.record()) for part in own_parts),
        **images.record(),
    )
    spaces = {pair: ray_domains.distributions(study.space_of(pair)) for pair in study.pairs}
    return replace(manifest, pairs={pair: _searched(manifest, pair, spaces[pair]) for pair in study.pairs})


def problem_of(manifest: Manifest, pair: str, distributions: Mapping[str, BaseDistribution]) -> Problem:
    """What the search of a pair is about, as the study began with it."""
    budget, entry = manifest.budget, manifest.pairs[pair]
    # A run of an earlier version has rungs only, and none where the budget was too short for them.
    grace = entry.grace or next(iter(entry.rungs), budget.epochs)
    return Problem(
        architecture=pair,
        distributions=distributions,
        objective=manifest.objective,
        trials=budget.trials,
        epochs=budget.epochs,
        seed=manifest.seed,
        grace=grace,
        reduction_factor=manifest.reduction_factor,
    )


def _objective(study: Study) -> Objective:
    metric = metrics.find(study.objective)
    return Objective(
        name=metric.name,
        title=metric.title,
        greater_is_better=metric.greater_is_better,
        shown_as=metric.shown_as,
    )


def _searched(manifest: Manifest, pair: str, distributions: Mapping[str, BaseDistribution]) -> ArchitectureRecord:
    """With how the search policy describes itself, and at which epochs it compares trials."""
    search = manifest.search
    policy = make_policy(
        problem_of(manifest, pair, distributions), search=search.policy, stopping=search.early_stopping
    )
    described = dict(policy.describe())
    rungs = tuple(described.pop("rungs", ()))
    return replace(manifest.pairs[pair], rungs=rungs, search=described)


def _dataset(name: str, dataset: Dataset, edition: Edition, images: DatasetSplit) -> DatasetRecord:
    meaning, ungrouped = images.groups_known(dataset.group_meaning)
    return DatasetRecord(
        name=name,
        title=dataset.title,
        edition=edition.title,
        licence=dataset.licence,
        source=edition.source,
        how_to_get=dataset.how_to_get,
        classes=tuple(dataset.classes),
        modality=dataset.modality,
        ordinal=dataset.ordinal,
        trimmed=dataset.trimmed,
        window=dataset.window,
        expected=edition.expected,
        group_meaning=meaning,
        ungrouped=ungrouped,
    )


def _pair(
    study: Study,
    pair: str,
    dataset: Dataset,
    epochs: int,
    image_size: int,
    pretrained: Pretrained | None,
    references: Sequence[str],
) -> ArchitectureRecord:
    recipe, architecture = study.pairs[pair], architectures.find(pair)
    return ArchitectureRecord(
        title=architecture.title,
        recipe=recipe.without_provenance(),
        stated=dict(recipe.stated),
        document_epochs=recipe.epochs,
        uses=tuple(_used(recipe, architecture, dataset, study.space_of(pair))),
        cam_layer=architecture.cam_layer,
        rungs=(),
        grace=grace_period(study, pair, epochs),
        weights=WeightsRecord(source=pretrained.source, sha256=pretrained.sha256) if pretrained else None,
        num_parameters=architectures.num_parameters(architecture.build(recipe, dataset.num_logits, image_size)),
        reference=pair in references,
    )


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
