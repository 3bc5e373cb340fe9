"""Says on stderr how a study goes: one line for each trial that ends, readable in a terminal and in a log file."""

import sys
import time
from typing import TextIO

from study import records
from study.records import COMPLETE, SEARCH, SEED, STOPPED, TUNED, StudyState
from study.spec import Budget
from study.wording import clock

_STATUS_PERIOD_S = 1.0
# From which the time of those that are left can be told.
_FEWEST_EPOCHS = 5


class Progress:
    """A tracker that writes lines.

    With several studies side by side, `prefix` says which one a line is about.

    In a terminal a status line below the ended trials is redrawn every second; in a file only ended trials appear.
    """

    def __init__(self, budget: Budget, num_pairs: int, stream: TextIO | None = None, *, prefix: str = "") -> None:
        self.budget, self.num_pairs, self.prefix = budget, num_pairs, prefix
        # As it is now: the one at the time of import may have been closed.
        self.stream = stream or sys.stderr
        self.started_s = time.monotonic()
        self._status_at_s = 0.0
        self._epochs_here = 0
        self._trained_since_s = self.started_s

    def on_event(self, event: records.Event, state: StudyState) -> None:
        """Takes note of an event."""
        kind = event["event"]
        if kind == "epoch":
            self._epochs_here += 1
            if self._epochs_here == 1:
                # Before it, processes were started.
                self._trained_since_s = time.monotonic()
        if kind in ("completed", "stopped", "failed"):
            self._line(self._ended(state.trials[event["trial"]], state))
        elif kind == "attempt_failed":
            self._line(self._tried_again(state.trials[event["trial"]], event))
        elif kind == "test_opened":
            self._line(
                f"The test split ({event['num_images']} images) is opened once, for {len(event['trials'])} seed runs."
            )
        elif self.stream.isatty() and time.monotonic() - self._status_at_s > _STATUS_PERIOD_S:
            self._status_at_s = time.monotonic()
            self.stream.write(f"\r\033[K{self.prefix}{self._status(state)}")
            self.stream.flush()

    def close(self) -> None:
        """Nothing is open."""

    def _line(self, text: str) -> None:
        clear = "\r\033[K" if self.stream.isatty() else ""
        self.stream.write(f"{clear}[{clock(time.monotonic() - self.started_s)}] {self.prefix}{text}\n")
        self.stream.flush()

    def _tried_again(self, trial: records.Trial, event: records.Event) -> str:
        smaller = f", {trial.micro_batch} images at a time" if trial.micro_batch else ""
        return f"{trial.id}: {event['reason']}; it is tried again from epoch {len(trial.epochs)}{smaller}"

    def _ended(self, trial: records.Trial, state: StudyState) -> str:
        if trial.kind == records.SCORE:
            return f"test split scored: {trial.state}"
        if trial.kind == records.EXPLAIN:
            return f"images, maps and times for the report: {trial.result.get('reason', 'recorded')}"
        what = f"trial {trial.number}"
        if trial.kind == SEED:
            # A pair's starting recipe isn't always a document's.
            what = f"{'tuned' if trial.recipe_name == TUNED else 'start'} seed {trial.number}"
        text = (
            f"{trial.pair:<{max(map(len, state.manifest.pairs))}} {what:<12} {trial.state:<8} "
            f"epoch {len(trial.epochs):>2}/{self.budget.epochs}  val {_short(state)} {trial.best_score:.3f}"
        )
        ended = [t for t in state.of_kind(SEARCH, trial.pair) if t.epochs and t.has_ended]
        is_best = trial in ended and trial.best_score == state.objective.best(t.best_score for t in ended)
        text += " (best)" if is_best else " " * len(" (best)")
        if trial.state == records.FAILED:
            text += f"  {trial.result['reason']}"
        return f"{text} | {self._status(state)}"

    def _status(self, state: StudyState) -> str:
        searched, seeds = ([t for t in state.of_kind(kind) if t.has_ended] for kind in (SEARCH, SEED))
        return (
            f"search {len(searched)}/{self.budget.trials * self.num_pairs}, "
            f"seeds {len(seeds)}/{self._num_seed_runs(state)}, {self._left(state)}"
        )

    def _num_seed_runs(self, state: StudyState) -> int:
        """Two recipes a pair, but one where the search has ended with the document's recipe as its finalist."""
        num_recipes = 0
        for pair in state.manifest.pairs:
            ended = [t for t in state.of_kind(SEARCH, pair) if t.has_ended]
            finalist = state.finalist(pair)
            same = len(ended) >= self.budget.trials and finalist is not None and finalist.number == 0
            num_recipes += 1 if same else 2
        return num_recipes * self.budget.seeds

    def _left(self, state: StudyState) -> str:
        """Time left, from the epochs of this session and the epochs that trials of this study have needed so far."""
        searched = [t for t in state.of_kind(SEARCH) if t.state in (COMPLETE, STOPPED)]
        if not searched or self._epochs_here <= _FEWEST_EPOCHS:
            return "time left unknown"
        each = sum(len(t.epochs) for t in searched) / len(searched)
        total = self.num_pairs * self.budget.trials * each + self._num_seed_runs(state) * self.budget.epochs
        done = sum(len(t.epochs) for t in state.trials.values())
        per_epoch_s = (time.monotonic() - self._trained_since_s) / (self._epochs_here - 1)
        return f"{clock(max(0.0, total - done) * per_epoch_s)} left"


def _short(state: StudyState) -> str:
    """The objective in a line that is full already."""
    return "AUC" if state.objective.name == "roc_auc" else state.objective.title
