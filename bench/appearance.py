"""Of which images does `predict` say that they are unlike those of training?

    uv run python bench/appearance.py FOLDER FOLDER... [--size 64] [--seed 0]

Each folder holds images of one kind, at any depth. Four fifths of a folder's images stand for training. Of the last
fifth none should get a warning; of the other folders' images, of black ones, noise, and of the last fifth inverted or
four times as dark, all should. One markdown table on stdout.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from study.datasets.images import picture
from study.datasets.readers import pillow
from study.evaluation.appearance import Appearance

MOST = 2500
Pixels = NDArray[np.uint8]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    kinds = {str(folder): read(folder, options.size, rng) for folder in options.folders}
    print("| training images | held out | " + " | ".join(kinds) + " | black | noise | inverted | dark |")
    print("|---|---|" + "---|" * (len(kinds) + 4))
    for name, images in kinds.items():
        num = len(images) * 4 // 5
        held_out = images[num:]
        for train in (images[:num], images[:60]):
            known = Appearance.of(train)
            others = [other if other is not images else None for other in kinds.values()]
            noise = rng.integers(0, 256, (100, *images.shape[1:])).astype(np.uint8)
            asked = [held_out, *others, np.zeros_like(images[:1]), noise, 255 - held_out, held_out // 4]
            shares = ["" if each is None else f"{known.differs_grossly(each).mean():.1%}" for each in asked]
            print(f"| {name}, {len(train)} | " + " | ".join(shares) + " |", flush=True)


def read(folder: Path, size_px: int, rng: np.random.Generator) -> Pixels:
    """Up to MOST of a folder's images in random order, uint8 (N, size_px, size_px, 3)."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in pillow.READER.suffixes)
    chosen = [paths[i] for i in rng.permutation(len(paths))[:MOST]]
    images = (picture.in_8_bits(pillow.READER.read(path.read_bytes())) for path in chosen)
    return np.stack([picture.resize(image, size_px=size_px) for image in images])


if __name__ == "__main__":
    main()
