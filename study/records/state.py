"""What the event log says of a study: its trials and how far it has come."""

from bisect import insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from study.errors import ResultsError
from study.records.folder import RunFolder
from study.records.log import Event, read_events
from study.records.manifest import Manifest
from study.records.objective import Objective
from study.records.recipes import recipe_from_json
from study.records.split_names import TEST
from study.spec import Recipe

SEARCH, SEED, EXPLAIN = "search", "seed", "explain"
# A trial that scores networks on an evaluation set. Logs have always called it after the only one that there was.
SCORE = "test"
# The id of the one task that explains.
EXPLANATIONS = "explanations"
TUNED, DOCUMENT = "tuned", "document"
RUNNING, PAUSED, COMPLETE, STOPPED, FAILED = "RUNNING", "PAUSED", "COMPLETE", "STOPPED", "FAILED"
# What an event makes of its trial.
_STATES = {"paused": PAUSED, "stopped": STOPPED, "completed": COMPLETE, "failed": FAILED}


@dataclass
class Trial:
    """All that is known of one trial.

    Attributes:
        id: unique within the run.
        pair: architecture name.
        kind: "search", "seed", "test" or "explain".
        number: 0-based within its pair, fold and kind (and recipe_name, for seed runs).
        recipe_name: "tuned" or "document", for seed runs; "search" for searched trials.
        recipe: as trained; of a task that trains nothing, all defaults.
        seed: of initialization, batch order, augmentation and dropout.
        origin: of a searched trial's recipe: "document", "tried", "default" or "search"; "" for others.
        audited: never stopped early, to learn what early stopping costs.
        micro_batch: images that are in memory at a time where a whole batch is too many; 0 is the whole batch.
        fold: of an outer cross-validation, 0-based; 0 where there is none.
        evaluation_set: what a trial scores networks on; "" of others, and in logs that knew only the test split.
        state: RUNNING, PAUSED, COMPLETE, STOPPED or FAILED.
        epochs: the epoch events, one an epoch, in order; a repeated epoch keeps the last.
        spared: rungs at which early stopping would have ended the trial, but may not.
        attempts: the events of what broke and was tried again.
        result: the event that ended or paused the trial, or {}.
        objective: what the study chooses by.
    """

    id: str
    pair: str
    kind: str
    number: int
    recipe_name: str
    recipe: Recipe
    seed: int
    origin: str = ""
    audited: bool = False
    micro_batch: int = 0
    fold: int = 0
    evaluation_set: str = ""
    state: str = RUNNING
    epochs: list[Event] = field(default_factory=list)
    spared: list[int] = field(default_factory=list)
    attempts: list[Event] = field(default_factory=list)
    result: Event = field(default_factory=dict)
    objective: Objective = field(default_factory=Objective)

    @property
    def has_ended(self) -> bool:
        """Whether nothing more comes of it."""
        return self.state in (COMPLETE, STOPPED, FAILED)

    @property
    def trains(self) -> bool:
        """Whether it trains a recipe; else it scores or explains what others have trained."""
        return self.kind in (SEARCH, SEED)

    @property
    def best_score(self) -> float:
        """Best value of the objective on val so far; NaN before the first epoch."""
        return self.objective.best(self.scores)

    @property
    def scores(self) -> list[float]:
        """The objective on val, epoch by epoch."""
        return [self.objective.of_epoch(epoch) for epoch in self.epochs]

    def best_by_epoch(self) -> dict[int, float]:
        """Epoch -> the best value of the objective until then; NaN before there is one."""
        best, values = float("nan"), {}
        for epoch, score in zip(self.epochs, self.scores, strict=True):
            best = self.objective.best((best, score))
            values[int(epoch["epoch"])] = best
        return values

    @property
    def seconds(self) -> float:
        """Time spent in training and evaluation."""
        return sum(float(e["seconds"]) for e in self.epochs)


@dataclass
class StudyState:
    """A run's event log, replayed.

    Attributes:
        declared: the last manifest; None before there is one.
        trials: id -> trial, in the order in which they were started.
        opened: name of an evaluation set -> the event that opened it; "test" is the study's own test split.
        finished: whether all scores are known.
    """

    declared: Manifest | None = None
    trials: dict[str, Trial] = field(default_factory=dict)
    opened: dict[str, Event] = field(default_factory=dict)
    finished: bool = False
    # (kind, pair) -> trials by fold, recipe and number: a study of ten thousand trials can't sort them at each event.
    _sorted: dict[tuple[str, str], list[Trial]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def manifest(self) -> Manifest:
        """What the run is.

        Raises:
            ResultsError: the log doesn't say so: it is empty, or its first lines are missing.
        """
        if self.declared is None:
            raise ResultsError(
                "A run's log must begin with what is declared, but this one has no such event. Restore events.jsonl "
                "from a backup, or start again with --fresh."
            )
        return self.declared

    def of_kind(self, kind: str, pair: str | None = None, fold: int | None = None) -> list[Trial]:
        """The trials of one kind (pair, fold), by pair in the order of the manifest, then by fold and number."""
        pairs = list(self.manifest.pairs) if pair is None else [pair]
        found = [trial for each in pairs for trial in self._sorted.get((kind, each), ())]
        return found if fold is None else [trial for trial in found if trial.fold == fold]

    @property
    def folds(self) -> tuple[int, ...]:
        """The folds that trials were started in, ascending."""
        return tuple(sorted({trial.fold for trial in self.trials.values()}))

    @property
    def test_opened(self) -> Event:
        """The event that opened the study's own test split; {} before that."""
        return self.opened.get(TEST, {})

    @property
    def objective(self) -> Objective:
        """What "best" means in this study."""
        return self.declared.objective if self.declared is not None else Objective()

    @property
    def explained(self) -> Trial | None:
        """The task that records what explains the networks; None before it began."""
        return self.trials.get(EXPLANATIONS)

    def drop(self, trial_id: str) -> None:
        """Forgets a trial, as if it had never been started."""
        trial = self.trials.pop(trial_id)
        self._sorted[trial.kind, trial.pair].remove(trial)

    def seed_runs(self, pair: str, recipe_name: str, fold: int = 0) -> list[Trial]:
        """The seed runs of a pair's tuned or document's recipe in one fold, by number.

        Where the document's recipe is the finalist they are the same runs: it is trained once, with the same seeds.
        """
        finalist = self.finalist(pair, fold)
        if recipe_name == TUNED and finalist is not None and finalist.number == 0:
            recipe_name = DOCUMENT
        return [t for t in self.of_kind(SEED, pair, fold) if t.recipe_name == recipe_name]

    def finalist(self, pair: str, fold: int = 0) -> Trial | None:
        """A pair's best searched trial of a fold that ran to its end: by the objective on val, then the lower loss."""
        done = [t for t in self.of_kind(SEARCH, pair, fold) if t.state == COMPLETE]
        merit = self.objective.merit
        return max(done, key=lambda t: (merit(t.best_score), -float(t.result["best_loss"])), default=None)

    def apply(self, event: Event) -> None:
        """Takes one event into account.

        Raises:
            ResultsError: the event names a trial that was never started.
        """
        kind = event["event"]
        if kind == "declared":
            self.declared = Manifest.from_json(event["manifest"])
        elif kind == "started":
            self._start(event)
        elif kind == "test_opened":
            # Until evaluation sets had names there was one.
            self.opened[event.get("evaluation_set", TEST)] = event
        elif kind == "finished":
            self.finished = True
        else:
            self._apply_to_trial(kind, event)

    def _start(self, event: Event) -> None:
        names = ("pair", "kind", "number", "recipe_name", "seed")
        # Logs of earlier versions lack these, or some of them.
        later_names = ("origin", "audited", "micro_batch", "fold", "evaluation_set")
        later = {name: event[name] for name in later_names if name in event}
        recipe = recipe_from_json(event["recipe"])
        values = {name: event[name] for name in names}
        fresh = Trial(id=event["trial"], recipe=recipe, objective=self.objective, **values, **later)
        known = self.trials.get(event["trial"])
        # The same recipe again is a trial that goes on; another recipe is a new finalist's seed run.
        if known is not None and known.recipe == fresh.recipe:
            known.state, known.micro_batch, known.result = RUNNING, fresh.micro_batch, {}
            return
        if known is not None:
            self.drop(known.id)
        self.trials[fresh.id] = fresh
        insort(self._sorted.setdefault((fresh.kind, fresh.pair), []), fresh, key=_order)

    def _apply_to_trial(self, kind: str, event: Event) -> None:
        trial = self._trial(event)
        if kind == "epoch":
            while trial.epochs and trial.epochs[-1]["epoch"] >= event["epoch"]:
                trial.epochs.pop()
            trial.epochs.append(event)
        elif kind == "spared":
            trial.spared.append(int(event["epoch"]))
        elif kind == "attempt_failed":
            trial.attempts.append(event)
            trial.micro_batch = event["micro_batch"]
        elif kind in _STATES:
            trial.state, trial.result = _STATES[kind], event

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


def load_run(folder: RunFolder) -> StudyState:
    """Replays a run's log.

    Raises:
        ResultsError: there is no run there, or its log is damaged.
    """
    state = replay(read_events(folder.events))
    if state.declared is None:
        raise ResultsError(
            f"A run needs its event log, but {folder.events} is missing or empty. "
            "Run the study first: python -m study.run NAME."
        )
    return state


def _order(trial: Trial) -> tuple[int, str, int]:
    """Where a trial stands among those of its pair and kind."""
    return trial.fold, trial.recipe_name, trial.number


def _short(value: Any) -> str:
    """One side of a change, but for the inside of what is new or gone as a whole."""
    return "{...}" if isinstance(value, dict) else repr(value)


def describe_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What of a declaration changed: one line a field, "pairs.lenet.recipe.lr: old -> new"."""
    changes = []
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            changes += [f"{key}.{change}" for change in describe_changes(before, after)]
        elif before != after:
            changes.append(f"{key}: {_short(before)} -> {_short(after)}")
    return changes
