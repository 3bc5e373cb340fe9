"""Are copies of a picture found, and are distinct pictures left apart?

    uv run python bench/leaks.py brain_tumor_mri --data ../shared/data/brain_tumor_mri [--sheet FILE.png]
    uv run python bench/leaks.py --data ../shared/data/medmnist/retinamnist.npz
    uv run python bench/leaks.py --data ../shared/data/blood_cell_all
    uv run python bench/leaks.py bci_her2_binary histopathologic_cancer
    uv run python bench/leaks.py --round-fields
    uv run python bench/leaks.py --scale

Changes images of a data set (drawn, where no folder is given) in each of the ways in which copies come about, puts
them beside all others, and counts which are linked with the picture that they were made from. `--data` without a name
is any folder of images, or a file of MedMNIST, of which all three sides are looked at (pixels alone): photographs of
RetinaMNIST on different sides are of different patients, so that links across them are wrong. Else nothing is read of
official test splits. `--sheet` draws the links between the data set's own pictures, the least certain first, to be
looked at. `--size 64` makes all images so small before. `--round-fields` draws 200 discs on black, of which ten were
copied. `--scale` times 220,025 thumbnails.
"""

import argparse
import io
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance

from study import datasets
from study.datasets import Side
from study.datasets.images import near_duplicates, picture
from study.datasets.readers import pillow

Change = Callable[[Image.Image], Image.Image]
Thumbnails = NDArray[np.uint8]
_NUM_CHANGED = 300
_CELL_PX = 96
_SIDES = ("train", "val", "test")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="DATASET")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--size", type=int, metavar="PX")
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--round-fields", action="store_true")
    parser.add_argument("--scale", action="store_true")
    options = parser.parse_args()
    for name in options.names:
        with tempfile.TemporaryDirectory() as scratch:
            _measure(name, *_published(name, options.data, Path(scratch)), options.sheet, options.size)
    if options.data and not options.names:
        read = _medmnist if options.data.suffix == ".npz" else _folder
        _measure(options.data.stem, *read(options.data), options.sheet, options.size)
    if options.round_fields:
        _measure("round fields", *_round_fields(), options.sheet)
    if options.scale:
        _scale()


def _published(name: str, data: Path | None, scratch: Path) -> tuple[list[str], list[Image.Image]]:
    """Names and images of a data set of the project's, drawn where there is no folder."""
    dataset, root = datasets.find(name), data or scratch / "drawn"
    if data is None:
        dataset.draw(root, dataset.stand_in, 0)
    return _read(root, [s.path for s in dataset.scan(root) if s.side != Side.TEST and s.path not in dataset.excluded])


def _folder(root: Path) -> tuple[list[str], list[Image.Image]]:
    return _read(root, sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()))


def _read(root: Path, paths: list[str]) -> tuple[list[str], list[Image.Image]]:
    with ThreadPoolExecutor() as pool:
        return paths, list(pool.map(lambda path: _image((root / path).read_bytes()), paths))


def _image(content: bytes) -> Image.Image:
    return picture.in_8_bits(pillow.READER.read(content))


def _medmnist(file: Path) -> tuple[list[str], list[Image.Image]]:
    with np.load(file) as arrays:
        images = {f"{side}/{k}": each for side in _SIDES for k, each in enumerate(arrays[f"{side}_images"])}
    return list(images), [Image.fromarray(each) for each in images.values()]


def _round_fields() -> tuple[list[str], list[Image.Image]]:
    """Discs of 96 px that differ in colour, vessels and nerve; the first ten again, brighter and of 80 px."""
    random, names, images = np.random.default_rng(11), [], []
    y, x = np.mgrid[:96, :96] - 47.5
    disc = np.clip((44 - np.hypot(x, y)) / 2, 0, 1)[..., None]
    for number in range(200):
        colour = np.array([200, 110, 70]) * random.uniform(0.8, 1.15, 3)
        vessels = Image.fromarray(random.normal(size=(24, 24)).astype(np.float32)).resize((96, 96))
        nerve = np.exp(-((x - random.choice([-24, 24])) ** 2 + (y - random.normal(0, 3)) ** 2) / 30)[..., None]
        eye = np.clip(disc * (colour + 9 * np.asarray(vessels)[..., None] + 60 * nerve), 0, 255).astype(np.uint8)
        names.append(f"eyes/{number}")
        images.append(Image.fromarray(eye))
        if number < 10:
            names.append(f"eyes/{number} again")
            images.append(_brighten(1.08, Image.fromarray(eye)).resize((80, 80), Image.Resampling.BILINEAR))
    return names, images


def _measure(
    name: str, names: list[str], images: list[Image.Image], sheet: Path | None, size_px: int | None = None
) -> None:
    if size_px:
        images = [image.resize((size_px, size_px), Image.Resampling.LANCZOS) for image in images]
    fingerprints = [picture.fingerprint(image) for image in images]
    first = {each: row for row, each in reversed(list(enumerate(fingerprints)))}
    # In an order of contents, as a study has them.
    rows = [first[each] for each in sorted(first)]
    names, images = [names[row] for row in rows], [images[row] for row in rows]
    own, side_px = _thumbnails(images), int(np.median([min(image.size) for image in images]))
    started_s = time.perf_counter()
    same = near_duplicates.same_pictures(own, side_px)
    seconds = time.perf_counter() - started_s
    scale = ", ".join(f"{meaning} {value:.3f}" for meaning, value in same.scale._asdict().items())
    print(
        f"### {name}: {len(fingerprints):,} images, {len(own):,} different pictures, {side_px} px\n\n"
        f"{len(same.pairs):,} links between them ({same.num_doubtful:,} doubtful; {scale}), "
        f"{len(np.unique(same.pairs)):,} pictures linked, in {seconds:.1f} s.{_across(names, same.pairs)}\n\n"
        "| change | changed images | linked with their picture |\n|---|---:|---:|"
    )
    chosen = np.random.default_rng(0).permutation(len(rows))[:_NUM_CHANGED]
    for change, make in _changes().items():
        changed = _thumbnails([make(images[k]) for k in chosen])
        found = near_duplicates.same_pictures(np.concatenate([own, changed]), side_px).links
        num_found = sum((int(k), len(own) + number) in found for number, k in enumerate(chosen))
        print(f"| {change} | {len(chosen)} | {num_found} ({num_found / len(chosen):.1%}) |", flush=True)
    print()
    if sheet is not None:
        _draw(sheet, same, names, images)


def _thumbnails(images: Sequence[Image.Image]) -> Thumbnails:
    return np.stack([picture.thumbnail(image, size_px=near_duplicates.THUMBNAIL_PX) for image in images])


def _across(names: Sequence[str], pairs: NDArray[np.int64]) -> str:
    """How many links there are between a test image and another one."""
    sides = np.array([name.partition("/")[0] for name in names])
    if not {*_SIDES} <= {*sides}:
        return ""
    crossing = pairs[(sides[pairs[:, 0]] == "test") != (sides[pairs[:, 1]] == "test")]
    touched = np.unique(crossing)
    tested = int((sides[touched] == "test").sum())
    return f" {len(crossing):,} links join test and other images: {len(touched):,} images, {tested:,} of them of test."


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
    return _image(file.getvalue())


def _draw(path: Path, same: near_duplicates.SamePictures, names: Sequence[str], images: Sequence[Image.Image]) -> None:
    """The links, the least certain first: both pictures side by side, with their likeness and names."""
    order = np.argsort(same.likeness)[:120]
    sheet = Image.new("L", (10 * (2 * _CELL_PX + 12), max(1, -(-len(order) // 10)) * (_CELL_PX + 16)), 255)
    pen = ImageDraw.Draw(sheet)
    for place, k in enumerate(order):
        x, y = place % 10 * (2 * _CELL_PX + 12), place // 10 * (_CELL_PX + 16)
        for side, row in enumerate(same.pairs[k]):
            sheet.paste(images[row].convert("L").resize((_CELL_PX, _CELL_PX)), (x + side * _CELL_PX, y + 14))
        pen.text((x, y), f"{same.likeness[k]:.3f} " + " ".join(names[row][-12:] for row in same.pairs[k]), fill=0)
    sheet.save(path)


def _scale() -> None:
    """Random textures of three scales, every hundredth of them a turned copy of another."""
    random = np.random.default_rng(0)
    num, num_copies, px = 220_025, 2_200, near_duplicates.THUMBNAIL_PX
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
    found = {*near_duplicates.same_pictures(thumbnails, px).links}
    seconds = time.perf_counter() - started_s
    copies = {(int(a), num - num_copies + k) for k, a in enumerate(sources)}
    print(
        f"{num:,} thumbnails: {seconds:.0f} s; {len(found & copies):,} of {num_copies:,} turned copies linked, "
        f"{len(found - copies):,} other links"
    )


if __name__ == "__main__":
    main()
