"""Workers that are silent for too long, real ones."""

import time

import pytest
import ray
from ray.tune.experiment import Trial

from study.execution.ray_backend.hang_monitor import HangMonitor
from study.execution.task import TASK, SearchTask
from study.spec import Recipe

SILENCE_S = 0.2


@pytest.fixture
def make_trial(ray_started: None):
    """() -> one of Ray Tune's trials, with a worker that does nothing."""

    @ray.remote(num_cpus=0)
    class Worker:
        pass

    def make() -> Trial:
        task = SearchTask(
            run="tiny", id="lenet-search1", pair="lenet", number=1, recipe=Recipe(), origin="search", seed=0
        )
        trial = Trial("__fake", config={TASK: task}, stub=True)
        trial.temporary_state.ray_actor = Worker.remote()
        return trial

    return make


@pytest.mark.parametrize("waits_for_room", [False, True])
def test_silence_begins_with_the_first_report_where_a_group_may_wait_for_a_machine(make_trial, waits_for_room):
    watch = HangMonitor(SILENCE_S, is_over=lambda: False, waits_for_room=waits_for_room)
    before, trial = make_trial(), make_trial()
    # How long an epoch takes is known from another trial.
    watch.on_trial_start(1, [], before)
    watch.on_trial_result(1, [], before, {})
    watch.on_trial_complete(1, [], before)
    watch.on_trial_start(1, [], trial)
    if waits_for_room:
        time.sleep(3 * SILENCE_S)
        watch.on_step_begin(1, [])
        assert watch.frozen == {}
        watch.on_trial_result(1, [], trial, {})
    watch.on_step_begin(1, [])
    assert watch.frozen == {}
    time.sleep(3 * SILENCE_S)
    watch.on_step_begin(1, [])
    assert list(watch.frozen) == [trial.trial_id]


def test_a_session_that_is_to_end_ends_between_two_turns(ray_started):
    with pytest.raises(KeyboardInterrupt):
        HangMonitor(SILENCE_S, is_over=lambda: True).on_step_begin(1, [])
