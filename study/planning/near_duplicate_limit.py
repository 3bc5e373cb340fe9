"""Stops a study in which likeness alone would decide over many images, for somebody to look at them."""

from pathlib import Path

from study.datasets.images import contact_sheet, groups
from study.datasets.images.splits import LEFT_OUT, tied_by_likeness
from study.errors import DataError
from study.planning.dataset_split import DatasetSplit
from study.records import write_atomically

# Look-alikes are 1 to 2 % of brain MRI, ALL and RetinaMNIST. A data set that has many more, as BreastMNIST with its
# near-identical frames, either leaks badly or is wrongly judged; only a look can tell.
_MAX_TIED = 0.05
# A single pair among twenty images is 5 %, and nothing to stop for.
_FEW = 4
_NUM_SHOWN = 120
_SHOWN_PX = 96


def require_strangers(images: DatasetSplit, sheet: Path) -> None:
    """Checks that likeness alone ties few images to others.

    Args:
        images: and what of them belongs together.
        sheet: a PNG file, which is written where there are too many: pairs of them, the least alike first.

    Raises:
        DataError: there are too many.
    """
    grouping = images.grouping
    tied = tied_by_likeness(grouping.samples, grouping.sha256, grouping.links)
    num_tied = sum(len(part) for parts in tied for part in parts[1:])
    num_images = len(grouping.samples)
    if images.dataset.look_alikes_confirmed or num_tied <= max(_FEW, _MAX_TIED * num_images):
        return
    part_of = {row: part[0] for parts in tied for part in parts for row in part}
    deciding = [(a, b) for a, b in grouping.links if a in part_of and part_of[a] != part_of[b]]
    shown = sorted(deciding, key=lambda link: (grouping.links[link], link))[:_NUM_SHOWN]
    captions = [f"{grouping.links[link]:.3f}" for link in shown]
    write_atomically(sheet, contact_sheet.groups_png(images.store.open(), shown, captions=captions, side_px=_SHOWN_PX))
    num_left_out = int((images.table["split"] == LEFT_OUT).sum())
    raise DataError(
        f"Likeness alone may decide over at most {_MAX_TIED:.0%} of a study's images, but it ties {num_tied:,} of "
        f"{num_images:,} ({num_tied / num_images:.0%}) to others that have other pixels; {num_left_out:,} images are "
        f"left out in all. Look at the pairs in {sheet}, the least alike of {len(deciding):,} first. If they show the "
        f"same pictures, give --groups {groups.DUPLICATES}: they are then kept in one split. If they show different "
        f"ones, give --groups {groups.EXACT}: only equal pixels are then taken for copies."
    )
