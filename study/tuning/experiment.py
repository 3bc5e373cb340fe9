"""One Ray Tune experiment: all studies, pairs, searched trials and seed runs, one pool of warm trial actors."""

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from ray import tune

from study import records
from study.tuning import derived, search, space
from study.tuning.adapters import ConductorScheduler, ConductorSearcher
from study.tuning.conductor import Conductor
from study.tuning.plan import Plan
from study.tuning.programme import Programme
from study.tuning.progress import Progress
from study.tuning.resources import Slots
from study.tuning.task import Workload
from study.tuning.trial import run_trial


@dataclass(frozen=True)
class Ended:
    """What came of one study.

    Attributes:
        state: finished, interrupted or stuck.
        stuck: what keeps it from its end, with the way on; "" where nothing does.
    """

    state: records.StudyState
    stuck: str


def run_experiment(plans: Sequence[Plan], slots: Slots, *, num_workers: int = 0) -> list[Ended]:
    """Runs what is left of the studies; the records are then up to date, finished or not.

    Args:
        plans: the studies, with their records opened, in the order in which they are to be finished.
        slots: what runs side by side.
        num_workers: 0 trains in the trial actors; more start a Ray Train worker group for each trial.
    """
    with ExitStack() as stack:
        conductors = {
            plan.run: stack.enter_context(_conducted(plan, prefix=f"{plan.run}  " if len(plans) > 1 else ""))
            for plan in plans
        }
        programme = Programme(conductors)
        if not programme.done:
            _run_tuner(programme, {plan.run: plan.workload(slots, num_workers) for plan in plans}, slots)
    return [Ended(c.state, _why_unfinished(c.state) if c.exhausted and not c.done else "") for c in conductors.values()]


@contextmanager
def _conducted(plan: Plan, *, prefix: str) -> Iterator[Conductor]:
    """A study's conductor on its open log. However it ends, the derived files are then rebuilt."""
    folder, pairs = plan.folder, plan.study.pairs
    log = records.EventLog(folder.events)
    state = records.replay(records.read_events(folder.events))
    if state.manifest != plan.manifest:
        state.apply(log.append("declared", manifest=plan.manifest))
    distributions = {pair: space.distributions(plan.study.space_of(pair)) for pair in pairs}
    try:
        yield Conductor(
            log=log,
            state=state,
            recipes=pairs,
            searches={
                p: search.PairSearch(p, d, plan.seed, plan.study.tried.get(p, ())) for p, d in distributions.items()
            },
            budget=plan.budget,
            listener=_and_clean(folder, Progress(plan.budget, len(pairs), prefix=prefix)),
        )
    finally:
        log.close()
        derived.write_derived(folder, state)
        folder.optuna_journal.unlink(missing_ok=True)
        search.write_journal(str(folder.optuna_journal), distributions, state)
        if state.finished:
            # What a trial wrote while its checkpoints were being deleted, and the folders of Ray Train's worker groups.
            for name in ("checkpoints", "ray_train"):
                shutil.rmtree(folder.root / name, ignore_errors=True)


def redeclare(plan: Plan) -> None:
    """Puts mended descriptions (notes, published figures, titles) of a finished study into its records."""
    state = plan.previous
    if state is None or state.manifest == plan.manifest:
        return
    log = records.EventLog(plan.folder.events)
    state.apply(log.append("declared", manifest=plan.manifest))
    log.close()
    derived.write_derived(plan.folder, state)


def _and_clean(folder: records.RunFolder, progress: Progress) -> Callable[[records.Event, records.StudyState], None]:
    """Progress, and the checkpoints of ended trials removed."""

    def listen(event: records.Event, state: records.StudyState) -> None:
        if event["event"] in ("stopped", "completed", "failed"):
            shutil.rmtree(folder.checkpoints(event["trial"]), ignore_errors=True)
        progress(event, state)

    return listen


def _run_tuner(programme: Programme, workloads: dict[str, Workload], slots: Slots) -> None:
    logging.getLogger("ray").setLevel(logging.ERROR)
    num_workers = next(iter(workloads.values())).num_workers
    # Ray Tune insists on a folder for its own snapshots; the event log makes them needless.
    with tempfile.TemporaryDirectory(prefix="study-tune-") as scratch:
        tuner = tune.Tuner(
            tune.with_resources(
                tune.with_parameters(run_trial, workloads=workloads), slots.of_trial_actor(num_workers)
            ),
            tune_config=tune.TuneConfig(
                search_alg=ConductorSearcher(programme, slots.num),
                scheduler=ConductorScheduler(programme),
                num_samples=-1,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(storage_path=scratch, name="study", verbose=0),
        )
        tuner.fit()


def _why_unfinished(state: records.StudyState) -> str:
    failed = [t for t in state.trials.values() if t.state == records.FAILED]
    tests = [t for t in failed if t.kind == records.TEST]
    rule = "The test split must be scored" if tests else "At least one seed run must complete"
    if not failed:
        return f"{rule}, but there is nothing left to train. Give --fresh to start again."
    first = (tests or failed)[0]
    return (
        f"{rule}, but {first.id} failed: {first.result['reason']} ({len(failed)} trials failed in all; events.jsonl "
        "holds their tracebacks). Mend the cause and give the same command again: failed seed runs and the test are "
        "then tried once more."
    )
