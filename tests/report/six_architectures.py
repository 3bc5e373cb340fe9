"""A run of six architectures: two with the document's recipe, one that lacks its weights, three references."""

from typing import Any

_STRENGTHS = {
    "baseline_cnn": 1.0,
    "four_block_cnn": 1.3,
    "efficientnet_b0": 1.1,
    "eight_conv_cnn": 0.8,
    "resnet18": 1.5,
    "densenet121": 2.2,
}
_TRANSFER = ["pretrained", "freeze_epochs", "fine_tune_lr"]
_TRAINING = ["optimizer", "lr", "batch_size", "augmentation", "class_weight_power", "dropout", "batchnorm"]
_MANIFEST: dict[str, Any] = {
    "title": "Brain tumour type from MRI slices",
    "document": "003",
    "dataset": {"edition": "second version"},
    "from_scratch": {
        "efficientnet_b0": "efficientnet_b0 starts from torchvision's EfficientNet_B0_Weights.IMAGENET1K_V1, but they "
        "can't be downloaded (<urlopen error timed out>). Give --weights efficientnet_b0=FILE."
    },
    "pairs": {
        "four_block_cnn": {"document_epochs": 200, "uses": _TRAINING},
        "efficientnet_b0": {"document_epochs": 3, "uses": ["pretrained", *_TRAINING]},
        "eight_conv_cnn": {"reference": True, "stated": {}, "rungs": [1, 3], "uses": [*_TRAINING, "width"]},
        "resnet18": {
            "reference": True,
            "stated": {},
            "uses": [*_TRAINING, *_TRANSFER],
            "recipe": {"pretrained": True, "freeze_epochs": 2},
            "weights": {"source": "ResNet18_Weights.IMAGENET1K_V1", "sha256": "abcdef0123456789" * 4},
        },
        "densenet121": {"reference": True, "stated": {}, "uses": _TRAINING},
    },
    "tried": {
        "baseline_cnn": [{"lr": 5e-4}, {"lr": 1e-5}],
        "resnet18": [{"dropout": 0.3, "batchnorm": True}],
    },
    "published": [
        {"label": "Baseline CNN", "architecture": "baseline_cnn", "split": "test", "accuracy": 0.74, "note": ""},
        {
            "label": "EfficientNet-B0, fine-tuned",
            "architecture": "efficientnet_b0",
            "split": "test",
            "accuracy": 0.88,
            "roc_auc": 0.9835,
            "roc_auc_weighted": 0.984,
            "note": "approximate accuracy",
        },
        {"label": "LeNet", "architecture": "lenet", "split": "train", "accuracy": 0.5, "note": ""},
        {"label": "LeNet", "architecture": "lenet", "split": "val", "accuracy": 0.4, "note": ""},
    ],
    "published_epochs": [
        {"architecture": "efficientnet_b0", "epoch": epoch, "train_accuracy": train, "val_accuracy": val}
        | {"train_loss": None, "val_loss": loss}
        for epoch, train, val, loss in ((1, 0.912, 0.956, 0.140), (5, 0.960, 0.973, 0.079), (7, 0.966, 0.976, 0.073))
    ],
}

PLAN: dict[str, Any] = {
    "name": "brain_six",
    "num_classes": 4,
    "strengths": _STRENGTHS,
    "manifest": _MANIFEST,
    "short": {"efficientnet_b0-document-seed1": 3},
    "num_trials": 5,
    "num_epochs": 5,
    "num_seeds": 2,
}
