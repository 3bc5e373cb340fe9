"""Several studies dealt as one experiment, without Ray: tasks are answered by a formula instead of a training."""

from pathlib import Path

from test_conductor import BUDGET, make, reports

from study.execution.multi_study_controller import Programme
from study.execution.study_controller import Conductor
from study.execution.task import Task
from study.records import COMPLETE, EXPLAIN, SEARCH, SEED, TEST
from study.training.failures import Failure


def conductors(tmp_path: Path) -> dict[str, Conductor]:
    made = {name: make(tmp_path / f"{name}.jsonl") for name in ("first", "second")}
    for name, conductor in made.items():
        conductor.dealer.run = name
    return made


def answer(programme: Programme, task: Task) -> None:
    if task.kind == TEST:
        programme.on_report(task, {"event": "test_opened", "num_images": 1, "trials": sorted(task.seed_runs)})
    if task.kind in (TEST, EXPLAIN):
        programme.on_report(task, {"event": "completed", "epochs": 0})
        return
    for report in reports(task, BUDGET.epochs):
        if programme.on_report(task, report):
            break


def test_the_first_study_is_finished_before_the_second_is_begun_where_no_slot_would_idle(tmp_path: Path) -> None:
    made = conductors(tmp_path)
    programme = Programme(made)
    order = []
    while (task := programme.next_task()) is not None:
        order.append(task.run)
        answer(programme, task)
    assert programme.done
    assert order == sorted(order)
    for conductor in made.values():
        assert len(conductor.state.of_kind(SEARCH)) == 2 * BUDGET.trials
        assert all(trial.state == COMPLETE for trial in conductor.state.of_kind(SEED))
        conductor.log.close()


def test_a_slot_that_the_first_study_leaves_free_gets_the_seconds_first_task(tmp_path: Path) -> None:
    made = conductors(tmp_path)
    programme = Programme(made)
    task = programme.next_task()
    while task is not None and task.kind != TEST:
        answer(programme, task)
        task = programme.next_task()
    # The first study waits for its test task, which is being scored.
    assert task is not None
    assert (task.run, task.kind) == ("first", TEST)
    following = programme.next_task()
    assert following is not None
    assert (following.run, following.kind, following.number) == ("second", SEARCH, 0)
    assert not programme.done
    for conductor in made.values():
        conductor.log.close()


def test_a_study_that_is_stuck_does_not_keep_the_other_from_its_end(tmp_path: Path) -> None:
    made = conductors(tmp_path)
    programme = Programme(made)
    while (task := programme.next_task()) is not None:
        if task.run == "first":
            programme.on_report(task, {"event": "failed", "kind": "diverged", "reason": "nan"})
        else:
            answer(programme, task)
    assert made["first"].exhausted
    assert not made["first"].done
    assert made["second"].done
    assert not programme.done
    for conductor in made.values():
        conductor.log.close()


def test_what_becomes_of_a_lost_actor_reaches_its_own_study(tmp_path: Path) -> None:
    made = conductors(tmp_path)
    programme = Programme(made)
    task = programme.next_task()
    assert task is not None
    programme.on_lost(task, Failure("lost", "its worker process died"))
    assert [a["reason"] for a in made["first"].state.trials[task.id].attempts] == ["its worker process died"]
    assert made["second"].state.trials == {}
    for conductor in made.values():
        conductor.log.close()
