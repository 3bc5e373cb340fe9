"""HER2 score (0, 1+, 2+, 3+) from IHC patches, document 000.

python -m study.run her2_score                     drawn images, 64 px
python -m study.run her2_score --data DIR          BCI, standard budget; not yet measured
"""

from ray import tune

from study.spec import Budget, PublishedResult, Recipe, Study

STUDY = Study(
    title="HER2 score from IHC patches",
    document="000",
    dataset="bci_her2_score",
    image_size=128,
    pairs={
        "four_block_cnn": Recipe(
            optimizer="adam",
            lr=1e-3,
            epochs=200,
            stated={
                "optimizer": "document 000, training process: Adam",
                "lr": "document 000, training process: learning rate 0.001",
                "epochs": "document 000, training process: 200 epochs",
                "class_weight_power": "document 000, training process: CrossEntropyLoss, no weights named",
                "augmentation": "document 000, observations: suggested, so not used",
                "dropout": "document 000, observations: suggested, so not used",
                "batchnorm": "document 000, observations: suggested, so not used",
                "early_stopping": "document 000, observations: suggested, so not used",
            },
        ),
    },
    references=("eight_conv_cnn",),
    # The document's four suggestions against overfitting are dimensions of the search.
    space={
        "lr": tune.loguniform(1e-4, 1e-2),
        "dropout": tune.uniform(0.0, 0.7),
        "batchnorm": tune.choice([False, True]),
        "augmentation": tune.choice(["none", "light", "strong"]),
        "early_stopping": tune.choice([0, 10, 20]),
        "class_weight_power": tune.uniform(0.0, 1.0),
    },
    tried={
        "four_block_cnn": ({"batchnorm": True, "dropout": 0.3, "augmentation": "light", "early_stopping": 20},),
    },
    published=(
        PublishedResult(
            label="Custom CNN", architecture="four_block_cnn", split="val", accuracy=0.61, note="approximate"
        ),
    ),
    budgets={"full": Budget(trials=64, epochs=200, seeds=5)},
    notes=(
        "Document 000 selects and reports on the same validation images; it has no separate test figures. It gives no "
        "widths and no batch size, so its network and its recipe are reconstructed.",
        "The eight-convolution CNN is this project's own reference; document 000 has no figure for it.",
    ),
)
