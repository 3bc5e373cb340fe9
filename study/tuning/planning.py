"""From a declaration, images and a budget to everything that a run needs, checked before anything is written."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from study import architectures, datasets, records
from study.datasets import TEST
from study.datasets.commands.drawing import NOTE
from study.datasets.images import groups, pixels, splits
from study.errors import ResultsError
from study.evaluation.appearance import Appearance
from study.records.ledger import Ledger
from study.records.storage import Storage
from study.spec import Study
from study.tuning import resuming, space
from study.tuning.asked import Options, budget_of, resolved, with_architectures
from study.tuning.folders import data_folder, stand_in_folder
from study.tuning.manifest import make_manifest
from study.tuning.plan import Plan
from study.tuning.run_files import RunFiles
from study.tuning.transfer import check_freezing, resolve

_NUM_FOR_APPEARANCE = 2000


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
    manifest["dataset"]["ungrouped"] = sum(not s.group for s in samples)
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
    refused: list[str] = []
    previous = None
    with _noted(refused) if options.rehearsal else nullcontext():
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
        with _noted(refused) if options.rehearsal else nullcontext():
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
        refused=refused,
    )


@contextmanager
def _noted(refused: list[str]) -> Iterator[None]:
    """Takes a note of what refuses the results folder or the test split, and goes on."""
    try:
        yield
    except ResultsError as error:
        refused.append(str(error))


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
            "score it once more, which the report will say. To develop, keep the official test split closed with "
            "--holdout, or use a part of the images."
        )
    print(f"The test split will be opened again; it was opened before: {when}.", file=sys.stderr)
    return [asdict(each) for each in earlier]
