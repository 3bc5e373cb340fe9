"""From a declaration, images and a budget to everything that a run needs, checked before anything is written."""

import hashlib
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from study import architectures, datasets, records
from study.datasets import TEST, Dataset
from study.datasets.commands.drawing import NOTE
from study.datasets.images import contact_sheet, groups, pixels, splits
from study.errors import ResultsError
from study.evaluation.appearance import Appearance
from study.records.ledger import Ledger
from study.records.storage import Storage
from study.spec import Budget, Study
from study.training import checkpoint
from study.training.data import Images
from study.training.precision import fastest
from study.training.pretrained import Pretrained
from study.tuning import changed_images, resuming, space
from study.tuning.asked import Options, budget_of, resolved, with_architectures
from study.tuning.folders import data_folder, stand_in_folder
from study.tuning.manifest import make_manifest
from study.tuning.resources import Slots
from study.tuning.run_files import RunFiles
from study.tuning.task import Running, Workload
from study.tuning.transfer import check_freezing, resolve

_NUM_TWINS_SHOWN = 18
_NUM_FOR_APPEARANCE = 2000


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A study that can be run: declaration, images, splits and budget fit together."""

    run: str
    folder: records.RunFolder
    files: RunFiles
    study: Study
    pretrained: Mapping[str, Pretrained]
    budget: Budget
    seed: int
    dataset: Dataset
    store: pixels.ImageStore
    table: pd.DataFrame
    ledger: Ledger
    manifest: dict[str, Any]
    previous: records.StudyState | None

    def workload(self, slots: Slots, running: Running) -> Workload:
        """What the trial actors need."""
        row_of = {path: row for row, path in enumerate(self.store.paths)}
        table = self.table.assign(row=self.table["path"].map(row_of))
        train_rows = table.loc[table["split"] == splits.TRAIN, "row"].to_numpy("int64", copy=True)
        return Workload(
            folder=Path(self._key()) if self.files.storage else self.folder.root.resolve(),
            storage=self.files.storage.uri if self.files.storage else "",
            pixels=self.store.path.resolve(),
            pixels_from=_offered(self.store.path, running.shared),
            table=table,
            standardization=Images(self.store.path, torch.device("cpu")).statistics(train_rows),
            classes=self.dataset.classes,
            modality=self.dataset.modality,
            epochs=self.budget.epochs,
            device=slots.device,
            precision=self.manifest["precision"],
            num_threads=slots.num_threads,
            cpus=slots.cpus,
            gpus=slots.gpus,
            hang_after_s=running.hang_after_s,
            num_workers=running.num_workers,
        )

    def _key(self) -> str:
        """The run's folder on a machine that has only copies: another one for each time that it was begun."""
        created = hashlib.sha256(self.manifest["created"].encode()).hexdigest()
        return f"{self.run}-{created[:12]}"

    def write_splits(self) -> None:
        """Writes which image is in which split; derived, as the log holds its hash."""
        edited = changed_images.edited(self.folder.splits, self.table)
        if edited:
            print(edited, file=sys.stderr)
        records.write_atomically(self.folder.splits, self.table.to_csv(index=False))
        row_of = {path: row for row, path in enumerate(self.store.paths)}
        twins = self.table[self.table["twin"] != ""].drop_duplicates("twin")
        # Copies pixel by pixel are no surprise; what else was taken for the same is to be looked at first.
        shown = twins.sort_values(["reason", "path"]).head(_NUM_TWINS_SHOWN)
        if len(shown):
            pairs = [(row_of[path], row_of[twin]) for path, twin in zip(shown["path"], shown["twin"], strict=True)]
            records.write_atomically(self.folder.left_out, contact_sheet.groups_png(self.store.open(), pairs))
        self.files.keep_all([self.folder.splits, self.folder.left_out])

    def caught_up(self) -> "Plan":
        """With what another session has added to a run between the check and the time from which it is this one's."""
        if self.previous is None or not self.files.storage:
            return self
        self.files.fetch_log()
        state = records.load_run(self.folder)
        self.files.fetch_kept(state)
        return replace(self, previous=state)

    def open_records(self, slots: Slots) -> "Plan":
        """Writes the folder's first files; from here on the study is on disk and can be resumed."""
        if self.previous is None:
            if self.folder.root.exists():
                shutil.rmtree(self.folder.root)
            self.folder.root.mkdir(parents=True)
            self.files.forget()
        else:
            self.files.keep_kept(self.previous)
        self.write_splits()
        for pair, weights in self.pretrained.items():
            checkpoint.save(self.folder.pretrained(pair), weights.state())
            self.files.keep(self.folder.pretrained(pair))
        if self.previous is not None and self.previous.finished:
            # How its scores came about is history, whatever machine explains them now.
            return self
        machine = self.manifest["machine"] | {"device": slots.device}
        chosen = {"precision": self.manifest["precision"] or fastest(slots.device)}
        return replace(self, manifest=self.manifest | chosen | {"slots": asdict(slots), "machine": machine})


def make_plan(name: str, study: Study, options: Options) -> Plan:
    """Checks and prepares everything. Writes nothing but the caches of images.

    Raises:
        StudyError: the declaration, the data, the budget or the results folder doesn't fit.
    """
    dataset = datasets.of(study.dataset)
    declared = study
    study = with_architectures(declared, options.architectures)
    space.check(study, dataset)
    found = data_folder(study.dataset_name, dataset, options.data, options.cache)
    # Drawn by the user with `study.datasets stand-in`: drawn all the same.
    stand_in = found is None or (found / NOTE).exists()
    budget = budget_of(study, options, stand_in=stand_in)
    image_size = budget.image_size or study.image_size
    check_freezing(study, budget.epochs)
    root = found or stand_in_folder(study.dataset_name, dataset, options.cache, options.seed)
    published = dataset.scan(root)
    transfer = resolve(study, options.weights, image_size=image_size, num_logits=dataset.num_logits, stand_in=stand_in)
    samples = [s for s in published if s.path not in dataset.excluded and not (options.holdout and s.side == TEST)]
    store = pixels.prepare(
        root,
        sorted(s.path for s in samples),
        size_px=image_size,
        cache=options.cache,
        trimmed=dataset.trimmed,
        window=dataset.window,
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
    run += "-holdout" if options.holdout else ""
    run += f"-{options.groups}" if options.groups != groups.DEFAULT else ""
    train_counts = list(splits.class_counts(table, dataset.classes)[splits.TRAIN].values())
    study = resolved(transfer.study, train_counts)
    for pair, recipe in study.pairs.items():
        architectures.check(pair, recipe, dataset.num_logits, image_size)
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
    hashes = {"names_hash": splits.names_hash(table), "test_hash": splits.split_hash(table, [splits.TEST])}
    manifest |= hashes | {
        "stand_in": stand_in,
        "from_scratch": dict(transfer.from_scratch),
        "given_weights": [
            p for p, r in declared.pairs.items() if p in study.pairs and study.pairs[p].pretrained > r.pretrained
        ],
        "data_hash": store.data_hash,
        "split_hash": splits.split_hash(table),
        "opened_before": [],
        "counts": splits.class_counts(table, dataset.classes),
        "left_out": {str(r): int(n) for r, n in table["reason"].value_counts().items() if r != ""},
        "groups": options.groups,
        "holdout": options.holdout,
        "given_splits": [name for side, name in splits.DECLARED.items() if any(s.side == side for s in samples)],
        "duplicates": groups.counts(readable, store),
        "skipped": [f"{path}: {reason}" for path, reason in (excluded | store.unreadable).items()],
    }
    # As it will be read back, so that comparing with what is on disk compares like with like.
    manifest = json.loads(json.dumps(manifest))
    folder = records.RunFolder(options.results / run)
    storage = Storage(options.storage) if options.storage else None
    files = RunFiles(folder, storage.within(run).uri if storage else "")
    kept = Ledger(options.ledger, storage)
    previous = None if options.fresh else _previous(files, manifest, table)
    if previous is None:
        manifest["appearance"] = _appearance(store, table)
    else:
        # What only describes may have been mended; how a finished study was made is history.
        renewed = resuming.DESCRIPTION if previous.finished else (*resuming.DESCRIPTION, *resuming.PROVENANCE)
        manifest = previous.manifest | {name: manifest[name] for name in renewed}
    # A log of an earlier version lacks them.
    manifest |= hashes | {"precision": resuming.precision(previous, options.precision)}
    if not stand_in and not (previous is not None and previous.finished):
        manifest |= {"opened_before": _opened_before(manifest, kept, again=options.open_test_again)}
    return Plan(
        run=run,
        folder=folder,
        files=files,
        study=study,
        pretrained=transfer.pretrained,
        budget=budget,
        seed=options.seed,
        dataset=dataset,
        store=store,
        table=table,
        ledger=kept,
        manifest=manifest,
        previous=previous,
    )


def _appearance(store: pixels.ImageStore, table: pd.DataFrame) -> dict[str, Any]:
    """How the training images look, so that `predict` can tell which images don't; of at most 2,000 of them."""
    row_of = {path: row for row, path in enumerate(store.paths)}
    rows = table.loc[table["split"] == splits.TRAIN, "path"].map(row_of).to_numpy("int64")
    every = -(-len(rows) // _NUM_FOR_APPEARANCE)
    return Appearance.of(store.open(), np.sort(rows[::every])).record()


def _previous(files: RunFiles, manifest: dict[str, Any], table: pd.DataFrame) -> records.StudyState | None:
    """The run that can be gone on with, with all its files on this machine; see `resuming.previous`."""
    files.fetch_log()
    files.fetch(files.folder.splits)
    state = resuming.previous(files.folder, manifest, table)
    if state is not None:
        files.fetch_kept(state)
    return state


def _offered(path: Path, shared: str) -> str:
    """Puts the decoded images where all machines can get them; the URI of that folder, or "" without one."""
    if not shared:
        return ""
    folder = Storage(shared).within("pixels")
    if folder.sizes().get(path.name) != path.stat().st_size:
        print(f"Putting the decoded images into {folder.uri} ...", file=sys.stderr, flush=True)
        folder.put(path, path.name)
    return folder.uri


def _opened_before(manifest: Mapping[str, Any], kept: Ledger, *, again: bool) -> list[dict[str, Any]]:
    """Earlier looks at the test split, by other runs.

    Raises:
        ResultsError: there were some, and the user has not asked for another one.
    """
    earlier = kept.openings(manifest["test_hash"], besides=(manifest["run"], manifest["created"]))
    if not earlier:
        return []
    when = "; ".join(f"{each.opened[:10]} by {each.run} ({each.num_networks} networks)" for each in earlier)
    if not again:
        raise ResultsError(
            f"A test split is opened once, but that of {manifest['run']} was opened before: {when}, says "
            f"{kept.path}. What is chosen after that is chosen with knowledge of it. Give --open-test-again to "
            "score it once more, which the report will say; to develop, hold a part of the training images out."
        )
    print(f"The test split will be opened for time {len(earlier) + 1}, after {when}.", file=sys.stderr)
    return [asdict(each) for each in earlier]
