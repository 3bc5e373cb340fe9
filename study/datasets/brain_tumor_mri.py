"""Brain Tumor Classification (MRI): T1-weighted slices of three planes, four classes, official Testing folder.

Two versions are published under much the same name, with other names of the class folders; both are read.
"""

from pathlib import Path

from study.datasets import DEVELOPMENT, TEST, Counts, Dataset, Edition, Sample
from study.datasets.layouts.class_folders import class_folders, naming_of
from study.datasets.synthetic import brain_mri

CLASSES = ("glioma", "meningioma", "no_tumor", "pituitary")
_FIRST = ("glioma_tumor", "meningioma_tumor", "no_tumor", "pituitary_tumor")
_SECOND = ("glioma", "meningioma", "notumor", "pituitary")
_SIDES = {"Training": DEVELOPMENT, "Testing": TEST}


def _scan(root: Path) -> list[Sample]:
    folders = naming_of(root, sides=tuple(_SIDES), namings=(_FIRST, _SECOND))
    return class_folders(root, sides=_SIDES, targets={name: i for i, name in enumerate(folders)})


def _draw(root: Path, counts: Counts, seed: int) -> None:
    folder_counts = {
        side_folder: {folder: counts[side][name] for folder, name in zip(_FIRST, CLASSES, strict=True)}
        for side_folder, side in _SIDES.items()
    }
    brain_mri.draw_brain_tumor_mri(root, counts=folder_counts, seed=seed)


def _counts(development: tuple[int, ...], test: tuple[int, ...]) -> Counts:
    return {
        DEVELOPMENT: dict(zip(CLASSES, development, strict=True)),
        TEST: dict(zip(CLASSES, test, strict=True)),
    }


DATASET = Dataset(
    title="Brain Tumor Classification (MRI)",
    classes=CLASSES,
    modality="mri",
    licence="MIT, as stated by the first version's authors; of the second version, see its Kaggle page",
    editions=(
        Edition(
            title="first version",
            source="Bhuvaji et al. 2020, https://www.kaggle.com/datasets/sartajbhuvaji/brain-tumor-classification-mri",
            expected=_counts((826, 822, 395, 827), (100, 115, 105, 74)),
        ),
        Edition(
            title="second version",
            source="Nickparvar 2021, https://www.kaggle.com/datasets/masoudnickparvar/brain-tumor-mri-dataset",
            expected=_counts((1321, 1339, 1595, 1457), (300, 306, 405, 300)),
        ),
    ),
    how_to_get=(
        "Download https://www.kaggle.com/datasets/sartajbhuvaji/brain-tumor-classification-mri (or the second version, "
        "masoudnickparvar/brain-tumor-mri-dataset) and unpack it: --data takes the folder that holds Training and "
        "Testing."
    ),
    # On slices from other sources it raised the ROC-AUC from 0.861 to 0.895, see bench/README.md.
    trimmed=True,
    kaggle="sartajbhuvaji/brain-tumor-classification-mri",
    # All 48 links within Training of the first version were looked at: by eye each is of one picture.
    look_alikes_confirmed=True,
    scan=_scan,
    draw=_draw,
    stand_in=_counts((130, 130, 65, 130), (54, 62, 56, 40)),
)
