"""Several studies dealt as one experiment, without Ray: tasks are answered by a formula instead of a training."""

from pathlib import Path

from test_study_controller import BUDGET, make, reports

from study.execution.multi_study_controller import MultiStudyController
from study.execution.study_controller import StudyController
from study.execution.task import Task
from study.records import COMPLETE, EXPLAIN, SCORE, SEARCH, SEED
from study.training.failures import Failure


def controllers(tmp_path: Path) -> dict[str, StudyController]:
    made = {name: make(tmp_path / f"{name}.jsonl") for name in ("first", "second")}
    for name, controller in made.items():
        controller.task_queue.run = name
    return made


def answer(controller: MultiStudyController, task: Task) -> None:
    if task.kind == SCORE:
        controller.on_report(
            task, {"event": "test_opened", "evaluation_set": "test", "num_images": 1, "trials": sorted(task.seed_runs)}
        )
    if task.kind in (SCORE, EXPLAIN):
        controller.on_report(task, {"event": "completed", "epochs": 0})
        return
    for report in reports(task, BUDGET.epochs):
        if controller.on_report(task, report):
            break


def test_the_first_study_is_finished_before_the_second_is_begun_where_no_slot_would_idle(tmp_path: Path) -> None:
    made = controllers(tmp_path)
    controller = MultiStudyController(made)
    order = []
    while (task := controller.next_task()) is not None:
        order.append(task.run)
        answer(controller, task)
    assert controller.done
    assert order == sorted(order)
    for controller in made.values():
        assert len(controller.state.of_kind(SEARCH)) == 2 * BUDGET.trials
        assert all(trial.state == COMPLETE for trial in controller.state.of_kind(SEED))
        controller.log.close()


def test_a_slot_that_the_first_study_leaves_free_gets_the_seconds_first_task(tmp_path: Path) -> None:
    made = controllers(tmp_path)
    controller = MultiStudyController(made)
    task = controller.next_task()
    while task is not None and task.kind != SCORE:
        answer(controller, task)
        task = controller.next_task()
    # The first study waits for its test task, which is being scored.
    assert task is not None
    assert (task.run, task.kind) == ("first", SCORE)
    following = controller.next_task()
    assert following is not None
    assert (following.run, following.kind, following.number) == ("second", SEARCH, 0)
    assert not controller.done
    for controller in made.values():
        controller.log.close()


def test_a_study_that_is_stuck_does_not_keep_the_other_from_its_end(tmp_path: Path) -> None:
    made = controllers(tmp_path)
    controller = MultiStudyController(made)
    while (task := controller.next_task()) is not None:
        if task.run == "first":
            controller.on_report(task, {"event": "failed", "kind": "diverged", "reason": "nan"})
        else:
            answer(controller, task)
    assert made["first"].exhausted
    assert not made["first"].done
    assert made["second"].done
    assert not controller.done
    for controller in made.values():
        controller.log.close()


def test_what_becomes_of_a_lost_actor_reaches_its_own_study(tmp_path: Path) -> None:
    made = controllers(tmp_path)
    controller = MultiStudyController(made)
    task = controller.next_task()
    assert task is not None
    controller.on_lost(task, Failure("lost", "its worker process died"))
    assert [a["reason"] for a in made["first"].state.trials[task.id].attempts] == ["its worker process died"]
    assert made["second"].state.trials == {}
    for controller in made.values():
        controller.log.close()
