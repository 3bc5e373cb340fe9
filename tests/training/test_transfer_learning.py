"""Two stages: first only the head learns, then everything does; and what was learnt elsewhere helps."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from study import architectures, datasets
from study.datasets import DEVELOPMENT
from study.datasets.images import pixel_cache
from study.spec import Recipe
from study.training import checkpoint
from study.training.data import Images, SplitRows, Standardization
from study.training.pretrained import Pretrained
from study.training.trainer import State, Training, train
from study.training.training_run import Run

CPU = torch.device("cpu")
BINARY = [i % 2 for i in range(80)]

MakeImages = Callable[..., Images]
MakeRun = Callable[..., Run]


def random_base(architecture: str, *, size_px: int = 32, **recipe: object) -> Pretrained:
    network = architectures.find(architecture)
    torch.manual_seed(3)
    model = network.build(Recipe(**recipe), 5, size_px)  # type: ignore[arg-type]
    # Statistics that were learnt: other than those that a new network starts with.
    model.train()(torch.randn(8, 3, size_px, size_px) * 2 + 1)
    base = {name: v.clone() for name, v in model.state_dict().items() if not name.startswith(network.head)}
    return Pretrained(base, Standardization((0.2, 0.3, 0.4), (0.1, 0.2, 0.3)), "a test")


def copy_of(training: Training) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in training.model.state_dict().items()}


@pytest.fixture
def two_stages(make_images: MakeImages, make_run: MakeRun) -> Training:
    pretrained = random_base("eight_conv_cnn", batchnorm=True, width=8)
    run = make_run(
        BINARY,
        architecture="eight_conv_cnn",
        epochs=4,
        freeze_epochs=2,
        weights=pretrained,
        batchnorm=True,
        dropout=0.3,
        width=8,
        augmentation="light",
        # Decoupled decay shrinks whatever it is given, also without a gradient.
        optimizer="adamw",
        weight_decay=0.1,
    )
    return Training(run, make_images(BINARY))


def test_what_is_frozen_does_not_move_by_one_bit_and_moves_in_the_second_stage(two_stages: Training) -> None:
    assert two_stages.run.pretrained is not None
    base = two_stages.run.pretrained.base
    start = copy_of(two_stages)
    assert all(torch.equal(start[name], value) for name, value in base.items())
    two_stages.run_epoch()
    two_stages.run_epoch()
    frozen = copy_of(two_stages)
    for name, value in frozen.items():
        assert torch.equal(value, start[name]) == (name in base), name
    two_stages.run_epoch()
    for name, value in copy_of(two_stages).items():
        assert not torch.equal(value, frozen[name]), name


def test_each_stage_has_its_own_learning_rate(two_stages: Training) -> None:
    recipe = replace(two_stages.run.recipe, lr=3e-3, fine_tune_lr=2e-5)
    two_stages.run = replace(two_stages.run, recipe=recipe)
    # The first stage was begun with the recipe as it was.
    two_stages._begin_stage()
    assert [two_stages.run_epoch()["lr"] for _ in range(4)] == [3e-3, 3e-3, 2e-5, 2e-5]


@pytest.mark.parametrize("schedule", ["constant", "cosine", "onecycle"])
@pytest.mark.parametrize("interrupted_after", [1, 2, 3])
def test_a_run_interrupted_in_either_stage_or_between_them_goes_on_as_if_nothing_had_happened(
    make_images: MakeImages, make_run: MakeRun, tmp_path: Path, schedule: str, interrupted_after: int
) -> None:
    pretrained = random_base("lenet")
    run = make_run(BINARY, epochs=4, weights=pretrained, schedule=schedule, dropout=0.2, freeze_epochs=2, lr=3e-3)
    images = make_images(BINARY)

    def report(metrics: dict[str, float], state: Callable[[], State]) -> None:
        if metrics["epoch"] == interrupted_after:
            checkpoint.save(tmp_path / "state.pt", state())

    whole = train(run, images, report=report)
    resumed = train(run, images, report=lambda _m, _s: None, resume_from=checkpoint.load(tmp_path / "state.pt"))
    one, other = whole.model.state_dict(), resumed.model.state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert (whole.best_epoch, whole.best_score) == (resumed.best_epoch, resumed.best_score)


def test_images_are_standardized_as_the_weights_expect_and_otherwise_as_the_training_images(
    make_images: MakeImages, make_run: MakeRun
) -> None:
    images, pretrained = make_images(BINARY), random_base("lenet")
    run = make_run(BINARY, weights=pretrained)
    assert Training(run, images).standardization == pretrained.standardization
    run = replace(run, recipe=replace(run.recipe, pretrained=False))
    assert Training(run, images).standardization == images.statistics(run.train.rows)


def test_early_stopping_does_not_count_the_frozen_epochs(make_images: MakeImages, make_run: MakeRun) -> None:
    base = random_base("lenet")
    run = make_run(BINARY, epochs=6, weights=base, early_stopping=1, freeze_epochs=3, lr=1e-12, fine_tune_lr=1e-12)
    training = Training(run, make_images(BINARY))
    while not training.wants_to_stop():
        training.run_epoch()
    assert training.epoch == 4


def stand_in(name: str, folder: Path, *, seed: int, num_images: int, size_px: int) -> tuple[Images, SplitRows, int]:
    """A drawn dataset: its images and the rows of all of its development images, in a random order."""
    dataset = datasets.find(name)
    each = -(-num_images // len(dataset.classes))
    counts = {side: dict.fromkeys(dataset.classes, each if side == DEVELOPMENT else 2) for side in dataset.stand_in}
    dataset.draw(folder / name, counts, seed)
    samples = [s for s in dataset.scan(folder / name) if s.side == DEVELOPMENT]
    np.random.default_rng(seed).shuffle(samples)  # type: ignore[arg-type]
    store = pixel_cache.prepare(folder / name, sorted(s.path for s in samples), size_px=size_px, cache=folder / "cache")
    row_of = {path: row for row, path in enumerate(store.paths)}
    rows = np.array([row_of[s.path] for s in samples])
    targets = np.array([s.target for s in samples])
    return Images(store.path, CPU), SplitRows(rows=rows, targets=targets), len(dataset.classes)


def part(rows: SplitRows, start: int, end: int) -> SplitRows:
    return SplitRows(rows=rows.rows[start:end], targets=rows.targets[start:end])


def test_a_network_pretrained_on_one_stand_in_beats_the_same_one_from_scratch_on_another(tmp_path: Path) -> None:
    size_px = 48
    recipe = Recipe(optimizer="adamw", lr=2e-3, batchnorm=True, width=8, augmentation="light", schedule="cosine")

    def run(rows: SplitRows, num_classes: int, num_train: int, modality: str, **values: object) -> Run:
        fields = {"pretrained": None, "seed": 0, "epochs": 10, "recipe": recipe, **values}
        return Run(
            architecture="eight_conv_cnn",
            num_classes=num_classes,
            modality=modality,
            train=part(rows, 0, num_train),
            val=part(rows, num_train, len(rows)),
            **fields,  # type: ignore[arg-type]
        )

    images, rows, num_classes = stand_in("bci_her2_score", tmp_path, seed=1, num_images=400, size_px=size_px)
    outcome = train(run(rows, num_classes, 320, "ihc"), images, report=lambda _m, _s: None)
    weights = {k: v for k, v in outcome.model.state_dict().items() if not k.startswith("head")}
    pretrained = Pretrained(weights, outcome.standardization, "drawn HER2 patches")
    transferred = recipe.with_values({"pretrained": True, "freeze_epochs": 2, "fine_tune_lr": 1e-3})
    images, rows, num_classes = stand_in("bci_her2_binary", tmp_path, seed=2, num_images=360, size_px=size_px)
    gains = []
    for seed in range(5):
        scores = [
            train(
                run(rows, num_classes, 80, "ihc", seed=seed, epochs=6, recipe=r, pretrained=pretrained),
                images,
                report=lambda _m, _s: None,
            ).best_score
            for r in (transferred, recipe)
        ]
        print(scores)
        gains.append(scores[0] - scores[1])
    assert np.mean(gains) > 0.03, gains
    assert sum(gain > 0 for gain in gains) >= 4, gains
