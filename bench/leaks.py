"""Are copies of a picture found, and are distinct pictures left apart?

    uv run python bench/leaks.py brain_tumor_mri --data ../shared/data/brain_tumor_mri [--sheet FILE.png]
    uv run python bench/leaks.py bci_her2_binary histopathologic_cancer
    uv run python bench/leaks.py --scale

Changes images of a data set (drawn, where no folder is given) in each of the ways in which copies come about, puts
them beside all others, and counts which are linked with the picture that they were made from. `--sheet` draws the
links between the data set's own pictures, the least certain first, to be looked at. Of official test splits nothing is
read. `--scale` times 220,025 drawn thumbnails.
"""

import argparse
import io
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance

from study import datasets
from study.datasets import TEST, Dataset
from study.datasets.images import decoding, look_alikes

Change = Callable[[Image.Image], Image.Image]
Thumbnails = NDArray[np.uint8]
_NUM_CHANGED = 300
_CELL_PX = 96


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="DATASET")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--scale", action="store_true")
    options = parser.parse_args()
    for name in options.names:
        dataset = datasets.find(name)
        with tempfile.TemporaryDirectory() as scratch:
            root = options.data or Path(scratch) / "drawn"
            if not options.data:
                dataset.draw(root, dataset.stand_in, 0)
            _measure(name, dataset, root, options.sheet)
    if options.scale:
        _scale()


def _measure(name: str, dataset: Dataset, root: Path, sheet: Path | None) -> None:
    paths = [root / s.path for s in dataset.scan(root) if s.side != TEST and s.path not in dataset.excluded]
    with ThreadPoolExecutor() as pool:
        read = list(pool.map(_read, paths))
    first = {fingerprint: row for row, (fingerprint, _) in reversed(list(enumerate(read)))}
    rows = sorted(first.values())
    own = np.stack([read[row][1] for row in rows])
    started_s = time.perf_counter()
    links = look_alikes.same_pictures(own)
    seconds = time.perf_counter() - started_s
    print(
        f"### {name}: {len(paths):,} images, {len(own):,} different pictures\n\n"
        f"{len(links):,} links between them, {len(np.unique(links)):,} pictures linked, in {seconds:.1f} s.\n\n"
        "| change | changed images | linked with their picture |\n|---|---:|---:|"
    )
    chosen = np.random.default_rng(0).permutation(len(rows))[:_NUM_CHANGED]
    images = [decoding.load(paths[rows[k]].read_bytes()) for k in chosen]
    for change, make in _changes().items():
        changed = np.stack([decoding.thumbnail(make(image), size_px=look_alikes.THUMBNAIL_PX) for image in images])
        found = {(int(a), int(b)) for a, b in look_alikes.same_pictures(np.concatenate([own, changed]))}
        num_found = sum((int(k), len(own) + number) in found for number, k in enumerate(chosen))
        print(f"| {change} | {len(chosen)} | {num_found} ({num_found / len(chosen):.1%}) |", flush=True)
    print()
    if sheet is not None:
        _draw(sheet, own, links, [paths[row] for row in rows])


def _read(path: Path) -> tuple[str, Thumbnails]:
    image = decoding.load(path.read_bytes())
    return decoding.fingerprint(image), decoding.thumbnail(image, size_px=look_alikes.THUMBNAIL_PX)


def _changes() -> Mapping[str, Change]:
    turned = {
        f"turned by {90 * turns} degrees{', mirrored' if mirrored else ''}": partial(_turn, turns, mirrored)
        for turns in range(4)
        for mirrored in (False, True)
        if turns or mirrored
    }
    resized = {f"resized x {scale}": partial(_resize, scale) for scale in (0.5, 0.7, 1.4, 2.0)}
    lit = {f"brightness x {factor}": partial(_brighten, factor) for factor in (0.9, 1.1)}
    return {
        "saved again, no loss": lambda image: image.copy(),
        **turned,
        **resized,
        "JPEG, quality 40": _jpeg,
        **lit,
        "turned by 90 degrees, x 0.5, brightness x 1.1, JPEG": lambda image: _jpeg(
            _brighten(1.1, _resize(0.5, _turn(1, False, image)))
        ),
    }


def _turn(turns: int, mirrored: bool, image: Image.Image) -> Image.Image:
    image = image.rotate(90 * turns, expand=True)
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else image


def _resize(scale: float, image: Image.Image) -> Image.Image:
    size = (max(1, round(scale * image.width)), max(1, round(scale * image.height)))
    return image.resize(size, Image.Resampling.BICUBIC)


def _brighten(factor: float, image: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(image.convert("RGB")).enhance(factor)


def _jpeg(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=40)
    return decoding.load(file.getvalue())


def _draw(path: Path, thumbnails: Thumbnails, links: NDArray[np.int64], files: list[Path]) -> None:
    """The links, the least certain first: both pictures side by side, with their correlation and classes."""
    flat = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)
    correlations = np.array([np.corrcoef(flat[a], flat[b])[0, 1] for a, b in links])
    order = np.argsort(correlations)[:120]
    sheet = Image.new("L", (10 * (2 * _CELL_PX + 12), -(-len(order) // 10) * (_CELL_PX + 16)), 255)
    pen = ImageDraw.Draw(sheet)
    for place, k in enumerate(order):
        x, y = place % 10 * (2 * _CELL_PX + 12), place // 10 * (_CELL_PX + 16)
        for side, row in enumerate(links[k]):
            picture = Image.open(files[row]).convert("L").resize((_CELL_PX, _CELL_PX))
            sheet.paste(picture, (x + side * _CELL_PX, y + 14))
        pen.text((x, y), f"{correlations[k]:.3f} " + " ".join(files[row].parent.name[:6] for row in links[k]), fill=0)
    sheet.save(path)


def _scale() -> None:
    """Random textures of three scales, every hundredth of them a turned copy of another."""
    random = np.random.default_rng(0)
    num, num_copies, px = 220_025, 2_200, look_alikes.THUMBNAIL_PX
    thumbnails = np.empty((num, px, px), np.uint8)
    for start in range(0, num, 5_000):
        part = min(5_000, num - start)
        texture = sum(
            np.repeat(np.repeat(random.normal(0, 18, (part, side, side)), px // side, 1), px // side, 2)
            for side in (4, 8, 16)
        )
        thumbnails[start : start + part] = np.clip(128 + texture, 0, 255)
    sources = random.permutation(num - num_copies)[:num_copies]
    thumbnails[num - num_copies :] = np.rot90(thumbnails[sources], axes=(1, 2))
    started_s = time.perf_counter()
    found = {(int(a), int(b)) for a, b in look_alikes.same_pictures(thumbnails)}
    seconds = time.perf_counter() - started_s
    copies = {(int(a), num - num_copies + k) for k, a in enumerate(sources)}
    print(
        f"{num:,} thumbnails: {seconds:.0f} s; {len(found & copies):,} of {num_copies:,} turned copies linked, "
        f"{len(found - copies):,} other links"
    )


if __name__ == "__main__":
    main()
