"""Histopathologic Cancer Detection (PCam): 96 px patches of lymph nodes; tumour tissue in the centre or not.

A patch is positive if its centre of 32x32 px shows tumour tissue. The patches in `test` have no published labels: they
are left alone. The slides that the patches come from are published apart, as `patch_id_wsi_full.csv`; where that file
lies beside the labels, the patches of a slide stay in one split.
"""

from pathlib import Path

from study.datasets import DEVELOPMENT, Counts, Dataset, Edition, Sample
from study.datasets.layouts.labels_csv import groups_of, labelled_files
from study.datasets.synthetic import lymph_node

CLASSES = ("normal", "tumor")
_LABELS, _FOLDER, _SUFFIX = "train_labels.csv", "train", ".tif"
_PAGE = "https://www.kaggle.com/competitions/histopathologic-cancer-detection"
_BAD = {
    "9369c7278ec8bcc6c880d99194de09fc2bd4efbe": "all black",
    "dd6dfed324f9fcb6f93f46f32fc800f2ec196be2": "corrupted",
}
_NUM_UNLABELLED = 16


def _scan(root: Path) -> list[Sample]:
    # The two bad images may have been deleted by hand, as many notebooks advise.
    table = labelled_files(
        root, csv_name=_LABELS, folder=_FOLDER, suffix=_SUFFIX, targets={"0": 0, "1": 1}, may_lack=_BAD
    )
    slides = groups_of(root, table["id"], pattern="patch_id_wsi*.csv", column="wsi")
    return [
        Sample(f"{_FOLDER}/{name}{_SUFFIX}", DEVELOPMENT, target, slide)
        for name, target, slide in zip(table["id"], table["target"].tolist(), slides, strict=True)
    ]


def _draw(root: Path, counts: Counts, seed: int) -> None:
    by_label = {str(target): counts[DEVELOPMENT][name] for target, name in enumerate(CLASSES)}
    # Drawn patches of a slide share its stain and its tumour, so the slides must be known.
    lymph_node.draw_pcam(root, counts=by_label, num_unlabelled=_NUM_UNLABELLED, seed=seed, with_slides=True)


DATASET = Dataset(
    title="Histopathologic Cancer Detection (PCam)",
    classes=CLASSES,
    modality="he",
    licence="CC0, as stated by the competition's page",
    editions=(
        Edition(
            source=f"Kaggle 2018, after Veeling et al. 2018, {_PAGE}",
            expected={DEVELOPMENT: {"normal": 130_908, "tumor": 89_117}},
        ),
    ),
    how_to_get=(
        f"Accept the rules on {_PAGE}, download all files and unpack them: --data takes the folder that holds "
        "train and train_labels.csv. With patch_id_wsi_full.csv beside them, the patches of a slide stay in one split."
    ),
    kaggle="histopathologic-cancer-detection",
    excluded={f"{_FOLDER}/{name}{_SUFFIX}": reason for name, reason in _BAD.items()},
    group_meaning="slide",
    scan=_scan,
    draw=_draw,
    stand_in={DEVELOPMENT: {"normal": 357, "tumor": 243}},
)
