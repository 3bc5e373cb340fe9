"""What a synthetic run is declared to be: its plan, and the manifest that follows from it."""

from dataclasses import dataclass, field
from typing import Any

from study.spec import Recipe

# lenet's starting recipe wins, which is 0.3 weaker than a tuned one: lenet and alexnet are close together.
BINARY = {"lenet": 1.0, "alexnet": 0.75, "hahnet": 2.2}
COUNTS = {
    2: {
        "train": {"negative": 90, "positive": 220},
        "val": {"negative": 16, "positive": 40},
        "test": {"negative": 62, "positive": 158},
    },
    4: {
        "train": {"glioma": 120, "meningioma": 118, "no_tumor": 60, "pituitary": 121},
        "val": {"glioma": 21, "meningioma": 21, "no_tumor": 10, "pituitary": 21},
        "test": {"glioma": 50, "meningioma": 57, "no_tumor": 52, "pituitary": 37},
    },
}
PUBLISHED = {
    "label": "LeNet-Based",
    "architecture": "lenet",
    "split": "val",
    "accuracy": 0.706,
    "precision": 0.838,
    "recall": 0.723,
    "roc_auc": 0.7785,
    "roc_auc_weighted": None,
    "note": "Rounded by the document.",
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the synthetic run looks like.

    Attributes:
        strengths: architecture -> how far the classes lie apart in its answers; the ranking follows from it.
        always: architectures that answer the last class whatever they see.
        stage: "declared", "searching", "seeds" or "tested": how far the run has come.
        no_finalist: architectures all of whose searched trials failed.
        lost_seeds: architecture -> number of a tuned seed run that failed.
        failed: architecture -> how many of its last searched trials failed, the last by running out of memory.
        audit: how many trials after trial 0 are never stopped early.
        default: architectures whose first trial after the tried ones is a known-good default.
        broken: id of a trial -> kinds of its failed attempts.
        micro_batch: id of a trial -> images that are in memory at a time.
        version: of the program that wrote the log; "0.1.0" knew no origins and no audited trials.
        short: id of a seed run -> epoch after which it ended early.
        manifest: what the manifest has otherwise than usual, nested as it is.
    """

    name: str = "her2_binary"
    num_classes: int = 2
    strengths: dict[str, float]
    always: tuple[str, ...] = ()
    stage: str = "tested"
    stand_in: bool = False
    no_finalist: tuple[str, ...] = ()
    lost_seeds: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    audit: int = 0
    default: tuple[str, ...] = ()
    broken: dict[str, tuple[str, ...]] = field(default_factory=dict)
    micro_batch: dict[str, int] = field(default_factory=dict)
    version: str = "0.2.0"
    short: dict[str, int] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    num_trials: int = 8
    num_epochs: int = 9
    num_seeds: int = 3


def manifest_of(plan: Plan) -> dict[str, Any]:
    counts = COUNTS[plan.num_classes]
    recipe = Recipe(pos_weight=0.41 if plan.num_classes == 2 else 1.0).hyperparameters()
    unused = {"pos_weight" if plan.num_classes > 2 else "class_weight_power", "width", "depth", "pretrained"}
    unused |= {"freeze_epochs", "fine_tune_lr"}
    space = {
        "lr": {"kind": "loguniform", "low": 1e-5, "high": 1e-2, "log": True},
        "dropout": {"kind": "uniform", "low": 0.0, "high": 0.7, "log": False},
        "batchnorm": {"kind": "choice", "values": [False, True]},
    }
    manifest = {
        "run": plan.name,
        "study": "her2_binary",
        "title": "HER2 status from IHC patches",
        "document": "001",
        "notes": ["The document names no image size."],
        "stand_in": plan.stand_in,
        "command": "python -m study.run her2_binary",
        "seed": 11,
        "image_size": 64,
        "val_fraction": 0.15,
        "created": "2026-03-14T09:26:53+00:00",
        "commit": "0123456789abcdef0123",
        "versions": {"study": "0.1.0", "python": "3.11.9", "torch": "2.14.1", "ray": "2.60.0"},
        "machine": {"device": "cpu", "cpu": "Example CPU", "num_cpus": 2},
        "slots": {"num": 2, "cpus": 1, "gpus": 0},
        "precision": "bfloat16",
        "budget": {
            "name": "demo",
            "trials": plan.num_trials,
            "epochs": plan.num_epochs,
            "seeds": plan.num_seeds,
        }
        | ({"audit": plan.audit} if plan.version != "0.1.0" else {}),
        "reduction_factor": 3,
        "dataset": {
            "name": "example",
            "title": "Example patches",
            "edition": "",
            "licence": "CC0",
            "source": "https://example.org",
            "classes": list(counts["train"]),
            "modality": "ihc",
            "how_to_get": "Ask for it.",
            "expected": {"development": {"all": 500}, "test": {"all": 220}},
            "group_meaning": "",
        },
        "data_hash": "d" * 64,
        "split_hash": "5" * 64,
        "counts": counts,
        "left_out": {"stands in the test split too": 12},
        "duplicates": {"extra_copies": 31, "byte_identical_copies": 20, "groups": 29, "spanning_test": 12},
        "skipped": ["train/00007_train_1+.png: cannot identify image file"],
        "pairs": {
            pair: {
                "title": f"The {pair}",
                "recipe": recipe,
                "stated": {"optimizer": "document 001, line 9"},
                "document_epochs": None,
                "uses": [name for name in recipe if name not in unused],
                "cam_layer": "features",
                "rungs": [3],
                "weights": None,
                "num_parameters": 61_706,
                "reference": False,
            }
            for pair in plan.strengths
        },
        "from_scratch": {},
        "space": dict.fromkeys(plan.strengths, space),
        "tried": {pair: [] for pair in plan.strengths},
        "published": [PUBLISHED] if plan.num_classes == 2 else [],
        "published_epochs": [],
    }
    return merged(manifest, plan.manifest)


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """`new` over `old`, nested dictionaries entry by entry."""
    nested = [name for name in new if isinstance(new[name], dict) and isinstance(old.get(name), dict)]
    return old | new | {name: merged(old[name], new[name]) for name in nested}
