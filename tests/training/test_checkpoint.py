"""Checkpoints are whole or not there, and only the newest two are kept."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from study.spec import Recipe
from study.training import checkpoint
from study.training.checkpoint import CheckpointWriter, DamagedError

RECIPE = Recipe(lr=0.1)


def state_of(epoch: int) -> dict[str, object]:
    return {
        "epoch": epoch,
        "weights": torch.full((3000,), float(epoch)),
        "best": {"score": float("-inf"), "name": "a"},
        "recipe": RECIPE.hyperparameters(),
        "seed": 7,
    }


def newest(folder: Path, *, up_to_epoch: int = 99) -> dict[str, Any]:
    state = latest(folder, up_to_epoch=up_to_epoch)
    assert state is not None
    return state


def latest(folder: Path, *, up_to_epoch: int) -> dict[str, Any] | None:
    return checkpoint.latest(folder, up_to_epoch=up_to_epoch, recipe=RECIPE, seed=7)


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_what_is_saved_is_loaded_again(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "state.pt"
    checkpoint.save(path, state_of(3))
    loaded = checkpoint.load(path)
    assert loaded["epoch"] == 3
    assert loaded["best"] == {"score": float("-inf"), "name": "a"}
    assert torch.equal(loaded["weights"], torch.full((3000,), 3.0))
    assert names(path.parent) == ["state.pt"]


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"path": tmp_path}, tmp_path / "code.pt")
    with pytest.raises(DamagedError, match="weights_only"):
        checkpoint.load(tmp_path / "code.pt")


def test_a_save_that_fails_leaves_the_older_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    checkpoint.save(path, state_of(1))
    with pytest.raises(Exception, match="pickle"):
        checkpoint.save(path, {"epoch": 2, "weights": torch.ones(3), "unsavable": lambda: None})
    assert checkpoint.load(path)["epoch"] == 1


def test_the_newest_two_checkpoints_are_kept(tmp_path: Path) -> None:
    with CheckpointWriter(tmp_path) as writer:
        for epoch in (1, 2, 9, 10, 11):
            writer.write(state_of(epoch))
        writer.wait()
    assert names(tmp_path) == ["epoch-00010.pt", "epoch-00011.pt"]
    assert newest(tmp_path)["epoch"] == 11


def test_a_checkpoint_ahead_of_the_records_is_gone_on_from_if_it_holds_what_they_lack(tmp_path: Path) -> None:
    history = [{"epoch": epoch, "val_loss": 1 / epoch} for epoch in range(1, 12)]
    checkpoint.save(tmp_path / "epoch-00011.pt", state_of(11) | {"history": history})
    state = newest(tmp_path, up_to_epoch=8)
    assert checkpoint.unrecorded(state, 8) == history[8:]
    assert checkpoint.unrecorded(state, 11) == []
    # It went on from a checkpoint of an earlier version, that had no history.
    checkpoint.save(tmp_path / "epoch-00011.pt", state_of(11) | {"history": history[9:]})
    assert newest(tmp_path, up_to_epoch=9)["epoch"] == 11
    assert latest(tmp_path, up_to_epoch=8) is None


def test_a_checkpoint_of_an_earlier_version_that_is_ahead_of_the_records_is_passed_over(tmp_path: Path) -> None:
    for epoch in (10, 11):
        checkpoint.save(tmp_path / f"epoch-{epoch:05}.pt", state_of(epoch))
    assert newest(tmp_path, up_to_epoch=11)["epoch"] == 11
    assert newest(tmp_path, up_to_epoch=10)["epoch"] == 10
    assert latest(tmp_path, up_to_epoch=9) is None


def test_a_checkpoint_of_another_recipe_or_seed_is_passed_over(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "epoch-00001.pt", state_of(1))
    checkpoint.save(tmp_path / "epoch-00002.pt", state_of(2) | {"recipe": Recipe(lr=0.2).hyperparameters()})
    checkpoint.save(tmp_path / "epoch-00003.pt", state_of(3) | {"seed": 8})
    assert newest(tmp_path)["epoch"] == 1


def test_a_checkpoint_holds_the_state_at_the_time_it_was_given(tmp_path: Path) -> None:
    state = state_of(1)
    weights = state["weights"]
    assert isinstance(weights, torch.Tensor)
    with CheckpointWriter(tmp_path) as writer:
        writer.write(state)
        weights.zero_()
        writer.wait()
    assert newest(tmp_path)["weights"].unique().tolist() == [1]


def test_a_partial_file_is_never_taken_for_a_checkpoint(tmp_path: Path) -> None:
    assert latest(tmp_path, up_to_epoch=99) is None
    checkpoint.save(tmp_path / "epoch-00001.pt", state_of(1))
    (tmp_path / "epoch-00002.pt.partial").write_bytes(b"half a checkpo")
    assert [p.name for p in checkpoint.checkpoints(tmp_path)] == ["epoch-00001.pt"]
    assert newest(tmp_path)["epoch"] == 1


def test_a_write_that_failed_is_raised_at_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "a file"
    folder.write_text("in the way")
    with CheckpointWriter(folder) as writer:
        writer.write(state_of(1))
        with pytest.raises(OSError, match="a file"):
            writer.write(state_of(2))
        with pytest.raises(OSError, match="a file"):
            writer.wait()


def test_there_are_never_more_than_two_with_the_one_being_written(tmp_path: Path) -> None:
    with CheckpointWriter(tmp_path) as writer:
        for epoch in range(1, 30):
            writer.write(state_of(epoch))
            # The write is under way meanwhile.
            assert len(names(tmp_path)) <= 2
        writer.wait()
        assert len(names(tmp_path)) == 2


@pytest.mark.parametrize("share", [0.0, 0.001, 0.999, *np.random.default_rng(0).uniform(size=20)])
def test_of_a_damaged_checkpoint_the_one_before_it_is_taken(tmp_path: Path, share: float) -> None:
    for epoch in (4, 5):
        checkpoint.save(tmp_path / f"epoch-{epoch:05d}.pt", state_of(epoch))
    damaged = tmp_path / "epoch-00005.pt"
    damaged.write_bytes(damaged.read_bytes()[: int(share * damaged.stat().st_size)])
    assert newest(tmp_path)["epoch"] == 4
    assert names(tmp_path) == ["epoch-00004.pt"]
