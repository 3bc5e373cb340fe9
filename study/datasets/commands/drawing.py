"""`stand-in`: draws a dataset's stand-in into a folder of the user's."""

import tempfile
from pathlib import Path

from study.datasets import Dataset
from study.datasets.commands.naming import require_free, require_parent

# For whoever finds the folder later: drawn images must not be taken for real ones.
NOTE = "DRAWN-NOT-REAL.txt"


def draw_stand_in(name: str, dataset: Dataset, out: Path, *, seed: int) -> None:
    """Draws the stand-in and says where it is. Nothing is left behind if it is interrupted.

    Raises:
        DataError: `out` holds something already, or can't be made.
    """
    require_free(out)
    require_parent(out)
    draw_into(name, dataset, out, seed=seed)
    num_images = sum(sum(by_class.values()) for by_class in dataset.stand_in.values())
    print(f"{out}: {num_images} drawn images in the layout of {dataset.title}, seed {seed}")
    print(f"Check them: python -m study.datasets check {name} --data {out}")
    print("They are not real images. A study that has no data draws its own and says so in its report.")


def draw_into(name: str, dataset: Dataset, folder: Path, *, seed: int) -> None:
    """Draws the stand-in, with the note that says so, under another name, and renames it when it is whole."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        drawn = Path(scratch) / "images"
        dataset.draw(drawn, dataset.stand_in, seed)
        (drawn / NOTE).write_text(
            f"The images in this folder are drawn by a program (study.datasets stand-in {name} --seed {seed}).\n"
            f"They have the file layout of: {dataset.title}. They show no patient and no tissue.\n"
        )
        drawn.replace(folder)
