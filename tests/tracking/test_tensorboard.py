"""What TensorBoard reads is what the records say."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from study import records
from study.records import RUNNING, SEARCH, SEED, RunFolder
from study.tracking.tensorboard import TensorBoard, add_figures

RUN = "tiny"


@pytest.fixture
def folder(finished_run: Path) -> RunFolder:
    return RunFolder(finished_run / RUN)


def read(path: Path) -> EventAccumulator:
    return EventAccumulator(str(path), size_guidance={"scalars": 0, "images": 0}).Reload()


def test_every_epoch_of_every_trial_is_there_at_its_time(folder: RunFolder) -> None:
    state = records.load_run(folder)
    trials = [*state.of_kind(SEARCH), *state.of_kind(SEED)]
    assert {path.name for path in folder.tensorboard.iterdir()} == {trial.id for trial in trials} | {"report"}
    for trial in trials:
        found = read(folder.tensorboard / trial.id)
        for name, key in (("lr", "lr"), ("loss/train", "train_loss"), ("roc_auc/val", "val_roc_auc")):
            scalars = found.Scalars(name)
            assert [each.step for each in scalars] == [epoch["epoch"] for epoch in trial.epochs]
            assert [each.value for each in scalars] == pytest.approx([epoch[key] for epoch in trial.epochs])
            assert [each.wall_time for each in scalars] == pytest.approx([epoch["time"] for epoch in trial.epochs])


def test_hyperparameters_have_a_row_a_trial_with_its_best_score(folder: RunFolder) -> None:
    for trial in records.load_run(folder).of_kind(SEARCH):
        found = read(folder.tensorboard / trial.id)
        assert found.Scalars("best_val_roc_auc")[0].value == pytest.approx(trial.best_score)
        content = found.summary_metadata["_hparams_/session_start_info"].plugin_data.content
        hparams = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
        assert hparams["architecture"].string_value == trial.pair
        assert hparams["lr"].number_value == pytest.approx(trial.recipe.lr)
        assert hparams["state"].string_value == trial.state


def test_finalists_have_confusion_matrices_and_example_images(folder: RunFolder) -> None:
    found = read(folder.tensorboard / "report")
    assert {"confusion-matrices", "maps"} <= set(found.Tags()["images"])
    for name in found.Tags()["images"]:
        (image,) = found.Images(name)
        assert image.encoded_image_string.startswith(b"\x89PNG")
        assert min(image.width, image.height) > 50


def test_it_is_written_anew_from_the_records_and_nothing_of_before_is_left(folder: RunFolder, tmp_path: Path) -> None:
    state = records.load_run(folder)
    (tmp_path / "an-old-trial").mkdir()
    for _ in range(2):
        TensorBoard(tmp_path, state).close()
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in folder.tensorboard.iterdir()} - {
        "report"
    }
    trial = state.of_kind(SEARCH)[0]
    assert len(read(tmp_path / trial.id).Scalars("lr")) == len(trial.epochs)


def test_a_trial_that_trains_can_be_watched(folder: RunFolder, tmp_path: Path) -> None:
    state = records.load_run(folder)
    trial, epochs = state.of_kind(SEARCH)[0], state.of_kind(SEARCH)[0].epochs[:2]
    state.trials.clear()
    state._sorted.clear()
    board = TensorBoard(tmp_path, state)
    for epoch in epochs:
        board.epoch(trial, epoch)
    # The same thread: it comes after the epochs.
    board._background._pool.submit(int).result()
    assert len(read(tmp_path / trial.id).Scalars("lr")) == len(epochs)
    board.close()


def test_without_figures_there_is_no_page_of_images(tmp_path: Path, folder: RunFolder) -> None:
    shutil.copytree(folder.tensorboard / "report", tmp_path / "board" / "report")
    assert add_figures(tmp_path / "board", tmp_path / "nothing") == []
    assert not (tmp_path / "board" / "report").exists()


def test_a_new_finalist_under_a_known_name_replaces_the_old_one(folder: RunFolder, tmp_path: Path) -> None:
    state = records.load_run(folder)
    trial = state.of_kind(SEED)[0]
    board = TensorBoard(tmp_path, state)
    anew = replace(trial, epochs=[], state=RUNNING)
    board.started(anew)
    for epoch in trial.epochs[:1]:
        board.epoch(anew, epoch)
    board.close()
    assert len(read(tmp_path / trial.id).Scalars("lr")) == 1
