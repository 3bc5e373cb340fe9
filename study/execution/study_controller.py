"""Takes the reports of a study's trials and decides what becomes of them; owns the event log, and knows nothing of Ray.

The searcher and the scheduler that Ray Tune talks to (`study.execution.ray_backend.tune_adapters`) pass everything on
to one `StudyController`.
All its decisions follow from the events so far, so a controller that is built from the log of an interrupted study
goes on as if nothing had happened.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from study import records
from study.execution.run_keeper import Keeper, NoKeeper
from study.execution.task import Task
from study.execution.task_queue import TEST_TRIAL, Initial, TaskQueue
from study.records import FAILED, PAUSED, RUNNING, SEARCH
from study.search import History, Report, SearchPolicy, Verdict
from study.spec import Budget, Recipe
from study.tracking.tracker import ENDS, Tracker
from study.training import failures
from study.training.failures import Failure
from study.training.prediction import EVALUATION_BATCH_SIZE

NO_KEEPER = NoKeeper()


class StudyController:
    """Gives out tasks and takes reports.

    Args:
        log: where events go.
        state: the replayed log so far, with its manifest.
        recipes: pair -> the document's recipe, resolved to numbers.
        searches: pair -> what decides about its search.
        first: pair -> origin and values of the trials after trial 0, before those of the search.
        budget: trials, epochs, seeds and audited trials of each pair.
        keeper: does what must be done beside the log.

    Attributes:
        exhausted: nothing is left to give out or to wait for. Without `done`, the study can't be finished.
        halted: why nothing more is given out or recorded, though there is something left: a disk that is full; else "".
        live: ids of the trials that are being trained.
    """

    def __init__(
        self,
        *,
        log: records.EventLog,
        state: records.StudyState,
        recipes: Mapping[str, Recipe],
        searches: Mapping[str, SearchPolicy],
        first: Mapping[str, Sequence[Initial]],
        budget: Budget,
        keeper: Keeper = NO_KEEPER,
    ) -> None:
        self.log, self.state, self.budget, self.keeper = log, state, budget, keeper
        self.trackers: Sequence[Tracker] = ()
        manifest = state.manifest
        self._num_train = sum(manifest.counts["train"].values())
        self.searches = searches
        self.histories = {pair: History() for pair in recipes}
        self.live: set[str] = set()
        self.exhausted, self.halted = False, ""
        if TEST_TRIAL in state.trials and state.trials[TEST_TRIAL].state == records.COMPLETE and not state.finished:
            # A kill between the last two events. Which tasks are left depends on it.
            self._append("finished")
        self.task_queue = TaskQueue(
            state=state, recipes=recipes, first=first, searches=searches, histories=self.histories, budget=budget
        )

    def begin(self, trackers: Sequence[Tracker] = ()) -> None:
        """Goes on where the log ends: stops trials whose stop a kill kept out of it. Then tasks may be asked for.

        Args:
            trackers: see each event from now on.
        """
        self.trackers = trackers
        self._replay_reports()

    @property
    def done(self) -> bool:
        """Whether all scores are known, and what explains the networks is recorded or was given up."""
        explained = self.state.explained
        return self.state.finished and explained is not None and explained.has_ended

    def next_task(self) -> Task | None:
        """The next task, or None if there is none before another report arrives."""
        if self.halted:
            return None
        task = self.task_queue.next_task(is_anything_live=bool(self.live))
        if task is None and self._stop_paused():
            task = self.task_queue.next_task(is_anything_live=bool(self.live))
        if task is None:
            self.exhausted = not self.live
        else:
            self._append("started", **task.record())
            self.keeper.before_task(task, self.state)
            self.live.add(task.id)
        return task

    def on_report(self, trial_id: str, report: Mapping[str, Any]) -> bool:
        """Takes an actor's report (an event without time) and says whether the trial should stop now."""
        if self.halted:
            return True
        if trial_id not in self.live:
            return False
        event = str(report["event"])
        values = {k: v for k, v in report.items() if k != "event"}
        if event == "failed":
            self._fail(trial_id, Failure(**values))
        elif event == "epoch":
            return self._epoch(trial_id, values)
        elif event != "test_opened" or values["evaluation_set"] not in self.state.opened:
            # A score task may be tried again: what it opens is open.
            self._append(event, trial=trial_id, **values)
            if event == "completed":
                self._end(trial_id)
        return False

    def on_lost(self, trial_id: str, failure: Failure) -> None:
        """An actor ended without a report."""
        if trial_id in self.live and not self.halted:
            self._fail(trial_id, failure)

    def halt(self, reason: str) -> None:
        """From now on nothing is given out or recorded: the trials that are live go on in the next session."""
        self.halted = self.halted or reason

    def _epoch(self, trial_id: str, values: dict[str, Any]) -> bool:
        trial = self.state.trials[trial_id]
        # A trial that goes on repeats the epoch of which there was no checkpoint; it was judged by it before.
        is_repeated = values["epoch"] <= len(trial.epochs)
        event = self._append("epoch", trial=trial_id, **values)
        if trial.kind != SEARCH or is_repeated:
            return False
        self.histories[trial.pair].reports.append(_report(trial, event))
        return self._carry_out(self._verdict(trial), trial, event)

    def _stop_paused(self) -> bool:
        """Ends what a search that is over has left paused, and says whether there was anything."""
        searched = [trial for pair in self.task_queue.over for trial in self.state.of_kind(SEARCH, pair)]
        paused = [trial for trial in searched if trial.state == PAUSED]
        for trial in paused:
            self._append("stopped", trial=trial.id, reason="paused, and not gone on with")
        return bool(paused)

    def _verdict(self, trial: records.Trial) -> Verdict:
        """What becomes of the trial that the last report is of."""
        history = self.histories[trial.pair]
        history.trials = self.state.of_kind(SEARCH, trial.pair, trial.fold)
        return self.searches[trial.pair].on_epoch(history, trial)

    def _carry_out(self, verdict: Verdict, trial: records.Trial, epoch: records.Event) -> bool:
        """Records what becomes of a trial, and says whether its actor is to stop now."""
        if verdict == Verdict.GO:
            return False
        if _always_goes_on(trial):
            if verdict == Verdict.STOP:
                self._append("spared", trial=trial.id, epoch=epoch["epoch"])
            return False
        if verdict == Verdict.PAUSE:
            self._append("paused", trial=trial.id, epoch=epoch["epoch"])
            self.live.discard(trial.id)
        else:
            rungs = self.state.manifest.pairs[trial.pair].rungs
            where = "rung" if epoch["epoch"] in rungs else "epoch"
            self._append("stopped", trial=trial.id, reason=f"not among the best at {where} {epoch['epoch']}")
            self._end(trial.id)
        return True

    def _fail(self, trial_id: str, failure: Failure) -> None:
        """Tries a trial again, or gives it up."""
        if failure.kind == failures.DISK:
            # No fault of the recipe, and the next trial would fare no better.
            self.halt(f"{trial_id}: {failure.reason}")
            return
        trial = self.state.trials[trial_id]
        # Where nothing is trained there is no recipe: the test task answers batch by batch as every evaluation does.
        batch_size = min(trial.recipe.batch_size, self._num_train) if trial.trains else EVALUATION_BATCH_SIZE
        micro_batch = failures.next_micro_batch(trial, failure.kind, batch_size=batch_size)
        values = {"trial": trial_id, "epochs": len(trial.epochs), **asdict(failure)}
        if micro_batch is None:
            self._append("failed", **values)
            self._end(trial_id)
        else:
            self._append("attempt_failed", **values, micro_batch=micro_batch)
            self.live.discard(trial_id)
            self.task_queue.put_back(trial_id)

    def _end(self, trial_id: str) -> None:
        self.live.discard(trial_id)
        if trial_id == TEST_TRIAL and self.state.trials[TEST_TRIAL].state != FAILED:
            self._append("finished")

    def _append(self, event: str, **values: Any) -> records.Event:
        record = self.log.append(event, **values)
        self.state.apply(record)
        if event in ENDS:
            self.keeper.after_end(self.state.trials[record["trial"]])
        for tracker in self.trackers:
            tracker.on_event(record, self.state)
        return record

    def _replay_reports(self) -> None:
        """Fills the histories in the order of the log, and stops trials whose stop a kill kept out of the log."""
        searched = self.state.of_kind(SEARCH)
        epochs = [(epoch, trial) for trial in searched for epoch in trial.epochs]
        for epoch, trial in sorted(epochs, key=lambda pair: float(pair[0]["time"])):
            self.histories[trial.pair].reports.append(_report(trial, epoch))
            if trial.state == RUNNING and epoch is trial.epochs[-1] and epoch["epoch"] not in trial.spared:
                self._carry_out(self._verdict(trial), trial, epoch)


def _report(trial: records.Trial, epoch: records.Event) -> Report:
    return Report(trial.id, int(epoch["epoch"]), trial.objective.of_epoch(epoch), float(epoch["seconds"]))


def _always_goes_on(trial: records.Trial) -> bool:
    """The document's recipe and audited trials count in comparisons, but are never stopped."""
    return trial.number == 0 or trial.audited
