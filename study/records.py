"""What a study leaves on disk: `results/<run>/`, with one append-only event log as the only truth.

The log (`events.jsonl`) holds one JSON object a line, each with `event` and `time` (seconds since 1970):

    declared    manifest                           what is studied, on which data, with which versions (`study.json`)
    started     trial, pair, kind, number, recipe_name, recipe, seed
    epoch       trial, epoch, lr, train_*, val_* (loss, accuracy, roc_auc), seconds, seconds_train, seconds_val
    stopped     trial, reason                      ended by early stopping at a rung
    completed   trial, epochs, best_epoch, best_score, best_loss, num_parameters, worker (host and process)
    failed      trial, reason
    test_opened num_images, trials                 the test split was scored, once, for all of these seed runs
    finished

Everything else in the folder (`study.json`, `trials.csv`, `epochs.csv`, ...) is derived from it and can be rebuilt.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from study.errors import ResultsError

Event = dict[str, Any]

SEARCH, SEED, TEST = "search", "seed", "test"
TUNED, DOCUMENT = "tuned", "document"
RUNNING, COMPLETE, STOPPED, FAILED = "RUNNING", "COMPLETE", "STOPPED", "FAILED"


@dataclass(frozen=True)
class RunFolder:
    """The paths of one run. Creating the object creates nothing on disk."""

    root: Path

    @property
    def events(self) -> Path:
        return self.root / "events.jsonl"

    @property
    def manifest(self) -> Path:
        return self.root / "study.json"

    @property
    def splits(self) -> Path:
        return self.root / "splits.csv"

    @property
    def trials(self) -> Path:
        return self.root / "trials.csv"

    @property
    def seed_runs(self) -> Path:
        return self.root / "seed_runs.csv"

    @property
    def epochs(self) -> Path:
        return self.root / "epochs.csv"

    @property
    def optuna_journal(self) -> Path:
        return self.root / "optuna.journal"

    @property
    def tensorboard(self) -> Path:
        return self.root / "tensorboard"

    def checkpoints(self, trial: str) -> Path:
        return self.root / "checkpoints" / trial

    def weights(self, trial: str) -> Path:
        """The best epoch's weights of a finished seed run."""
        return self.root / "weights" / f"{trial}.pt"

    def pretrained(self, pair: str) -> Path:
        """The weights that a pretrained pair starts from."""
        return self.root / "pretrained" / f"{pair}.pt"

    def predictions(self, trial: str, split: str) -> Path:
        """Columns path, group, split, target and `p_<class>` for each class, one row an image."""
        return self.root / "predictions" / f"{trial}-{split}.csv"


def seed_trial_id(pair: str, recipe_name: str, number: int) -> str:
    """The id of a seed run; its predictions and weights are named after it."""
    return f"{pair}-{recipe_name}-seed{number}"


@contextmanager
def exclusive(folder: RunFolder) -> Iterator[None]:
    """Keeps every other process from running the same study into the same folder.

    The operating system ends the lock with the process, however that ends.

    Raises:
        ResultsError: another process has it.
    """
    path = folder.root.with_name(f"{folder.root.name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ResultsError(
                f"A results folder can be written by one process at a time, but {folder.root} is in use. Wait for that "
                "run to end, or give another --results."
            ) from error
        yield


class EventLog:
    """Appends events to a file; each is on disk before `append` returns. One writer at a time, see `exclusive`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._drop_torn_line()
        self._file = path.open("ab")

    def append(self, event: str, **values: Any) -> Event:
        record = {"event": event, "time": round(time.time(), 3), **values}
        self._file.write((json.dumps(record, allow_nan=True) + "\n").encode())
        self._file.flush()
        os.fsync(self._file.fileno())
        return record

    def close(self) -> None:
        self._file.close()

    def _drop_torn_line(self) -> None:
        """A power cut may leave half a line; appending to it would damage the next event too."""
        if not self.path.exists():
            return
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with self.path.open("r+b") as file:
                file.truncate(whole)


def read_events(path: Path) -> Iterator[Event]:
    """The events of a log, oldest first. A torn last line is left out.

    Raises:
        ResultsError: a line in the middle can't be read, so something else than a crash damaged the file.
    """
    if not path.exists():
        return
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        try:
            yield json.loads(line)
        except ValueError as error:
            raise ResultsError(
                f"Each line of {path} must be one JSON object, but line {number} is {line[:60]!r}. "
                "Restore the file from a backup, or start again with --fresh."
            ) from error


@dataclass
class Trial:
    """All that is known of one trial.

    Attributes:
        id: unique within the run.
        pair: architecture name.
        kind: "search" or "seed".
        number: 0-based within its pair and kind (and recipe_name, for seed runs).
        recipe_name: "tuned" or "document", for seed runs; "search" for searched trials.
        recipe: hyperparameter -> value, as trained.
        seed: of initialization, batch order, augmentation and dropout.
        state: RUNNING, COMPLETE, STOPPED or FAILED.
        epochs: the epoch events, one an epoch, in order; a repeated epoch keeps the last.
        result: the event that ended the trial, or {}.
    """

    id: str
    pair: str
    kind: str
    number: int
    recipe_name: str
    recipe: dict[str, Any]
    seed: int
    state: str = RUNNING
    epochs: list[Event] = field(default_factory=list)
    result: Event = field(default_factory=dict)

    @property
    def best_score(self) -> float:
        """Best val ROC-AUC so far; NaN before the first epoch."""
        return max((float(e["val_roc_auc"]) for e in self.epochs), default=float("nan"))

    @property
    def seconds(self) -> float:
        """Time spent in training and evaluation."""
        return sum(float(e["seconds"]) for e in self.epochs)


@dataclass
class StudyState:
    """A run's event log, replayed."""

    manifest: dict[str, Any] = field(default_factory=dict)
    trials: dict[str, Trial] = field(default_factory=dict)
    test_opened: Event = field(default_factory=dict)
    finished: bool = False

    def of_kind(self, kind: str, pair: str | None = None) -> list[Trial]:
        """The trials of one kind (and pair), by pair in the order of the manifest, then by number."""
        order = list(self.manifest["pairs"])
        trials = [t for t in self.trials.values() if t.kind == kind and pair in (None, t.pair)]
        return sorted(trials, key=lambda t: (order.index(t.pair), t.recipe_name, t.number))

    def seed_runs(self, pair: str, recipe_name: str) -> list[Trial]:
        """The seed runs of a pair's tuned or document's recipe, by number.

        Where the document's recipe is the finalist they are the same runs: it is trained once, with the same seeds.
        """
        finalist = self.finalist(pair)
        if recipe_name == TUNED and finalist is not None and finalist.number == 0:
            recipe_name = DOCUMENT
        return [t for t in self.of_kind(SEED, pair) if t.recipe_name == recipe_name]

    def finalist(self, pair: str) -> Trial | None:
        """The pair's best searched trial that ran to its end: highest val ROC-AUC, ties by the lower val loss."""
        done = [t for t in self.of_kind(SEARCH, pair) if t.state == COMPLETE]
        return max(done, key=lambda t: (t.best_score, -float(t.result["best_loss"])), default=None)

    def apply(self, event: Event) -> None:
        """Takes one event into account.

        Raises:
            ResultsError: the event names a trial that was never started.
        """
        kind = event["event"]
        if kind == "declared":
            self.manifest = event["manifest"]
        elif kind == "started":
            names = ("pair", "kind", "number", "recipe_name", "recipe", "seed")
            fresh = Trial(id=event["trial"], **{name: event[name] for name in names})
            known = self.trials.get(event["trial"])
            # The same recipe again is a trial that goes on; another recipe is a new finalist's seed run.
            if known is not None and known.recipe == fresh.recipe:
                known.state = RUNNING
            else:
                self.trials[event["trial"]] = fresh
        elif kind == "epoch":
            trial = self._trial(event)
            trial.epochs = [e for e in trial.epochs if e["epoch"] < event["epoch"]] + [event]
        elif kind in ("stopped", "completed", "failed"):
            trial = self._trial(event)
            trial.state = {"stopped": STOPPED, "completed": COMPLETE, "failed": FAILED}[kind]
            trial.result = event
        elif kind == "test_opened":
            self.test_opened = event
        elif kind == "finished":
            self.finished = True

    def _trial(self, event: Event) -> Trial:
        if event["trial"] not in self.trials:
            raise ResultsError(
                f"Each event must belong to a started trial, but an event {event['event']!r} names "
                f"{event['trial']!r}. Restore events.jsonl from a backup, or start again with --fresh."
            )
        return self.trials[event["trial"]]


def replay(events: Iterable[Event]) -> StudyState:
    """The state of a run after these events."""
    state = StudyState()
    for event in events:
        state.apply(event)
    return state


def write_atomically(path: Path, content: str | bytes) -> None:
    """Writes a file by way of a temporary name: a crash leaves the old file or the new one, never a part.

    Text becomes UTF-8 with Unix line ends, whatever the machine's locale is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load_run(folder: RunFolder) -> StudyState:
    """Replays a run's log.

    Raises:
        ResultsError: there is no run there, or its log is damaged.
    """
    state = replay(read_events(folder.events))
    if not state.manifest:
        raise ResultsError(
            f"A run needs its event log, but {folder.events} is missing or empty. "
            "Run the study first: python -m study.run NAME."
        )
    return state


def describe_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What of a declaration changed: one line a field, "pairs.lenet.recipe.lr: old -> new"."""
    changes = []
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            changes += [f"{key}.{change}" for change in describe_changes(before, after)]
        elif before != after:
            changes.append(f"{key}: {before!r} -> {after!r}")
    return changes
