"""Brain Tumor Classification (MRI): T1-weighted slices of three planes, four classes, official Testing folder."""

from pathlib import Path

from study.datasets import DEVELOPMENT, TEST, Counts, Dataset, Sample
from study.datasets.drawing import brain_mri
from study.datasets.images.layouts import class_folders

CLASSES = ("glioma", "meningioma", "no_tumor", "pituitary")
_FOLDERS = ("glioma_tumor", "meningioma_tumor", "no_tumor", "pituitary_tumor")
_SIDES = {"Training": DEVELOPMENT, "Testing": TEST}


def _scan(root: Path) -> list[Sample]:
    return class_folders(root, sides=_SIDES, targets={name: i for i, name in enumerate(_FOLDERS)})


def _draw(root: Path, counts: Counts, seed: int) -> None:
    folder_counts = {
        side_folder: {folder: counts[side][name] for folder, name in zip(_FOLDERS, CLASSES, strict=True)}
        for side_folder, side in _SIDES.items()
    }
    brain_mri.draw_brain_tumor_mri(root, counts=folder_counts, seed=seed)


DATASET = Dataset(
    title="Brain Tumor Classification (MRI)",
    classes=CLASSES,
    modality="mri",
    licence="MIT, as stated by its authors' repository",
    source="Bhuvaji et al. 2020, https://www.kaggle.com/datasets/sartajbhuvaji/brain-tumor-classification-mri",
    how_to_get="Download it from Kaggle and unpack it: --data takes the folder that holds Training and Testing.",
    expected={
        DEVELOPMENT: dict(zip(CLASSES, (826, 822, 395, 827), strict=True)),
        TEST: dict(zip(CLASSES, (100, 115, 105, 74), strict=True)),
    },
    scan=_scan,
    draw=_draw,
    stand_in={
        DEVELOPMENT: dict(zip(CLASSES, (130, 130, 65, 130), strict=True)),
        TEST: dict(zip(CLASSES, (54, 62, 56, 40), strict=True)),
    },
)
