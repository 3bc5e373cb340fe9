"""What a dry run says of the time that a study takes."""

import pytest

from study.planning.dry_run import Rehearsed, epochs_of, table
from study.planning.resources import Slots

PAIR = Rehearsed("lenet", 1000, 32, step_s=0.1, epoch_s=10.0, memory_bytes=2**30, epochs=(100.0, 200.0), longest=30)


def test_the_fewest_epochs_are_those_of_halving_and_the_most_those_without_stopping() -> None:
    fewest, most = epochs_of(trials=5, epochs=4, seeds=3, audit=0, rungs=[1, 2], reduction_factor=2)
    # The first trial in full; of four others all one epoch, two another, one the last two; one recipe's seed runs.
    assert fewest == 4 + (4 * 1 + 2 * 1 + 1 * 2) + 3 * 4
    assert most == (5 + 2 * 3) * 4


def test_audited_trials_and_those_without_rungs_run_to_their_end() -> None:
    assert epochs_of(trials=5, epochs=4, seeds=1, audit=2, rungs=[1, 2], reduction_factor=2)[0] == 3 * 4 + 2 * 2 + 4
    assert epochs_of(trials=2, epochs=1, seeds=1, audit=0, rungs=[], reduction_factor=2) == (3, 4)


@pytest.mark.parametrize(("num", "says"), [(1, "16:40 to 33:20"), (2, "8:20 to 16:40"), (64, "5:00 to 5:00")])
def test_slots_share_the_work_but_some_of_it_comes_one_after_the_other(num: int, says: str) -> None:
    assert f"About {says} of training" in table([PAIR], Slots(num=num, cpus=1, gpus=0))


def test_a_network_that_cant_be_trained_is_left_out_of_the_sum_in_words() -> None:
    broken = Rehearsed("alexnet", 1000, 32, why_not="DivergedError: the loss")
    said = table([PAIR, broken], Slots(num=1, cpus=1, gpus=0))
    assert "16:40 to 33:20 of training, without alexnet" in said
    assert "About" not in table([broken], Slots(num=1, cpus=1, gpus=0))


def test_workers_share_a_batch() -> None:
    assert "About 8:20 to 16:40" in table([PAIR], Slots(num=1, cpus=1, gpus=0), num_workers=2)
