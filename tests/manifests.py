"""A small manifest, as `study.json` has it, for tests of what is done with one."""

from typing import Any


def manifest_json(**changes: Any) -> dict[str, Any]:
    """The JSON of a whole manifest.

    Args:
        changes: replace keys of it.
    """
    pairs = {"lenet": pair_json()}
    return {
        "run": "example",
        "study": "example",
        "title": "An example",
        "document": "",
        "notes": ["A note."],
        "command": "python -m study.run example",
        "seed": 0,
        "image_size": 16,
        "val_fraction": 0.15,
        "created": "2026-03-14T09:26:53+00:00",
        "commit": "0123456",
        "versions": {"study": "0.1.0", "python": "3.11.9", "torch": "2.14.1"},
        "machine": {"cpu": "Example CPU", "num_cpus": 2, "device": "cpu"},
        "budget": {"name": "demo", "trials": 5, "epochs": 5, "seeds": 3, "image_size": 64, "audit": 1},
        "reduction_factor": 2,
        "dataset": {
            "name": "example",
            "title": "Example patches",
            "edition": "",
            "licence": "CC0",
            "source": "https://example.org",
            "how_to_get": "Ask for it.",
            "classes": ["negative", "positive"],
            "modality": "ihc",
            "ordinal": True,
            "trimmed": True,
            "window": [40, 200],
            "expected": {"development": {"all": 500}},
            "group_meaning": "slide",
            "ungrouped": 3,
        },
        "pairs": pairs,
        "space": {pair: {"lr": {"kind": "choice", "values": [0.1, 0.2]}} for pair in pairs},
        "tried": {"lenet": [{"lr": 0.1}]},
        "published": [
            {
                "label": "LeNet",
                "architecture": "lenet",
                "split": "val",
                "accuracy": 0.7,
                "precision": None,
                "recall": None,
                "roc_auc": 0.8,
                "roc_auc_weighted": None,
                "note": "Rounded.",
            }
        ],
        "published_epochs": [
            {
                "architecture": "lenet",
                "epoch": 1,
                "train_accuracy": 0.6,
                "val_accuracy": 0.5,
                "train_loss": None,
                "val_loss": None,
            }
        ],
        "names_hash": "a" * 64,
        "test_hash": "b" * 64,
        "data_hash": "d" * 64,
        "split_hash": "5" * 64,
        "counts": {split: {"negative": 100, "positive": 100} for split in ("train", "val", "test")},
        "left_out": {"stands in the test split too": 12},
        "given_splits": ["test"],
        "duplicates": {
            "extra_copies": 31,
            "byte_identical_copies": 20,
            "groups": 29,
            "groups_spanning_test": 8,
            "spanning_test": 12,
            "groups_of_two_labels": 1,
            "look_alike_links": 7,
            "look_alike_extra_pictures": 6,
            "look_alike_groups": 5,
            "look_alike_spanning_test": 4,
            "look_alike_groups_of_two_labels": 2,
            "look_alike_doubtful": 3,
        },
        "likeness": {"usual": 0.855, "likely": 0.965, "sure": 0.978},
        "skipped": ["train/7.png: cannot identify image file"],
        "stand_in": False,
        "from_scratch": {},
        "given_weights": ["lenet"],
        "opened_before": [
            {
                "test_hash": "b" * 64,
                "run": "other",
                "created": "2026-03-13T09:26:53+00:00",
                "opened": "2026-03-13T10:26:53+00:00",
                "num_images": 200,
                "num_networks": 6,
            }
        ],
        "groups": "exact",
        "holdout": True,
        "appearance": {"mean": [0.5], "whitening": [[1.0]], "limit": 6.0},
        "precision": "bfloat16",
        "slots": {"num": 2, "cpus": 1, "gpus": 0},
        **changes,
    }


def pair_json(**changes: Any) -> dict[str, Any]:
    """The JSON of one architecture of a manifest."""
    return {
        "title": "The LeNet",
        "recipe": {
            "optimizer": "adam",
            "lr": 0.001,
            "weight_decay": 0.0,
            "batch_size": 32,
            "schedule": "constant",
            "early_stopping": 0,
            "augmentation": "none",
            "pos_weight": 0.41,
            "class_weight_power": 0.0,
            "dropout": 0.0,
            "batchnorm": False,
            "kernel_size": 3,
            "dense_units": 128,
            "width": 32,
            "depth": 3,
            "pretrained": False,
            "freeze_epochs": 0,
            "fine_tune_lr": 0.0001,
        },
        "stated": {"optimizer": "document 001, line 9"},
        "document_epochs": 20,
        "uses": ["optimizer", "lr"],
        "cam_layer": "layer4",
        "rungs": [1, 3],
        "weights": {"source": "file own.pt", "sha256": "12" * 32},
        "num_parameters": 61_706,
        "reference": True,
        **changes,
    }
