"""Tumour tissue in lymph node patches (Kaggle Histopathologic Cancer Detection, PCam), document 004.

python -m study.run histopathologic                drawn images, 64 px; pretrained where the weights can be had
python -m study.run histopathologic --data DIR     220,025 patches at 96 px: for a GPU; not yet measured
"""

from ray import tune

from study.spec import PublishedEpoch, PublishedResult, Recipe, Study

STUDY = Study(
    title="Tumour tissue in lymph node patches",
    document="004",
    dataset="histopathologic_cancer",
    image_size=96,
    val_fraction=0.10,
    pairs={
        "efficientnet_b0": Recipe(
            pretrained=True,
            optimizer="adamw",
            lr=1e-3,
            weight_decay=1e-2,
            schedule="onecycle",
            early_stopping=5,
            augmentation="strong",
            batchnorm=True,
            dropout=0.2,
            batch_size=64,
            stated={
                "pretrained": "document 004, model architecture: pretrained on ImageNet",
                "optimizer": "document 004, model architecture: AdamW",
                "schedule": "document 004, model architecture: OneCycleLR",
                "early_stopping": "document 004, highlights: early stopping; its patience is assumed",
                "augmentation": "document 004, data pipeline: random crops, rotations, flips, colour jitter; their "
                "ranges are assumed",
                "dropout": "document 004, model architecture: dropout; its probability is assumed",
                "pos_weight": "document 004, model architecture: binary cross-entropy with logits, no weight named",
            },
        ),
    },
    references=("eight_conv_cnn",),
    space={
        "lr": tune.loguniform(1e-4, 1e-2),
        "dropout": tune.uniform(0.0, 0.7),
        "batchnorm": tune.choice([False, True]),
        "augmentation": tune.choice(["none", "light", "strong"]),
        "pos_weight": tune.loguniform(0.5, 2.0),
    },
    pair_space={
        "efficientnet_b0": {
            "freeze_epochs": tune.choice([0, 1]),
            "fine_tune_lr": tune.loguniform(1e-5, 1e-3),
        },
    },
    published=(PublishedResult(label="EfficientNet-B0", architecture="efficientnet_b0", split="val", accuracy=0.976),),
    published_epochs=tuple(
        PublishedEpoch(
            architecture="efficientnet_b0", epoch=epoch, train_accuracy=train, val_accuracy=val, val_loss=loss
        )
        for epoch, train, val, loss in (
            (1, 0.912, 0.956, 0.140),
            (3, 0.951, 0.969, 0.095),
            (5, 0.960, 0.973, 0.079),
            (7, 0.966, 0.976, 0.073),
        )
    ),
    # 220,025 patches are enough to learn from; the report then says on its first lines that it was done so.
    allow_from_scratch=True,
    notes=(
        "Document 004 selects and reports on the same validation images, split by patch and not by slide. Kaggle's "
        "test images have no labels, so 15 % of the labelled ones are test here, and the networks train on fewer.",
        "Document 004 gives no learning rate, batch size or patience: its recipe is reconstructed.",
        "The eight-convolution CNN is this project's own reference, trained from scratch; document 004 has no figure "
        "for it. EfficientNet-B1 to B4, the document's variants, run with --architecture efficientnet_b1 and so on.",
    ),
)
