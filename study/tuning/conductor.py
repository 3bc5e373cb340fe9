"""Decides what is trained next and what is stopped; owns the event log, and knows nothing of Ray.

The searcher and the scheduler that Ray Tune talks to (`study.tuning.adapters`) pass everything on to one `Conductor`.
All its decisions follow from the events so far, so a conductor that is built from the log of an interrupted study
goes on as if nothing had happened.
"""

from collections.abc import Callable, Mapping
from typing import Any

from study import records
from study.records import DOCUMENT, FAILED, RUNNING, SEARCH, SEED, TEST, TUNED
from study.spec import Budget, Recipe
from study.tuning.early_stopping import Rungs
from study.tuning.search import PairSearch
from study.tuning.task import Task

Listener = Callable[[records.Event, records.StudyState], None]

TEST_TRIAL = "test"


class Conductor:
    """Deals tasks and takes reports.

    The order of tasks: trials that were in flight when the study was interrupted; searched trials, to the pair with
    the fewest; seed runs of the pairs whose search has ended; seed runs of the documents' recipes, which depend on
    nothing and fill the gaps; last the test split, once, for all seed runs together.

    Args:
        log: where events go.
        state: the replayed log so far, with its manifest.
        recipes: pair -> the document's recipe, resolved to numbers.
        searches: pair -> its search.
        budget: trials, epochs and seeds of each pair.
        listener: called after each event, e.g. to show progress.

    Attributes:
        exhausted: nothing is left to deal or to wait for. Without `done`, the study can't be finished.
    """

    def __init__(
        self,
        *,
        log: records.EventLog,
        state: records.StudyState,
        recipes: Mapping[str, Recipe],
        searches: Mapping[str, PairSearch],
        budget: Budget,
        listener: Listener,
    ) -> None:
        self.log, self.state, self.budget = log, state, budget
        self.recipes, self.searches, self.listener = recipes, searches, listener
        manifest = state.manifest
        self.seed = int(manifest["seed"])
        self.run = str(manifest["run"])
        self.rungs = {p: Rungs(manifest["pairs"][p]["rungs"], manifest["reduction_factor"]) for p in recipes}
        # A seed run or a test task that failed is tried again when the command is given again.
        for trial in [t for t in state.trials.values() if t.kind != SEARCH and t.state == FAILED]:
            del state.trials[trial.id]
        self._live: set[str] = set()
        self._replay_rungs()
        for trial in [t for t in state.of_kind(SEED) if t.state == RUNNING and not self._is_wanted(t)]:
            del state.trials[trial.id]
        if TEST_TRIAL in state.trials and state.trials[TEST_TRIAL].state == records.COMPLETE and not state.finished:
            # A kill between the last two events.
            self._append("finished")
        self._waiting = [self._task_again(t) for t in state.trials.values() if t.state == RUNNING]
        self.exhausted = False

    def _is_wanted(self, trial: records.Trial) -> bool:
        """Whether a seed run that was in flight goes on: not where more trials may yet bring another finalist."""
        if trial.recipe_name == DOCUMENT:
            return True
        finalist = self._finalist_of_ended_search(trial.pair)
        return finalist is not None and finalist.recipe == trial.recipe

    def _finalist_of_ended_search(self, pair: str) -> records.Trial | None:
        searched = self.state.of_kind(SEARCH, pair)
        if len(searched) < self.budget.trials or any(t.state == RUNNING for t in searched):
            return None
        return self.state.finalist(pair)

    @property
    def done(self) -> bool:
        """Whether the study is finished."""
        return self.state.finished

    def next_task(self) -> Task | None:
        """The next task, or None if there is none before another report arrives."""
        task = (
            self._next_waiting()
            or self._next_search()
            or self._next_tuned_seed()
            or self._next_document_seed()
            or self._next_test()
        )
        if task is None:
            self.exhausted = not self._live
        else:
            self._live.add(task.id)
            self._append("started", **task.record())
        return task

    def on_report(self, trial_id: str, report: Mapping[str, Any]) -> bool:
        """Takes an actor's report (an event without time) and says whether the trial should stop now."""
        if trial_id not in self._live:
            return False
        values = {k: v for k, v in report.items() if k != "event"}
        event = self._append(report["event"], trial=trial_id, **values)
        if event["event"] in ("completed", "failed"):
            self._end(trial_id)
        if event["event"] != "epoch":
            return False
        trial = self.state.trials[trial_id]
        if trial.kind != SEARCH or not self._record_at_rungs(trial, event):
            return False
        self._stop(trial_id, event)
        return True

    def on_lost(self, trial_id: str, reason: str) -> None:
        """An actor died without a report: its trial has failed."""
        if trial_id in self._live:
            self._append("failed", trial=trial_id, reason=reason)
            self._end(trial_id)

    def _end(self, trial_id: str) -> None:
        self._live.discard(trial_id)
        if trial_id == TEST_TRIAL and self.state.trials[TEST_TRIAL].state != FAILED:
            self._append("finished")

    def _append(self, event: str, **values: Any) -> records.Event:
        record = self.log.append(event, **values)
        self.state.apply(record)
        self.listener(record, self.state)
        return record

    def _replay_rungs(self) -> None:
        """Fills the rungs in the order of the log, and stops trials whose stop a kill kept out of the log."""
        searched = {t.id: t for t in self.state.of_kind(SEARCH)}
        epochs = [(epoch, trial) for trial in searched.values() for epoch in trial.epochs]
        for epoch, trial in sorted(epochs, key=lambda pair: float(pair[0]["time"])):
            stop = self._record_at_rungs(trial, epoch)
            if stop and trial.state == RUNNING and epoch is trial.epochs[-1]:
                self._stop(trial.id, epoch)

    def _stop(self, trial_id: str, epoch: records.Event) -> None:
        self._append("stopped", trial=trial_id, reason=f"not among the best at rung {epoch['epoch']}")
        self._end(trial_id)

    def _record_at_rungs(self, trial: records.Trial, epoch: records.Event) -> bool:
        """Whether the trial should stop. The document's recipe counts at the rungs, but always goes on."""
        scores = [e["val_roc_auc"] for e in trial.epochs if e["epoch"] <= epoch["epoch"]]
        stop = self.rungs[trial.pair].record(trial.id, epoch["epoch"], max(scores))
        return stop and trial.number > 0

    def _next_waiting(self) -> Task | None:
        return self._waiting.pop(0) if self._waiting else None

    def _next_search(self) -> Task | None:
        dealt = {pair: self.state.of_kind(SEARCH, pair) for pair in self.recipes}
        pair = min(dealt, key=lambda p: len(dealt[p]))
        number = len(dealt[pair])
        if number >= self.budget.trials:
            return None
        recipe = self.recipes[pair]
        if number > 0:
            recipe = recipe.with_values(self.searches[pair].suggest(number, dealt[pair]))
        return Task(
            run=self.run,
            id=f"{pair}-search{number}",
            pair=pair,
            kind=SEARCH,
            number=number,
            recipe_name=SEARCH,
            recipe=recipe.hyperparameters(),
            seed=self.seed,
        )

    def _next_tuned_seed(self) -> Task | None:
        for pair in self.recipes:
            finalist = self._finalist_of_ended_search(pair)
            # Trial 0 is the document's recipe, whose seed runs are dealt anyway.
            if finalist is not None and finalist.number > 0:
                task = self._next_seed(pair, TUNED, finalist.recipe)
                if task is not None:
                    return task
        return None

    def _next_document_seed(self) -> Task | None:
        for pair, recipe in self.recipes.items():
            task = self._next_seed(pair, DOCUMENT, recipe.hyperparameters())
            if task is not None:
                return task
        return None

    def _next_seed(self, pair: str, recipe_name: str, recipe: dict[str, Any]) -> Task | None:
        for number in range(self.budget.seeds):
            trial_id = records.seed_trial_id(pair, recipe_name, number)
            known = self.state.trials.get(trial_id)
            if known is None or known.recipe != recipe:
                return Task(
                    run=self.run,
                    id=trial_id,
                    pair=pair,
                    kind=SEED,
                    number=number,
                    recipe_name=recipe_name,
                    recipe=recipe,
                    # Other seeds than the search's, and the same for both recipes: their difference is paired.
                    seed=self.seed + 1 + number,
                )
        return None

    def _next_test(self) -> Task | None:
        if TEST_TRIAL in self.state.trials or self._live:
            return None
        if not any(t.state == records.COMPLETE for t in self.state.of_kind(SEED)):
            # Nothing to score, so the test split stays closed.
            return None
        return self._test_task()

    def _test_task(self) -> Task:
        done = [t for t in self.state.of_kind(SEED) if t.state == records.COMPLETE]
        return Task(
            run=self.run,
            id=TEST_TRIAL,
            pair="",
            kind=TEST,
            number=0,
            recipe_name="",
            recipe={},
            seed=self.seed,
            seed_runs={t.id: (t.pair, t.recipe) for t in done},
        )

    def _task_again(self, trial: records.Trial) -> Task:
        if trial.kind == TEST:
            return self._test_task()
        names = ("id", "pair", "kind", "number", "recipe_name", "recipe", "seed")
        return Task(run=self.run, **{name: getattr(trial, name) for name in names}, epochs_recorded=len(trial.epochs))
