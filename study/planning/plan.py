"""A study that can be run, and what of it is written before the first trial."""

import hashlib
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from study import records
from study.datasets import Dataset
from study.datasets.images import contact_sheet, pixel_cache
from study.parts import ARCHITECTURE, METRIC, Part
from study.planning import data_changes
from study.planning.evaluation_set import EvaluationSet
from study.planning.pair_pixels import PairPixels
from study.planning.resources import Slots
from study.planning.workload import PixelArray, Running, Workload
from study.records.ledger import Ledger
from study.records.manifest import SlotsRecord
from study.records.run_files import RunFiles
from study.records.storage import Storage
from study.spec import Budget, Study
from study.training import checkpoint
from study.training.precision import fastest
from study.training.pretrained import Pretrained

_NUM_TWINS_SHOWN = 18


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A study that can be run: declaration, images, splits and budget fit together.

    `store` holds the images at the study's own size, at which they were split, and `pixels` those that each pair sees.
    `refused` says why it must not be run all the same, in a rehearsal; else that is an error. `parts` are of one's own.
    """

    run: str
    folder: records.RunFolder
    files: RunFiles
    study: Study
    pretrained: Mapping[str, Pretrained]
    budget: Budget
    seed: int
    dataset: Dataset
    store: pixel_cache.ImageStore
    pixels: Mapping[str, PairPixels]
    table: pd.DataFrame
    ledger: Ledger
    manifest: records.Manifest
    previous: records.StudyState | None
    refused: Sequence[str] = ()
    parts: Sequence[Part] = ()

    def workload(self, slots: Slots, running: Running) -> Workload:
        """What the trial actors need."""
        table = self._table_with_rows()
        arrays = {
            pair: PixelArray(each.store.path.resolve(), each.standardization) for pair, each in self.pixels.items()
        }
        return Workload(
            folder=Path(self._key()) if self.files.storage else self.folder.root.resolve(),
            storage=self.files.storage.uri if self.files.storage else "",
            pixels=self.store.path.resolve(),
            pair_pixels=arrays,
            pixels_from=_offered({self.store.path.resolve(), *(each.path for each in arrays.values())}, running.shared),
            table=table,
            classes=self.dataset.classes,
            modality=self.dataset.modality,
            epochs=self.budget.epochs,
            device=slots.device,
            precision=self.manifest.precision or "",
            objective=self.manifest.objective.name,
            num_threads=slots.num_threads,
            cpus=slots.cpus,
            gpus=slots.gpus,
            hang_after_s=running.hang_after_s,
            num_workers=running.num_workers,
            parts=tuple(part for part in self.parts if part.kind in (ARCHITECTURE, METRIC)),
        )

    def evaluation_set(self, split: str) -> EvaluationSet:
        """The images of one of the study's own splits: "train", "val" or "test"."""
        pixels = {pair: each.store.path for pair, each in self.pixels.items()}
        return EvaluationSet.of_split(split, self._table_with_rows(), pixels)

    def _table_with_rows(self) -> pd.DataFrame:
        """The table of all images, with their rows in each pixel array."""
        row_of = {path: row for row, path in enumerate(self.store.paths)}
        return self.table.assign(row=self.table["path"].map(row_of))

    def _key(self) -> str:
        """The run's folder on a machine that has only copies: another one for each time that it was begun."""
        created = hashlib.sha256(self.manifest.created.encode()).hexdigest()
        return f"{self.run}-{created[:12]}"

    def write_splits(self) -> None:
        """Writes which image is in which split; derived, as the log holds its hash."""
        edited = data_changes.edited(self.folder.splits, self.table)
        if edited:
            print(edited, file=sys.stderr)
        records.write_atomically(self.folder.splits, self.table.to_csv(index=False))
        row_of = {path: row for row, path in enumerate(self.store.paths)}
        twins = self.table[self.table["twin"] != ""].drop_duplicates("twin")
        # Copies pixel by pixel are no surprise; what else was taken for the same is to be looked at first.
        # A run of an earlier version doesn't know how alike they are.
        order = [name for name in ("reason", "likeness", "path") if name in twins]
        shown = twins.sort_values(order).head(_NUM_TWINS_SHOWN)
        if len(shown):
            captions = ["" if pd.isna(each) else f"{each:.3f}" for each in shown.get("likeness", [])]
            pairs = [(row_of[path], row_of[twin]) for path, twin in zip(shown["path"], shown["twin"], strict=True)]
            records.write_atomically(
                self.folder.left_out, contact_sheet.groups_png(self.store.open(), pairs, captions=captions)
            )
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
        for part in self.parts:
            records.write_atomically(self.folder.parts / part.file_name, part.source)
            self.files.keep(self.folder.parts / part.file_name)
        for pair, weights in self.pretrained.items():
            checkpoint.save(self.folder.pretrained(pair), weights.state())
            self.files.keep(self.folder.pretrained(pair))
        if self.previous is not None and self.previous.finished:
            # How its scores came about is history, whatever machine explains them now.
            return self
        manifest = replace(
            self.manifest,
            machine=replace(self.manifest.machine, device=slots.device),
            precision=self.manifest.precision or fastest(slots.device),
            slots=SlotsRecord(num=slots.num, cpus=slots.cpus, gpus=slots.gpus),
        )
        return replace(self, manifest=manifest)


def _offered(paths: Iterable[Path], shared: str) -> str:
    """Puts the decoded images where all machines can get them; the URI of that folder, or "" without one."""
    if not shared:
        return ""
    folder = Storage(shared).within("pixels")
    there = folder.sizes()
    for path in sorted(paths):
        if there.get(path.name) != path.stat().st_size:
            print(f"Putting the decoded images into {folder.uri} ...", file=sys.stderr, flush=True)
            folder.put(path, path.name)
    return folder.uri
