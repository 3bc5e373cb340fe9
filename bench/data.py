"""How fast do images reach a training step? Ours, and ImageFolder with a DataLoader of two workers.

    uv run python bench/data.py mri --data ../shared/data/brain_tumor_mri [--image-size 64]
    uv run python bench/data.py bci [--image-size 128] [--images 600]

`mri` takes the Training side of brain MRI (JPEG, nearly all 512 x 512); `bci` draws immunohistochemistry patches of
1024 x 1024 px as PNG, as BCI has them. Either way delivers standardized float32 batches of 32 shuffled images at the
image size, with and without augmentation.

- **DataLoader**: torchvision's ImageFolder (Pillow decodes), two worker processes that stay, torchvision v2's Resize
  (antialiased, on the decoded uint8 tensor), then flips, affine changes and colour jitter for each image, ToDtype,
  Normalize; one thread a worker. Its fastest of three epochs counts.
- **ours**: `Images.batch`, `augment`, `Standardization` of `study.training`, one thread in the process that trains, the
  array decoded and resized before. The median of many epochs counts. `pays after` is the number of epochs after which
  decoding everything once, with the hashes and thumbnails that come with it, is the cheaper way.

The DataLoader has both cores, ours has one, since a study trains on the other; our augmentation also varies gamma and
noise (mri) or stains (bci), which the DataLoader is not asked to do.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from study.datasets.images import pixel_cache
from study.datasets.synthetic import her2
from study.training import augmentation, augmentation_policies
from study.training.data import Images

BATCH_SIZE = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["mri", "bci"])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--image-size", type=int)
    parser.add_argument("--images", type=int, default=600, help="to draw for bci")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if options.what == "mri":
            root, size_px, modality = options.data / "Training", options.image_size or 64, "mri"
        else:
            root, size_px, modality = Path(scratch) / "drawn" / "IHC", options.image_size or 128, "ihc"
            by_score = dict.fromkeys(her2.SCORES, options.images // len(her2.SCORES))
            her2.draw_bci(root.parent, counts={"train": by_score}, seed=0, size_px=1024)
        paths = sorted(
            str(p.relative_to(root)) for p in root.rglob("*") if p.suffix.lower() in (".png", ".jpg", ".jpeg")
        )
        begun_s = time.perf_counter()
        store = pixel_cache.prepare(root, paths, size_px=size_px, cache=Path(scratch) / "cache", show_progress=False)
        cached_s = time.perf_counter() - begun_s
        print(f"{len(paths)} images at {size_px} px; decoded once in {cached_s:.1f} s\n")
        print("| augmentation | DataLoader, images/s | ours | ratio | pays after |\n|---|---|---|---|---|")
        for level in ("none", "strong"):
            loaded = _loaded(root, size_px, modality, level)
            own = _own(store.path, len(paths), modality, level)
            # Seconds a DataLoader epoch costs more than ours.
            saved_s = len(paths) / loaded - len(paths) / own
            print(
                f"| {level} | {loaded:.0f} | {own:.0f} | {own / loaded:.1f} | {cached_s / saved_s:.1f} epochs |",
                flush=True,
            )


def _loaded(root: Path, size_px: int, modality: str, level: str) -> float:
    changes: list[Callable[..., object]] = [v2.ToImage(), v2.Resize((size_px, size_px), antialias=True)]
    if level == "strong" and modality == "mri":
        changes += [v2.RandomHorizontalFlip(), v2.RandomAffine(10, translate=(0.03, 0.03), scale=(0.95, 1.05))]
        changes += [v2.ColorJitter(brightness=0.15, contrast=0.4)]
    elif level == "strong":
        changes += [v2.RandomHorizontalFlip(), v2.RandomVerticalFlip(), v2.RandomAffine(15, scale=(0.9, 1.1))]
        changes += [v2.ColorJitter(brightness=0.01)]
    changes += [v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.2] * 3, [0.2] * 3)]
    loader = DataLoader(
        ImageFolder(root, v2.Compose(changes)), BATCH_SIZE, shuffle=True, num_workers=2, persistent_workers=True
    )
    rates = []
    for _ in range(3):
        begun_s, num = time.perf_counter(), 0
        for images, _ in loader:
            num += len(images)
        rates.append(num / (time.perf_counter() - begun_s))
    return max(rates)


def _own(array: Path, num: int, modality: str, level: str) -> float:
    torch.set_num_threads(1)
    images, chosen = Images(array, torch.device("cpu")), augmentation_policies.policy(modality, level)
    standardization = images.statistics(np.arange(num))
    generator = torch.Generator().manual_seed(0)
    rates = []
    for _ in range(11):
        begun_s = time.perf_counter()
        for rows in torch.randperm(num, generator=generator).split(BATCH_SIZE):
            standardization(augmentation.augment(images.batch(rows), chosen, generator))
        rates.append(num / (time.perf_counter() - begun_s))
    return float(np.median(rates[1:]))


if __name__ == "__main__":
    main()
