"""Which task comes next, given all that has happened: searched trials, seed runs, test split, explanations."""

from collections.abc import Mapping, Sequence
from typing import Any

from study import records
from study.execution.task import ExplainTask, ReplicateTask, ScoreTask, SearchTask, Task
from study.records import DOCUMENT, EXPLAIN, EXPLANATIONS, FAILED, RUNNING, SCORE, SEARCH, SEED, TEST, TUNED
from study.search import Continue, History, SearchPolicy
from study.spec import Budget, Recipe

# The id of the task that scores the study's own test split.
TEST_TRIAL = "test"

# What a task that is given out again has of its trial.
_KEPT = ("id", "seed", "micro_batch", "pair", "number", "recipe", "fold")

# Origin and values (hyperparameter -> value) of a trial that doesn't come of the search.
Initial = tuple[str, Mapping[str, Any]]


class TaskQueue:
    """A study's tasks in their order.

    Their order: trials that were interrupted or are to be tried again; searched trials, to the pair with the fewest;
    seed runs of the pairs whose search has ended; seed runs of the documents' recipes, which depend on nothing and
    fill the gaps; then the test split, once, for all seed runs together; last what explains them.

    Args:
        state: the replayed log so far, with its manifest.
        recipes: pair -> the document's recipe, resolved to numbers.
        first: pair -> the trials after trial 0, before those of the search.
        searches: pair -> what decides about its search.
        histories: pair -> what its search has seen.
        budget: trials, epochs, seeds and audited trials of each pair.
    """

    def __init__(
        self,
        *,
        state: records.StudyState,
        recipes: Mapping[str, Recipe],
        first: Mapping[str, Sequence[Initial]],
        searches: Mapping[str, SearchPolicy],
        histories: Mapping[str, History],
        budget: Budget,
    ) -> None:
        self.state, self.first, self.budget = state, first, budget
        # As the records have them.
        self.recipes = {pair: recipe.without_provenance() for pair, recipe in recipes.items()}
        self.searches, self.histories = searches, histories
        # Pairs whose search has nothing left to do.
        self.over: set[str] = set()
        self.seed = state.manifest.seed
        self.run = state.manifest.run
        # A seed run, a test or what explains that failed is tried again when the command is given again.
        # Once all scores are known, nothing is trained any more: only what explains them can still be missing.
        again = (EXPLAIN,) if state.finished else (SEED, SCORE)
        for trial in [t for t in state.trials.values() if t.kind in again and t.state == FAILED]:
            state.drop(trial.id)
        for trial in [t for t in state.of_kind(SEED) if t.state == RUNNING and not self._is_wanted(t)]:
            state.drop(trial.id)
        self._waiting = [t.id for t in state.trials.values() if t.state == RUNNING]

    def put_back(self, trial_id: str) -> None:
        """Puts a trial back into the queue, to go on from its last checkpoint."""
        self._waiting.append(trial_id)

    def next_task(self, *, is_anything_live: bool) -> Task | None:
        """The next task, or None if there is none before another report arrives."""
        while self._waiting:
            trial = self.state.trials[self._waiting.pop(0)]
            # One whose stop a kill kept out of the log has been stopped since.
            if trial.state == RUNNING:
                return self._task_again(trial)
        if self.state.finished:
            return self._next_explanations()
        return (
            self._next_search()
            or self._next_tuned_seed()
            or self._next_document_seed()
            or (None if is_anything_live else self._next_test())
        )

    def is_audited(self, number: int) -> bool:
        """Whether a searched trial is never stopped early: spread evenly over all but the first, known in advance."""
        others = self.budget.trials - 1
        return number > 0 and self.budget.audit * number // others > self.budget.audit * (number - 1) // others

    def _is_wanted(self, trial: records.Trial) -> bool:
        """Whether a seed run that was in flight goes on: not where more trials may yet bring another finalist."""
        if trial.recipe_name == DOCUMENT:
            return True
        finalist = self._finalist_of_ended_search(trial.pair, trial.fold)
        return finalist is not None and finalist.recipe == trial.recipe

    def _finalist_of_ended_search(self, pair: str, fold: int = 0) -> records.Trial | None:
        searched = self.state.of_kind(SEARCH, pair, fold)
        if not all(trial.has_ended for trial in searched) or not self._is_over(pair, searched):
            return None
        return self.state.finalist(pair, fold)

    def _next_search(self) -> Task | None:
        """A trial of the pair with the fewest, where its search has something to do, or else of another."""
        searched = {pair: self.state.of_kind(SEARCH, pair) for pair in self.recipes}
        for pair in sorted(searched, key=lambda p: len(searched[p])):
            if pair not in self.over and (task := self._next_of(pair, searched[pair])) is not None:
                return task
        return None

    def _next_of(self, pair: str, searched: Sequence[records.Trial]) -> Task | None:
        number, first = len(searched), [("document", {}), *self.first[pair]]
        if number < min(len(first), self.budget.trials):
            return self._search_task(pair, number, *first[number])
        history = self.histories[pair]
        history.trials = searched
        decision = self.searches[pair].next(history)
        if isinstance(decision, Continue):
            return self._task_again(self.state.trials[decision.trial])
        if decision is not None:
            return self._search_task(pair, number, decision.origin, decision.values)
        if not any(trial.state == RUNNING for trial in searched):
            self.over.add(pair)
        return None

    def _is_over(self, pair: str, searched: Sequence[records.Trial]) -> bool:
        """Whether the search of a pair, of which nothing is running, has nothing left to do."""
        if len(searched) <= min(len(self.first[pair]), self.budget.trials - 1):
            return False
        history = self.histories[pair]
        history.trials = searched
        return pair in self.over or self.searches[pair].next(history) is None

    def _search_task(self, pair: str, number: int, origin: str, values: Mapping[str, Any]) -> SearchTask:
        recipe = self.recipes[pair]
        if values:
            recipe = recipe.with_values(values)
        return SearchTask(
            run=self.run,
            id=records.search_trial_id(pair, number),
            pair=pair,
            number=number,
            recipe=recipe,
            seed=self.seed,
            origin=origin,
            audited=self.is_audited(number),
        )

    def _next_tuned_seed(self) -> ReplicateTask | None:
        for pair in self.recipes:
            finalist = self._finalist_of_ended_search(pair)
            # Trial 0 is the document's recipe, whose seed runs come anyway.
            if finalist is not None and finalist.number > 0:
                task = self._next_seed(pair, TUNED, finalist.recipe)
                if task is not None:
                    return task
        return None

    def _next_document_seed(self) -> ReplicateTask | None:
        for pair, recipe in self.recipes.items():
            task = self._next_seed(pair, DOCUMENT, recipe)
            if task is not None:
                return task
        return None

    def _next_seed(self, pair: str, recipe_name: str, recipe: Recipe) -> ReplicateTask | None:
        for number in range(self.budget.seeds):
            trial_id = records.seed_trial_id(pair, recipe_name, number)
            known = self.state.trials.get(trial_id)
            if known is None or known.recipe != recipe:
                return ReplicateTask(
                    run=self.run,
                    id=trial_id,
                    pair=pair,
                    number=number,
                    recipe_name=recipe_name,
                    recipe=recipe,
                    # Other seeds than the search's, and the same for both recipes: their difference is paired.
                    seed=self.seed + 1 + number,
                )
        return None

    def _next_test(self) -> ScoreTask | None:
        if TEST_TRIAL in self.state.trials or not self._completed_seed_runs():
            # Nothing to score, so the test split stays closed.
            return None
        return self._score_task(TEST_TRIAL, TEST)

    def _next_explanations(self) -> ExplainTask | None:
        if self.state.explained is not None:
            return None
        return ExplainTask(run=self.run, id=EXPLANATIONS, seed=self.seed)

    def _completed_seed_runs(self) -> list[records.Trial]:
        return [t for t in self.state.of_kind(SEED) if t.state == records.COMPLETE]

    def _score_task(self, trial_id: str, evaluation_set: str, micro_batch: int = 0) -> ScoreTask:
        return ScoreTask(
            run=self.run,
            id=trial_id,
            seed=self.seed,
            micro_batch=micro_batch,
            evaluation_set=evaluation_set,
            seed_runs={t.id: (t.pair, t.recipe) for t in self._completed_seed_runs()},
        )

    def _task_again(self, trial: records.Trial) -> Task:
        if trial.kind == SCORE:
            # Logs that don't name the set knew only the test split.
            return self._score_task(trial.id, trial.evaluation_set or TEST, trial.micro_batch)
        if trial.kind == EXPLAIN:
            return ExplainTask(run=self.run, id=trial.id, seed=trial.seed, micro_batch=trial.micro_batch)
        known: dict[str, Any] = {
            "run": self.run,
            "epochs_recorded": len(trial.epochs),
            **{name: getattr(trial, name) for name in _KEPT},
        }
        if trial.kind == SEED:
            return ReplicateTask(**known, recipe_name=trial.recipe_name)
        return SearchTask(**known, origin=trial.origin, audited=trial.audited)
