"""What must be done beside the log while a study runs, step by step: the ledger, what trials keep, what they leave."""

import shutil
from typing import Protocol

from study.execution.task import ExplainTask, ScoreTask, Task
from study.planning.evaluation_set import EvaluationSet
from study.planning.plan import Plan
from study.records import COMPLETE, SEED, StudyState, Trial
from study.records.opening import Opening, now
from study.records.run_files import LogMirror


class Keeper(Protocol):
    """Is asked by the controller at these points; what it can't do stops the study."""

    def before_task(self, task: Task, state: StudyState) -> None:
        """A task is recorded as started, and no actor has it yet."""

    def after_end(self, trial: Trial) -> None:
        """A trial is recorded as ended."""


class NoKeeper:
    """Nothing has to be done: a controller without files."""

    def before_task(self, task: Task, state: StudyState) -> None:
        """Does nothing."""

    def after_end(self, trial: Trial) -> None:
        """Does nothing."""


class RunKeeper:
    """Keeps the files of one run.

    Args:
        plan: of the study.
        mirror: puts the log into the storage that machines share, where there is one.
    """

    def __init__(self, plan: Plan, mirror: LogMirror) -> None:
        self.plan, self.mirror = plan, mirror

    def before_task(self, task: Task, state: StudyState) -> None:
        """Takes care that the storage has the log which a task reads, and that no test split is opened unwritten."""
        if isinstance(task, ScoreTask | ExplainTask):
            self.mirror.flush()
        if isinstance(task, ScoreTask) and not self.plan.manifest.stand_in:
            # Before any actor has it: an opening that was not written down would be worse than one that never came.
            opened = self.plan.evaluation_set(task.evaluation_set)
            self.plan.ledger.add(self._opening(opened, sum(t.state == COMPLETE for t in state.of_kind(SEED))))

    def after_end(self, trial: Trial) -> None:
        """Fetches what a trial keeps, and removes its checkpoints."""
        for name in trial.result.get("files", {}):
            self.plan.files.fetch(self.plan.folder.root / name, anew=True)
        # Else a session that dies now would leave neither its checkpoints nor the word that it has ended.
        self.mirror.flush()
        shutil.rmtree(self.plan.folder.checkpoints(trial.id), ignore_errors=True)
        self.plan.files.drop_folder(f"checkpoints/{trial.id}")

    def _opening(self, opened: EvaluationSet, num_networks: int) -> Opening:
        manifest = self.plan.manifest
        return Opening(
            test_hash=opened.hash,
            run=manifest.run,
            created=manifest.created,
            opened=now(),
            num_images=len(opened),
            num_networks=num_networks,
        )
