import math

import pytest

from study.errors import DeclarationError
from study.planning.resources import Resources, Slots, choose_slots, may_grow_to


def test_a_machine_without_a_gpu_runs_one_trial_on_each_core() -> None:
    assert choose_slots(num_cpus=8, num_gpus=0) == Slots(num=8, cpus=1, gpus=0)
    assert choose_slots(num_cpus=8, num_gpus=0).device == "cpu"


def test_trials_share_a_gpu_and_the_cores_beside_it() -> None:
    slots = choose_slots(num_cpus=16, num_gpus=1)
    assert slots == Slots(num=4, cpus=4, gpus=0.25)
    assert slots.device == "cuda"
    assert slots.num_threads == 4


def test_few_cores_limit_the_trials_that_share_a_gpu() -> None:
    assert choose_slots(num_cpus=2, num_gpus=1).num == 2


def test_what_the_user_asks_for_comes_first() -> None:
    assert choose_slots(num_cpus=8, num_gpus=0, cpus_per_trial=4).num == 2
    assert choose_slots(num_cpus=8, num_gpus=2, gpus_per_trial=1 / 3).num == 6
    assert choose_slots(num_cpus=8, num_gpus=2, gpus_per_trial=0) == Slots(num=8, cpus=1, gpus=0)


@pytest.mark.parametrize(
    ("cpus", "gpus", "expected"),
    [
        (9.0, None, "asks for 9 of 8. Lower --cpus-per-trial"),
        (None, 1.0, "asks for 1 of 0. Lower --gpus-per-trial"),
        (0.0, None, "more than 0 CPUs"),
        (1.0, -0.5, "no negative share"),
    ],
)
def test_a_trial_that_asks_for_more_than_there_is_is_refused(
    cpus: float | None, gpus: float | None, expected: str
) -> None:
    with pytest.raises(DeclarationError, match=expected):
        choose_slots(num_cpus=8, num_gpus=0, cpus_per_trial=cpus, gpus_per_trial=gpus)


def test_a_trial_actor_of_a_worker_group_takes_no_share_that_a_worker_waits_for() -> None:
    slots = Slots(num=2, cpus=1, gpus=0.5)
    assert slots.of_trial_actor(0) == {"cpu": 1, "gpu": 0.5}
    assert set(slots.of_trial_actor(1)) == {"memory"}


def test_a_cluster_may_grow_to_its_largest_machines_as_far_as_all_of_them_may_run_at_once():
    types = {
        "head": {"resources": {"CPU": 0}, "max_workers": 0},
        "small": {"resources": {"CPU": 4, "GPU": 1}, "max_workers": 3},
        "large": {"resources": {"CPU": 48, "GPU": 4}, "max_workers": 2},
        "many_cores": {"resources": {"CPU": 96}},
    }
    launched = {"max_workers": 4, "head_node_type": "head", "available_node_types": types}
    assert may_grow_to(launched) == Resources(cpus=4 * 96, gpus=2 * 4 + 2 * 1, cpus_per_gpu=4)
    # Machines of one's own, of which Ray's launcher knows no resources.
    unknown = may_grow_to({"max_workers": 2, "available_node_types": {"local.cluster.node": {}}})
    assert unknown == Resources(cpus=0, gpus=0, cpus_per_gpu=math.inf)


def test_a_trial_fits_into_the_machine_with_the_fewest_cores_for_a_gpu():
    slots = choose_slots(num_cpus=4 * 96 + 3 * 4, num_gpus=3, cpus_per_gpu=4)
    assert (slots.cpus, slots.gpus, slots.num) == (1, 0.25, 12)


def test_slots_that_were_asked_for_need_no_machine_yet():
    assert choose_slots(num_cpus=0, num_gpus=0, gpus_per_trial=0.25, num=16) == Slots(num=16, cpus=1, gpus=0.25)
    # Where there are GPUs already, trials use them unless they are told not to.
    assert choose_slots(num_cpus=8, num_gpus=1, num=16) == Slots(num=16, cpus=2, gpus=0.25)
    assert choose_slots(num_cpus=8, num_gpus=1, gpus_per_trial=0, num=16) == Slots(num=16, cpus=1, gpus=0)
