"""HER2 status (negative: 0, 1+; positive: 2+, 3+) from IHC patches, document 001.

python -m study.run her2_binary                    drawn images, 64 px, about two minutes on two cores
python -m study.run her2_binary --data DIR         BCI, standard budget; not yet measured
"""

from ray import tune

from study.spec import PublishedResult, Recipe, Study

_STATED = {
    "optimizer": "document 001, methods: Adam, learning rate by model",
    "pos_weight": "document 001, methods: BCEWithLogitsLoss with a positive class weight; its value is assumed",
}

STUDY = Study(
    title="HER2 status from IHC patches",
    document="001",
    dataset="bci_her2_binary",
    image_size=128,
    pairs={
        "lenet": Recipe(optimizer="adam", lr=1e-3, pos_weight="balanced", stated=_STATED),
        "alexnet": Recipe(optimizer="adam", lr=1e-4, pos_weight="balanced", dropout=0.5, stated=_STATED),
        "hahnet": Recipe(optimizer="adam", lr=1e-4, pos_weight="balanced", batchnorm=True, stated=_STATED),
    },
    space={
        "lr": tune.loguniform(1e-5, 1e-2),
        "dropout": tune.uniform(0.0, 0.7),
        "batchnorm": tune.choice([False, True]),
        "augmentation": tune.choice(["none", "light", "strong"]),
        "pos_weight": tune.loguniform(0.2, 5.0),
    },
    published=(
        PublishedResult(
            label="LeNet-Based", architecture="lenet", split="train",
            accuracy=0.831, precision=0.946, recall=0.809, roc_auc=0.940,
        ),
        PublishedResult(
            label="LeNet-Based", architecture="lenet", split="val",
            accuracy=0.706, precision=0.838, recall=0.723, roc_auc=0.778,
        ),
        PublishedResult(
            label="AlexNet-Based", architecture="alexnet", split="train",
            accuracy=0.712, precision=0.787, recall=0.819, roc_auc=0.769,
        ),
        PublishedResult(
            label="AlexNet-Based", architecture="alexnet", split="val",
            accuracy=0.710, precision=0.781, recall=0.818, roc_auc=0.776,
        ),
        PublishedResult(
            label="HAHNet-Based", architecture="hahnet", split="train",
            accuracy=0.719, precision=0.719, recall=0.992, roc_auc=0.808,
        ),
        PublishedResult(
            label="HAHNet-Based", architecture="hahnet", split="val",
            accuracy=0.724, precision=0.727, recall=0.989, roc_auc=0.819,
        ),
    ),
    notes=(
        "Document 001 gives no learning rates, epochs, image size or layer tables: its recipes are reconstructed.",
        "Document 001 selects and reports on the same validation images; it has no separate test figures.",
    ),
)  # fmt: skip
