"""From a declaration, images and a budget to everything that a run needs, checked before anything is written."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace

import pandas as pd

from study import architectures, datasets, records
from study.datasets.commands.drawing import NOTE
from study.datasets.images import groups
from study.errors import DataError, ResultsError
from study.planning import resume
from study.planning.data_location import data_folder, stand_in_folder
from study.planning.dataset_split import DatasetSplit, split_dataset
from study.planning.declared_study import (
    budget_of,
    check_space,
    image_sizes_of,
    resolved,
    with_architectures,
    with_choices,
)
from study.planning.manifest import make_manifest
from study.planning.near_duplicate_limit import require_strangers
from study.planning.options import Options
from study.planning.pair_pixels import PairPixels, pixels_at
from study.planning.plan import Plan
from study.planning.pretrained_weights import check_freezing, resolve, weights_for
from study.records.ledger import Ledger
from study.records.manifest import OpeningRecord
from study.records.run_files import RunFiles
from study.records.storage import Storage
from study.spec import Study


def make_plan(name: str, study: Study, options: Options) -> Plan:
    """Checks and prepares everything. Writes nothing but the caches of images.

    Raises:
        StudyError: the declaration, the data, the budget or the results folder doesn't fit.
    """
    dataset = datasets.of(study.dataset)
    declared = study
    study = with_choices(with_architectures(declared, options.architecture_names), options)
    own_parts = options.parts()
    check_space(study, dataset)
    found = data_folder(study.dataset_name, dataset, options.data, options.cache)
    # Drawn by the user with `study.datasets stand-in`: drawn all the same.
    stand_in = found is None or (found / NOTE).exists()
    budget = budget_of(study, options, stand_in=stand_in)
    image_size = budget.image_size or study.image_size
    image_sizes = image_sizes_of(study, options, stand_in=stand_in)
    check_freezing(study, budget.epochs)
    root = found or stand_in_folder(study.dataset_name, dataset, options.cache, options.seed)
    published = dataset.scan(root)
    transfer = resolve(
        study,
        weights_for(study.names, options.weights),
        image_sizes=image_sizes,
        num_logits=dataset.num_logits,
        stand_in=stand_in,
    )
    run = _run_name(name, options, stand_in=stand_in)
    storage = Storage(options.storage) if options.storage else None
    files = RunFiles(records.RunFolder(options.results / run), storage.within(run).uri if storage else "")
    images = split_dataset(dataset, root, published, options, image_size=image_size, val_fraction=study.val_fraction)
    if not options.fresh:
        images = _as_it_was_split(images, files, options)
    study = resolved(transfer.study, images.train_counts)
    for pair, recipe in study.pairs.items():
        architectures.check(pair, recipe, dataset.num_logits, image_sizes[pair])
    pixels = pixels_at([image_size, *image_sizes.values()], images, root, options.cache)
    manifest = make_manifest(
        run=run,
        name=name,
        study=study,
        references=[pair for pair in study.pairs if pair not in declared.pairs],
        dataset=dataset,
        edition=datasets.edition_of(dataset, published),
        images=images,
        image_sizes=image_sizes,
        budget=budget,
        transfer=transfer,
        given_weights=[
            p for p, r in declared.pairs.items() if p in study.pairs and study.pairs[p].pretrained > r.pretrained
        ],
        options=options,
        stand_in=stand_in,
        own_parts=own_parts,
    )
    plan = Plan(
        run=run,
        folder=files.folder,
        files=files,
        study=study,
        pretrained=transfer.pretrained,
        budget=budget,
        seed=options.seed,
        dataset=dataset,
        store=images.store,
        pixels={pair: pixels[size] for pair, size in image_sizes.items()},
        table=images.table,
        ledger=Ledger(options.ledger, storage),
        manifest=manifest,
        previous=None,
        parts=own_parts,
    )
    return _beside_what_there_is(plan, images, pixels[image_size], options)


def _run_name(name: str, options: Options, *, stand_in: bool) -> str:
    run = f"{name}-standin" if stand_in else name
    run += "-holdout" if options.holdout else ""
    return run + (f"-{options.way}" if options.way != groups.DEFAULT else "")


def _as_it_was_split(images: DatasetSplit, files: RunFiles, options: Options) -> DatasetSplit:
    """The images as an earlier version split them for the run that is to go on, if one did."""
    files.fetch_log()
    files.fetch(files.folder.splits)
    table = resume.splits_of_old(
        files.folder, images.table, data_hash=images.store.data_hash, seed=options.seed, way=options.way
    )
    return images if table is None else replace(images, table=table)


def _beside_what_there_is(plan: Plan, images: DatasetSplit, own: PairPixels, options: Options) -> Plan:
    """The plan as it goes on with an earlier run, after what the ledger knows of its test split."""
    manifest, previous = plan.manifest, None
    refused: list[str] = []
    with _noted(refused) if options.dry_run else nullcontext():
        previous = None if options.fresh else _previous(plan.files, manifest, plan.table)
    if previous is None:
        manifest = _with_appearances(manifest, own, plan.pixels)
        if options.groups is None and not manifest.stand_in:
            with _noted(refused) if options.dry_run else nullcontext():
                require_strangers(images, options.cache / f"look-alikes-{plan.run}.png")
    else:
        # What only describes may have been mended; how a finished study was made is history.
        renewed = resume.DESCRIPTION if previous.finished else (*resume.DESCRIPTION, *resume.PROVENANCE)
        manifest = replace(previous.manifest, **{name: getattr(manifest, name) for name in renewed})
    # A log of an earlier version lacks them.
    manifest = replace(
        manifest,
        names_hash=images.names_hash,
        test_hash=images.test_hash,
        precision=resume.precision(previous, options.precision),
    )
    if not manifest.stand_in and not (previous is not None and previous.finished):
        with _noted(refused) if options.dry_run else nullcontext():
            opened_before = _opened_before(manifest, plan.ledger, again=options.open_test_again)
            manifest = replace(manifest, opened_before=opened_before)
    return replace(plan, manifest=manifest, previous=previous, refused=refused)


def _with_appearances(
    manifest: records.Manifest, own: PairPixels, pixels: Mapping[str, PairPixels]
) -> records.Manifest:
    """With how the training images look at the study's own size, and at that of each pair that has another one."""
    pairs = {
        pair: entry if entry.image_size is None else replace(entry, appearance=pixels[pair].appearance())
        for pair, entry in manifest.pairs.items()
    }
    return replace(manifest, appearance=own.appearance(), pairs=pairs)


@contextmanager
def _noted(refused: list[str]) -> Iterator[None]:
    """Takes a note of what refuses the images, the results folder or the test split, and goes on."""
    try:
        yield
    except (DataError, ResultsError) as error:
        refused.append(str(error))


def _previous(files: RunFiles, manifest: records.Manifest, table: pd.DataFrame) -> records.StudyState | None:
    """The run that can be gone on with, with all its files on this machine; see `resuming.previous`."""
    files.fetch_log()
    files.fetch(files.folder.splits)
    state = resume.previous(files.folder, manifest, table)
    if state is not None:
        files.fetch_kept(state)
    return state


def _opened_before(manifest: records.Manifest, kept: Ledger, *, again: bool) -> tuple[OpeningRecord, ...]:
    """Earlier looks at the test split, by other runs.

    Raises:
        ResultsError: there were some, and the user has not asked for another one.
    """
    earlier = kept.openings(manifest.test_hash, besides=(manifest.run, manifest.created))
    if not earlier:
        return ()
    when = "; ".join(f"{each.opened[:10]} by {each.run} ({each.num_networks} networks)" for each in earlier)
    if not again:
        raise ResultsError(
            f"A test split is opened once, but that of {manifest.run} was opened before: {when}, says "
            f"{kept.path}. What is chosen after that is chosen with knowledge of it. Give --open-test-again to "
            "score it once more, which the report will say. To develop, keep the official test split closed with "
            "--holdout, or use a part of the images."
        )
    print(f"The test split will be opened again; it was opened before: {when}.", file=sys.stderr)
    return tuple(OpeningRecord(**asdict(each)) for each in earlier)
