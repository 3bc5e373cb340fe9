"""Images of one's own as a `Dataset`."""

from pathlib import Path

from study.datasets import Counts, Dataset, Edition, Sample
from study.datasets.custom.layouts import declared_layout
from study.errors import DataError
from study.spec import OwnImages


def dataset_of(own: OwnImages) -> Dataset:
    """What a declaration says, as every other dataset says it."""

    def scan(root: Path) -> list[Sample]:
        return declared_layout(root, own).scan(root, own).samples

    return Dataset(
        title=own.name,
        classes=own.classes,
        modality=own.modality,
        licence=own.licence,
        editions=(Edition(source=own.source, expected={}),),
        how_to_get="Images of one's own: the study file says where they are, or --data.",
        scan=scan,
        draw=_draw,
        stand_in={},
        group_meaning=own.group_meaning,
        folder=Path(own.folder),
        window=own.window,
    )


def _draw(root: Path, counts: Counts, seed: int) -> None:
    del counts, seed
    raise DataError(f"Images of one's own can't be drawn, but {root} is to be. Give --data the folder of the images.")
