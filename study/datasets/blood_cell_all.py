"""Blood cell cancer (ALL): blood smears without and with three subtypes of acute lymphoblastic leukaemia."""

from pathlib import Path

from study.datasets import DEVELOPMENT, Counts, Dataset, Edition, Sample
from study.datasets.layouts.class_folders import class_folders
from study.datasets.synthetic import blood_smear

_TOP = "Blood cell Cancer [ALL]"
_FOLDERS = {
    "benign": "Benign",
    "early_pre_b": "[Malignant] early Pre-B",
    "pre_b": "[Malignant] Pre-B",
    "pro_b": "[Malignant] Pro-B",
}
CLASSES = tuple(_FOLDERS)


def _scan(root: Path) -> list[Sample]:
    inside = any((root / folder).is_dir() for folder in _FOLDERS.values())
    targets = {folder: target for target, folder in enumerate(_FOLDERS.values())}
    return class_folders(root, sides={"" if inside else _TOP: DEVELOPMENT}, targets=targets)


def _draw(root: Path, counts: Counts, seed: int) -> None:
    by_folder = {_FOLDERS[name]: count for name, count in counts[DEVELOPMENT].items()}
    blood_smear.draw_blood_cell_all(root, counts=by_folder, seed=seed)


DATASET = Dataset(
    title="Blood cell cancer (ALL), four classes",
    classes=CLASSES,
    modality="blood",
    licence="Not known to us: read it on the Kaggle page before you use the images",
    editions=(
        Edition(
            source="https://www.kaggle.com/datasets/mohammadamireshraghi/blood-cell-cancer-all-4class",
            expected={DEVELOPMENT: dict(zip(CLASSES, (512, 979, 955, 796), strict=True))},
        ),
    ),
    how_to_get=(
        "Download it from https://www.kaggle.com/datasets/mohammadamireshraghi/blood-cell-cancer-all-4class and unpack "
        f"it: --data takes the folder {_TOP!r} or the one that holds it."
    ),
    kaggle="mohammadamireshraghi/blood-cell-cancer-all-4class",
    # All 64 links of these images in another edition were looked at: by eye each is of one field of view.
    look_alikes_confirmed=True,
    scan=_scan,
    draw=_draw,
    stand_in={DEVELOPMENT: dict(zip(CLASSES, (96, 180, 176, 148), strict=True))},
)
