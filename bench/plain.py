"""What the benchmarks of speed share: the images of one study, and the loop that a careful user writes without it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from ray.tune.search.sample import Domain
from sklearn.metrics import roc_auc_score
from torch import Tensor

from search_spaces.brain_tumor import STUDY
from study import architectures
from study.datasets.images import splits
from study.planning.make_plan import make_plan
from study.planning.options import Options
from study.spec import BFLOAT16, Budget, Recipe
from study.training import augmentation, augmentation_policies, losses, optimization

EVALUATION_BATCH_SIZE = 256


@dataclass(frozen=True)
class Problem:
    """One dataset-architecture pair of `brain_tumor`, Testing left closed.

    Attributes:
        pair: the architecture.
        pixels: the file of the pixel array, uint8 (N, S, S, 3).
        rows: split -> int64 (M,) rows of the array.
        targets: split -> int64 (M,) class indices.
        recipe: the document's.
        space: what is searched.
        num_classes: that there are.
        modality: of the images.
    """

    pair: str
    pixels: Path
    rows: dict[str, Tensor]
    targets: dict[str, Tensor]
    recipe: Recipe
    space: dict[str, Domain]
    num_classes: int
    modality: str

    @property
    def size_px(self) -> int:
        return int(np.load(self.pixels, mmap_mode="r").shape[1])


def options(data: Path, scratch: Path, *, pair: str, seed: int = 0, size_px: int | None = None) -> Options:
    """Of a study on a holdout of Training."""
    return Options(
        data=data, results=scratch / "results", cache=scratch / "cache", ledger=scratch / "own-openings.jsonl",
        budget="standard", image_size=(str(size_px),) if size_px else (), architectures=(pair,), seed=seed,
        groups="duplicates", holdout=True, fresh=True,
    )  # fmt: skip


def make_problem(data: Path, scratch: Path, *, pair: str, seed: int = 0, size_px: int | None = None) -> Problem:
    """The images as the study with this seed splits them."""
    plan = make_plan("brain_tumor", STUDY, options(data, scratch, pair=pair, seed=seed, size_px=size_px))
    row_of = {path: row for row, path in enumerate(plan.store.paths)}
    parts = {split: plan.table[plan.table["split"] == split] for split in (splits.TRAIN, splits.VAL)}
    return Problem(
        pair=pair,
        pixels=plan.store.path,
        rows={name: torch.tensor([row_of[path] for path in part["path"]]) for name, part in parts.items()},
        targets={name: torch.from_numpy(part["target"].to_numpy("int64", copy=True)) for name, part in parts.items()},
        recipe=plan.study.pairs[pair],
        space=plan.study.space_of(pair),
        num_classes=len(plan.dataset.classes),
        modality=plan.dataset.modality,
    )


def standard_epochs() -> int:
    """The full budget of a trial."""
    budget: Budget = STUDY.budget("standard")
    return budget.epochs


def load(problem: Problem) -> dict[str, Tensor]:
    """Split -> uint8 (M, S, S, 3), in memory."""
    array = np.load(problem.pixels)
    return {split: torch.from_numpy(array[rows.numpy()]) for split, rows in problem.rows.items()}


class Loop:
    """Images in memory, whole batches augmented, a fused optimizer, channels last, and nothing else.

    Args:
        problem: what is trained on.
        images: as `load` gives them.
        recipe: that is trained.
        seed: of everything random.
        epochs: that the schedule spans.
        precision: "float32" or "bfloat16" (autocast).
    """

    def __init__(
        self, problem: Problem, images: dict[str, Tensor], recipe: Recipe, *, seed: int, epochs: int,
        precision: str,
    ) -> None:  # fmt: skip
        torch.manual_seed(seed)
        self.problem, self.images, self.recipe = problem, images, recipe
        self.bfloat16 = precision == BFLOAT16
        self.generator = torch.Generator().manual_seed(seed)
        network = architectures.find(problem.pair)
        self.model = network.build(recipe, problem.num_classes, images["train"].shape[1])
        self.model = self.model.to(memory_format=torch.channels_last)
        self.optimizer = optimization.make_optimizer(self.model, recipe)
        num_steps = -(-len(images["train"]) // recipe.batch_size)
        self.schedule = optimization.make_schedule(self.optimizer, recipe, epochs * num_steps)
        counts = torch.bincount(problem.targets["train"]).tolist()
        self.loss = losses.training_loss(recipe, counts, torch.device("cpu"))
        self.policy = augmentation_policies.policy(problem.modality, recipe.augmentation)

    def epoch(self) -> Tensor:
        """Trains one epoch; returns the logits of val."""
        self.model.train()
        targets = self.problem.targets["train"]
        for rows in torch.randperm(len(targets), generator=self.generator).split(self.recipe.batch_size):
            batch = augmentation.augment(_floats(self.images["train"][rows]), self.policy, self.generator)
            self.optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bfloat16):
                logits = self.model(_scaled(batch))
            self.loss(logits.float(), targets[rows]).backward()
            self.optimizer.step()
            self.schedule.step()
        self.model.eval()
        with torch.inference_mode():
            parts = self.images["val"].split(EVALUATION_BATCH_SIZE)
            return torch.cat([self.model(_scaled(_floats(part))) for part in parts])

    def scores(self, epochs: int) -> Iterator[float]:
        """Val ROC-AUC after each epoch; ends where a loss is no number any more."""
        for _ in range(epochs):
            logits = self.epoch()
            if not logits.isfinite().all():
                return
            yield macro_auc(self.problem.targets["val"], logits)


def leave_ray_its_own_settings() -> None:
    """Takes ours out of the environment, but for what `uv run` needs, and what we tell glibc, which helps everyone.

    Ours let Ray Tune ask for 1,000 trials before the first has ended: a stock searcher would have learnt nothing.
    """
    for name in list(os.environ):
        if name.startswith(("TUNE_", "RAY_AIR_")):
            del os.environ[name]


def macro_auc(targets: Tensor, logits: Tensor) -> float:
    """As scikit-learn has it, one class against the rest."""
    return float(roc_auc_score(targets.numpy(), logits.double().softmax(dim=1).numpy(), multi_class="ovr"))


def _floats(images: Tensor) -> Tensor:
    """uint8 (N, S, S, 3) -> float32 (N, 3, S, S) in [0, 1], channels last in memory."""
    return images.permute(0, 3, 1, 2).float().div_(255)


def _scaled(images: Tensor) -> Tensor:
    return (images - 0.2) / 0.2
