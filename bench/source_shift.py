"""What makes a network robust against brain MRI slices from other sources than those that it was trained on?

uv run python bench/source_shift.py ../shared/data/brain_tumor_mri [VARIANT...]

Trains each variant for 15 epochs on the training side of `bench/source_holdout.py` and scores its test side. Testing
stays closed. One row a variant on stdout.
"""

import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from source_holdout import make_source_holdout

from study import datasets
from study.datasets.images import pixel_cache, splits
from study.evaluation.metrics import scores
from study.spec import Recipe
from study.training import augmentation_policies, losses
from study.training.augmentation_policies import Policy
from study.training.data import Images, SplitRows
from study.training.prediction import predict_logits
from study.training.trainer import train
from study.training.training_run import Run

_EPOCHS = 15
_EIGHT = Recipe(optimizer="adamw", lr=1e-3, weight_decay=1e-2, schedule="cosine", batchnorm=True, dropout=0.2, width=16)
_RECIPES = {
    "baseline_cnn": Recipe(lr=1e-3, batchnorm=True, dropout=0.4),
    "four_block_cnn": Recipe(lr=1e-3),
    "eight_conv_cnn": _EIGHT,
}
_GREY = Policy(brightness=0.15, contrast=0.4, gamma=0.6, noise=0.06)
_LIGHT = augmentation_policies.POLICIES["mri"]["light"]
_POLICIES = {
    "none": Policy(),
    "first": replace(
        _LIGHT, rotation_deg=20, scale=0.15, shift=0.08, brightness=0.1, contrast=0.25, gamma=0.3, noise=0.04
    ),
    "geometry": Policy(horizontal_flip=True, rotation_deg=25, scale=0.3, shift=0.15),
    "grey": _GREY,
    "more grey": Policy(brightness=0.25, contrast=0.6, gamma=1.0, noise=0.1),
    "strong": replace(_GREY, horizontal_flip=True, rotation_deg=10, scale=0.05, shift=0.03),
}


@dataclass(frozen=True)
class Variant:
    """One row of the table."""

    architecture: str
    policy: str
    trimmed: bool = False
    size_px: int = 64
    seeds: tuple[int, ...] = (0,)
    recipe: dict[str, Any] = field(default_factory=dict)


VARIANTS = {
    "baseline": Variant("baseline_cnn", "none", seeds=(0, 1)),
    "baseline, first": Variant("baseline_cnn", "first"),
    "baseline, grey": Variant("baseline_cnn", "grey"),
    "eight": Variant("eight_conv_cnn", "none", seeds=(0, 1)),
    "eight, first": Variant("eight_conv_cnn", "first"),
    "eight, geometry": Variant("eight_conv_cnn", "geometry"),
    "eight, grey": Variant("eight_conv_cnn", "grey", seeds=(0, 1)),
    "eight, more grey": Variant("eight_conv_cnn", "more grey"),
    "eight, strong": Variant("eight_conv_cnn", "strong"),
    "eight, grey, 32 px": Variant("eight_conv_cnn", "grey", size_px=32),
    "eight, grey, trimmed": Variant("eight_conv_cnn", "grey", trimmed=True),
    "eight, strong, trimmed": Variant("eight_conv_cnn", "strong", trimmed=True, seeds=(0, 1)),
    "eight, trimmed": Variant("eight_conv_cnn", "none", trimmed=True),
    "baseline, strong, trimmed": Variant("baseline_cnn", "strong", trimmed=True),
    "baseline, trimmed": Variant("baseline_cnn", "none", trimmed=True),
    "four-block, strong, trimmed": Variant("four_block_cnn", "strong", trimmed=True),
    "four-block, trimmed": Variant("four_block_cnn", "none", trimmed=True),
}


def load(root: Path, variant: Variant, cache: Path) -> tuple[Images, dict[str, SplitRows]]:
    """The pixels and the rows of each split."""
    dataset = datasets.find("brain_tumor_mri")
    samples = sorted(dataset.scan(root), key=lambda s: s.path)
    store = pixel_cache.prepare(
        root, [s.path for s in samples], size_px=variant.size_px, cache=cache, trimmed=variant.trimmed
    )
    table = splits.split(samples, store.sha256, classes=dataset.classes, val_fraction=0.15, seed=0)
    rows = {}
    for name in splits.SPLITS:
        chosen = table["split"] == name
        targets = table.loc[chosen, "target"].to_numpy("int64", copy=True)
        rows[name] = SplitRows(rows=np.flatnonzero(chosen).astype(np.int64), targets=targets)
    return Images(store.path, torch.device("cpu")), rows


def measure(root: Path, variant: Variant, seed: int, cache: Path) -> str:
    """Trains once and says what came of it: ROC-AUC on val and on the other sources, recall of each class there."""
    levels = {**augmentation_policies.POLICIES["mri"], "strong": _POLICIES[variant.policy]}
    augmentation_policies.POLICIES = {**augmentation_policies.POLICIES, "mri": levels}
    images, rows = load(root, variant, cache)
    recipe = _RECIPES[variant.architecture].with_values({"augmentation": "strong", **variant.recipe})
    run = Run(
        architecture=variant.architecture,
        recipe=recipe,
        num_classes=4,
        modality="mri",
        train=rows["train"],
        val=rows["val"],
        epochs=_EPOCHS,
        seed=seed,
    )
    outcome = train(run, images, report=lambda _metrics, _state: None)
    found = {}
    for name in ("val", "test"):
        logits = predict_logits(outcome.model, images, rows[name].rows, outcome.standardization)
        probabilities = losses.probabilities(logits).double().numpy()
        found[name] = scores(rows[name].targets, probabilities)
        answers = probabilities.argmax(axis=1)
    recalls = [f"{(answers == c)[rows['test'].targets == c].mean():.2f}" for c in range(4)]
    test = found["test"]
    return (
        f"val AUC {found['val']['roc_auc']:.3f}, other sources: AUC {test['roc_auc']:.3f}, balanced accuracy "
        f"{test['balanced_accuracy']:.3f}, recall {' '.join(recalls)}"
    )


def main(data: Path, names: list[str]) -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        root = make_source_holdout(data, Path(scratch) / "holdout")
        for name in names or VARIANTS:
            for seed in VARIANTS[name].seeds:
                print(f"{name}, seed {seed}: {measure(root, VARIANTS[name], seed, Path(scratch))}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
