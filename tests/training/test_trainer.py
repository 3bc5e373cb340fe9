"""A run learns, repeats itself exactly, and goes on after an interruption as if there had been none."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from study.evaluation.metrics import find
from study.training import checkpoint, losses
from study.training.data import Images
from study.training.prediction import predict_logits
from study.training.trainer import DivergedError, State, Training, train
from study.training.training_run import Outcome, Run

CPU = torch.device("cpu")
BINARY = [i % 2 for i in range(80)]
FOUR_CLASSES = [i % 4 for i in range(96)]

Epochs = list[dict[str, float]]
MakeImages = Callable[..., Images]
MakeRun = Callable[..., Run]


def without_times(metrics: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if not name.startswith("seconds")}


def trained(run: Run, images: Images, *, resume_from: State | None = None) -> tuple[Outcome, Epochs]:
    epochs: Epochs = []
    outcome = train(run, images, report=lambda m, _: epochs.append(without_times(m)), resume_from=resume_from)
    return outcome, epochs


def same_weights(first: Outcome, second: Outcome) -> bool:
    one, other = first.model.state_dict(), second.model.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


@pytest.fixture(scope="module")
def binary_images(make_images: MakeImages) -> Images:
    return make_images(BINARY)


@pytest.mark.parametrize("architecture", ["lenet", "hahnet"])
def test_bright_and_dark_squares_are_told_apart(binary_images: Images, make_run: MakeRun, architecture: str) -> None:
    run = make_run(BINARY, architecture=architecture, epochs=8, lr=3e-3, batchnorm=architecture == "hahnet")
    outcome, epochs = trained(run, binary_images)
    assert outcome.best_score > 0.9
    assert epochs[-1]["train_loss"] < 0.7 * epochs[0]["train_loss"]
    assert [m["epoch"] for m in epochs] == list(range(1, 9))


def test_four_classes_are_learnt_with_one_logit_each(make_images: MakeImages, make_run: MakeRun) -> None:
    run = make_run(FOUR_CLASSES, num_train=64, epochs=15, lr=3e-3, modality="mri", augmentation="light")
    outcome, _ = trained(run, make_images(FOUR_CLASSES, step=45))
    assert run.num_logits == 4
    assert outcome.best_score > 0.9


@pytest.mark.parametrize("augmentation", ["none", "strong"])
def test_the_same_run_twice_is_identical_to_the_bit(
    binary_images: Images, make_run: MakeRun, augmentation: str
) -> None:
    run = make_run(BINARY, epochs=2, dropout=0.3, batchnorm=True, augmentation=augmentation)
    first, first_epochs = trained(run, binary_images)
    # Another run between them, as in a reused actor, and generators in another state.
    trained(make_run(BINARY, epochs=1, seed=1, dropout=0.6), binary_images)
    torch.rand(17)
    second, second_epochs = trained(run, binary_images)
    assert first_epochs == second_epochs
    assert same_weights(first, second)


def test_another_seed_is_another_run(binary_images: Images, make_run: MakeRun) -> None:
    first, second = (trained(make_run(BINARY, epochs=1, seed=seed), binary_images) for seed in (1, 2))
    assert first[1] != second[1]
    assert not same_weights(first[0], second[0])


@pytest.mark.parametrize(
    ("optimizer", "schedule"), [("adam", "constant"), ("adamw", "onecycle"), ("sgd", "cosine"), ("sgd", "onecycle")]
)
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(
    binary_images: Images, make_run: MakeRun, tmp_path: Path, optimizer: str, schedule: str
) -> None:
    run = make_run(
        BINARY,
        optimizer=optimizer,
        schedule=schedule,
        weight_decay=1e-3,
        dropout=0.3,
        batchnorm=True,
        augmentation="strong",
    )
    whole, epochs = trained(run, binary_images)

    def report(metrics: dict[str, float], state: Callable[[], State]) -> None:
        checkpoint.save(tmp_path / f"epoch-{int(metrics['epoch'])}.pt", state())
        if metrics["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(run, binary_images, report=report)
    resumed, later = trained(run, binary_images, resume_from=checkpoint.load(tmp_path / "epoch-2.pt"))
    assert later == epochs[2:]
    assert same_weights(whole, resumed)
    assert (resumed.best_epoch, resumed.best_score, resumed.epochs) == (whole.best_epoch, whole.best_score, 4)


def test_a_run_resumed_after_its_last_epoch_has_its_outcome_without_training(
    binary_images: Images, make_run: MakeRun
) -> None:
    run = make_run(BINARY, epochs=2)
    training = Training(run, binary_images)
    training.run_epoch()
    training.run_epoch()
    outcome, epochs = trained(run, binary_images, resume_from=training.state())
    assert epochs == []
    assert same_weights(outcome, training.outcome())


def test_early_stopping_ends_a_run_when_patience_is_over(make_images: MakeImages, make_run: MakeRun) -> None:
    # The rate is too small to change any score, so the first epoch stays the best or nearly so.
    run = make_run(BINARY, epochs=12, early_stopping=2, optimizer="sgd", lr=1e-12)
    outcome, epochs = trained(run, make_images(BINARY, step=0))
    assert outcome.epochs == len(epochs) == outcome.best_epoch + 2 < 12
    patient, _ = trained(make_run(BINARY, epochs=5, early_stopping=0, optimizer="sgd", lr=1e-12), make_images(BINARY))
    assert patient.epochs == 5


def test_the_outcome_has_the_weights_of_the_best_epoch(binary_images: Images, make_run: MakeRun) -> None:
    run = make_run(BINARY, epochs=6, lr=0.02, augmentation="strong", batchnorm=True)
    outcome, epochs = trained(run, binary_images)
    best = max(epochs, key=lambda m: (m["val_roc_auc"], -m["val_loss"]))
    assert outcome.best_epoch == best["epoch"] < 6, "the case needs a best epoch that is not the last"
    assert (outcome.best_score, outcome.best_loss) == (best["val_roc_auc"], best["val_loss"])
    logits = predict_logits(outcome.model, binary_images, run.val.rows, outcome.standardization)
    assert find("roc_auc").of(run.val.targets, losses.probabilities(logits).double().numpy()) == outcome.best_score
    assert losses.log_loss(logits, torch.from_numpy(run.val.targets)) == outcome.best_loss


def test_equal_scores_are_ranked_by_the_lower_loss(binary_images: Images, make_run: MakeRun) -> None:
    training = Training(make_run(BINARY), binary_images)
    for epoch, score, loss in ((1, 0.8, 0.5), (2, 0.8, 0.4), (3, 0.8, 0.4), (4, 0.7, 0.1)):
        training.epoch = epoch
        training._keep_best({"val_roc_auc": score, "val_loss": loss})
    assert training.best["epoch"] == 2


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("targets", [BINARY, FOUR_CLASSES])
def test_a_loss_that_is_not_finite_ends_the_run(
    make_images: MakeImages, make_run: MakeRun, optimizer: str, targets: list[int]
) -> None:
    run = make_run(targets, optimizer=optimizer, lr=1e30)
    with pytest.raises(DivergedError, match=r"loss became (nan|inf) in epoch 1"):
        trained(run, make_images(targets))


def test_a_last_batch_of_one_image_does_not_break_batch_normalization(
    make_images: MakeImages, make_run: MakeRun
) -> None:
    # At 16 px the last convolutions of AlexNet see one position, so one image would have no variance.
    run = make_run(BINARY, num_train=33, architecture="alexnet", batch_size=16, batchnorm=True, epochs=2)
    _, epochs = trained(run, make_images(BINARY, size_px=16))
    assert all(math.isfinite(m["train_loss"]) for m in epochs)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "onecycle"])
@pytest.mark.parametrize(("batch_size", "num_train"), [(1, 6), (500, 6), (5, 6), (3, 1)])
def test_any_batch_size_trains(
    binary_images: Images, make_run: MakeRun, batch_size: int, num_train: int, schedule: str
) -> None:
    run = make_run(BINARY, num_train=num_train, batch_size=batch_size, schedule=schedule, epochs=2)
    training = Training(run, binary_images)
    before = {k: v.clone() for k, v in training.model.state_dict().items()}
    training.run_epoch()
    training.run_epoch()
    assert any(not torch.equal(v, before[k]) for k, v in training.model.state_dict().items())


def test_the_schedule_ends_with_the_budget(binary_images: Images, make_run: MakeRun) -> None:
    training = Training(make_run(BINARY, num_train=33, schedule="cosine", epochs=3, lr=0.01), binary_images)
    rates = [training.run_epoch()["lr"] for _ in range(3)]
    # 33 images in batches of 16: two steps an epoch, as the last image is left out.
    assert rates == pytest.approx([0.01, 0.0075, 0.0025])
    assert training.optimizer.param_groups[0]["lr"] == pytest.approx(0, abs=1e-12)


def test_bfloat16_trains_to_about_the_same_loss_as_float32(binary_images: Images, make_run: MakeRun) -> None:
    runs = [make_run(BINARY, epochs=4, lr=3e-3, precision=p) for p in ("float32", "bfloat16")]
    (_, full_epochs), (half, half_epochs) = (trained(run, binary_images) for run in runs)
    assert full_epochs != half_epochs
    for exact, rounded in zip(full_epochs, half_epochs, strict=True):
        assert rounded["train_loss"] == pytest.approx(exact["train_loss"], rel=0.05)
        assert rounded["val_loss"] == pytest.approx(exact["val_loss"], rel=0.05)
    assert half.best_score > 0.9
    assert {v.dtype for v in half.model.state_dict().values()} == {torch.float32}


def test_predictions_do_not_depend_on_the_batch_they_are_made_in(binary_images: Images, make_run: MakeRun) -> None:
    training = Training(make_run(BINARY, batchnorm=True, dropout=0.5), binary_images)
    training.run_epoch()
    outcome = training.outcome()
    val = training.run.val.rows
    together = predict_logits(outcome.model, binary_images, val, outcome.standardization)
    alone = [predict_logits(outcome.model, binary_images, val[[i]], outcome.standardization) for i in range(len(val))]
    assert torch.allclose(together, torch.cat(alone), atol=1e-5)
