"""From a declaration, images and a budget to everything that a run needs, checked before anything is written."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from study import architectures, datasets, records
from study.datasets import Dataset
from study.datasets.commands.drawing import NOTE
from study.datasets.images import groups, pixels, splits
from study.errors import ResultsError
from study.spec import Budget, Study
from study.training import checkpoint
from study.training.data import Images
from study.training.losses import resolve_pos_weight
from study.training.pretrained import Pretrained
from study.tuning import space
from study.tuning.folders import data_folder, stand_in_folder
from study.tuning.manifest import make_manifest
from study.tuning.resources import Slots
from study.tuning.task import Running, Workload
from study.tuning.transfer import check_freezing, resolve

_DESCRIPTION = ("dataset", "from_scratch", "given_weights", "notes", "published", "published_epochs", "title")
_SEEN_BY_NETWORKS = ("name", "classes", "modality", "trimmed")
_PROVENANCE = ("budget", "command", "commit", "machine", "versions")
# A study goes on with those that it began with.
_POLICY = ("reduction_factor",)
# Recorded for the reader: these may differ when a study is resumed, or follow from the hashes.
_FOLLOWS = ("counts", "created", "duplicates", "left_out", "run", "skipped", "slots")
_NOT_DECLARED = (*_DESCRIPTION, *_PROVENANCE, *_POLICY, *_FOLLOWS)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says beyond the study's name; see `study.run`."""

    data: Path | None
    results: Path
    cache: Path
    budget: str | None
    trials: int | None
    epochs: int | None
    seeds: int | None
    audit: int | None
    image_size: int | None
    architectures: Sequence[str]
    weights: Sequence[str]
    seed: int
    groups: str
    skip_unreadable: bool
    fresh: bool
    command: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A study that can be run: declaration, images, splits and budget fit together."""

    run: str
    folder: records.RunFolder
    study: Study
    pretrained: Mapping[str, Pretrained]
    budget: Budget
    seed: int
    dataset: Dataset
    store: pixels.ImageStore
    table: pd.DataFrame
    manifest: dict[str, Any]
    previous: records.StudyState | None

    def workload(self, slots: Slots, running: Running) -> Workload:
        """What the trial actors need."""
        row_of = {path: row for row, path in enumerate(self.store.paths)}
        table = self.table.assign(row=self.table["path"].map(row_of))
        train_rows = table.loc[table["split"] == splits.TRAIN, "row"].to_numpy("int64", copy=True)
        return Workload(
            folder=self.folder.root.resolve(),
            pixels=self.store.path.resolve(),
            table=table,
            standardization=Images(self.store.path, torch.device("cpu")).statistics(train_rows),
            classes=self.dataset.classes,
            modality=self.dataset.modality,
            epochs=self.budget.epochs,
            device=slots.device,
            precision="bfloat16" if slots.device == "cuda" else "float32",
            num_threads=slots.num_threads,
            hang_after_s=running.hang_after_s,
            num_workers=running.num_workers,
        )

    def write_splits(self) -> None:
        """Writes which image is in which split; derived, as the log holds its hash."""
        records.write_atomically(self.folder.splits, self.table.to_csv(index=False))

    def open_records(self, slots: Slots) -> "Plan":
        """Writes the folder's first files; from here on the study is on disk and can be resumed."""
        if self.previous is None:
            if self.folder.root.exists():
                shutil.rmtree(self.folder.root)
            self.folder.root.mkdir(parents=True)
        self.write_splits()
        for pair, weights in self.pretrained.items():
            checkpoint.save(self.folder.pretrained(pair), weights.state())
        machine = self.manifest["machine"] | {"device": slots.device}
        return replace(self, manifest=self.manifest | {"slots": asdict(slots), "machine": machine})


def make_plan(name: str, study: Study, options: Options) -> Plan:
    """Checks and prepares everything. Writes nothing but the caches of images.

    Raises:
        StudyError: the declaration, the data, the budget or the results folder doesn't fit.
    """
    dataset = datasets.find(study.dataset)
    declared = study
    study = with_architectures(declared, options.architectures)
    space.check(study, dataset)
    found = data_folder(study.dataset, dataset, options.data)
    # Drawn by the user with `study.datasets stand-in`: drawn all the same.
    stand_in = found is None or (found / NOTE).exists()
    budget = _budget(study, options, stand_in)
    image_size = budget.image_size or study.image_size
    check_freezing(study, budget.epochs)
    root = found or stand_in_folder(study.dataset, dataset, options.cache, options.seed)
    published = dataset.scan(root)
    transfer = resolve(study, options.weights, image_size=image_size, num_logits=dataset.num_logits, stand_in=stand_in)
    samples = [s for s in published if s.path not in dataset.excluded]
    store = pixels.prepare(
        root, sorted(s.path for s in samples), size_px=image_size, cache=options.cache, trimmed=dataset.trimmed
    )
    pixels.require_readable(store, skip=options.skip_unreadable)
    by_path = {s.path: s for s in samples}
    readable = [by_path[path] for path in store.paths]
    grouping = groups.of(options.groups, readable, store)
    table = splits.split(
        grouping.samples,
        grouping.sha256,
        classes=dataset.classes,
        val_fraction=study.val_fraction,
        seed=options.seed,
        links=grouping.links,
    )
    run = f"{name}-standin" if stand_in else name
    if options.groups != groups.DEFAULT:
        run += f"-{options.groups}"
    train_counts = list(splits.class_counts(table, dataset.classes)[splits.TRAIN].values())
    study = _resolved(transfer.study, train_counts)
    excluded = {s.path: dataset.excluded[s.path] for s in published if s.path in dataset.excluded}
    manifest = make_manifest(
        run=run,
        name=name,
        study=study,
        references=[pair for pair in study.pairs if pair not in declared.pairs],
        dataset=dataset,
        edition=datasets.edition_of(dataset, published),
        budget=budget,
        pretrained=transfer.pretrained,
        command=options.command,
        budget_name=options.budget or "",
        seed=options.seed,
    )
    if not any(s.group for s in samples):
        manifest["dataset"]["group_meaning"] = ""
    manifest |= {
        "stand_in": stand_in,
        "from_scratch": dict(transfer.from_scratch),
        "given_weights": [
            p for p, r in declared.pairs.items() if p in study.pairs and study.pairs[p].pretrained > r.pretrained
        ],
        "data_hash": store.data_hash,
        "split_hash": splits.split_hash(table),
        "counts": splits.class_counts(table, dataset.classes),
        "left_out": {str(r): int(n) for r, n in table["reason"].value_counts().items() if r != ""},
        "groups": options.groups,
        "duplicates": groups.counts(readable, store),
        "skipped": [f"{path}: {reason}" for path, reason in (excluded | store.unreadable).items()],
    }
    # As it will be read back, so that comparing with what is on disk compares like with like.
    manifest = json.loads(json.dumps(manifest))
    folder = records.RunFolder(options.results / run)
    previous = None if options.fresh else _previous(folder, manifest)
    if previous is not None:
        # What only describes may have been mended; how a finished study was made is history.
        renewed = _DESCRIPTION if previous.finished else (*_DESCRIPTION, *_PROVENANCE)
        manifest = previous.manifest | {name: manifest[name] for name in renewed}
    return Plan(
        run=run,
        folder=folder,
        study=study,
        pretrained=transfer.pretrained,
        budget=budget,
        seed=options.seed,
        dataset=dataset,
        store=store,
        table=table,
        manifest=manifest,
        previous=previous,
    )


def with_architectures(study: Study, names: Sequence[str]) -> Study:
    """The study with these architectures only (all of its own where none is named), each with a recipe and a space.

    Those for which it declares no recipe start from their own, and go without what the shared space has for others.
    """
    names = names or study.names
    spaces = {}
    for name in names:
        unknown = set(architectures.NETWORK_HYPERPARAMETERS) - set(architectures.find(name).hyperparameters)
        own = study.pair_space.get(name, {})
        entries = study.space_of(name).items()
        spaces[name] = {k: v for k, v in entries if name in study.pairs or k in own or k not in unknown}
    return replace(
        study,
        pairs={name: study.pairs.get(name, architectures.find(name).recipe) for name in names},
        references=(),
        space={},
        pair_space=spaces,
        tried={name: study.tried[name] for name in names if name in study.tried},
    )


def _budget(study: Study, options: Options, stand_in: bool) -> Budget:
    budget = study.budget(options.budget or ("demo" if stand_in else "standard"))
    asked = {
        name: getattr(options, name)
        for name in ("trials", "epochs", "seeds", "audit", "image_size")
        if getattr(options, name) is not None
    }
    return replace(budget, **asked)


def _resolved(study: Study, train_counts: Sequence[int]) -> Study:
    """The study with "balanced" turned into a number, so that Optuna and the records know one."""
    pairs = {
        pair: replace(recipe, pos_weight=resolve_pos_weight(recipe.pos_weight, train_counts))
        if recipe.pos_weight == "balanced"
        else recipe
        for pair, recipe in study.pairs.items()
    }
    return replace(study, pairs=pairs)


def _declared(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What must be as it was when a study is gone on with."""
    declared = {name: value for name, value in manifest.items() if name not in _NOT_DECLARED}
    declared["dataset"] = {name: manifest["dataset"].get(name) for name in _SEEN_BY_NETWORKS}
    # Weights are what they are, whatever their file is called.
    declared["pairs"] = {
        pair: {k: v for k, v in values.items() if k != "rungs"} | {"weights": (values["weights"] or {}).get("sha256")}
        for pair, values in manifest["pairs"].items()
    }
    return declared


def _previous(folder: records.RunFolder, manifest: dict[str, Any]) -> records.StudyState | None:
    """The run that the folder holds, if it can be gone on with."""
    names = {path.name for path in folder.root.iterdir()} if folder.root.exists() else set()
    names = {name for name in names if not name.endswith(".partial")}
    # A run that was killed while it began has written no more than these, and nothing in them is worth keeping.
    if not folder.manifest.exists() and names <= {folder.splits.name, folder.events.name, "pretrained"}:
        if not any(True for _ in records.read_events(folder.events)):
            return None
    elif folder.events.name not in names:
        raise ResultsError(
            f"A results folder must hold a run's {folder.events.name}, but {folder.root} holds other files without it. "
            "Give another --results, or --fresh to delete that folder."
        )
    if not any(True for _ in records.read_events(folder.events)):
        raise ResultsError(
            f"A results folder must hold a run's event log, but {folder.events} has no whole line. Restore it from a "
            "backup, or give --fresh to delete the folder and start again."
        )
    state = records.load_run(folder)
    old, new = (_declared(m) for m in (state.manifest, manifest))
    changes = records.describe_changes(old, new)
    old_budget, new_budget = state.manifest["budget"], manifest["budget"]
    changes += [
        f"{key}: {old_budget[key]} -> {new_budget[key]}"
        for key in ("epochs", "seeds")
        if old_budget[key] != new_budget[key]
    ]
    if new_budget["trials"] < old_budget["trials"]:
        changes.append(f"trials: {old_budget['trials']} -> {new_budget['trials']} (only more can be added)")
    if new_budget["trials"] > old_budget["trials"] and state.test_opened:
        changes.append(
            f"trials: {old_budget['trials']} -> {new_budget['trials']}, but the test split has been opened: a new "
            "choice after that would be made with knowledge of it"
        )
    if changes:
        raise ResultsError(
            f"A results folder belongs to one declaration, but {folder.root} was made with another:\n"
            + "\n".join(f"  {change[:300]}" for change in changes)
            + "\nGive --fresh to delete it and start again, or another --results to keep both."
        )
    return state
