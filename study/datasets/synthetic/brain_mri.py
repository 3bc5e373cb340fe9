"""Contrast-enhanced T1 slices of heads, drawn: a stand-in for Brain Tumor Classification (MRI).

Gliomas grow within the brain, irregular, often with an enhancing rim, a necrotic core and oedema around;
meningiomas are round, enhance evenly and sit on the dura of the skull or the falx; pituitary tumours are
small and bright above the sella. All planes occur in all classes, and vessels and fluid look like small
tumours. As in the real set, slices without a tumor come from other scanners: somewhat brighter and without
contrast agent.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from study.datasets.synthetic.head import PLANES, Head, cut_head
from study.datasets.synthetic.noise import Field, over, smooth_noise, step
from study.errors import UnknownNameError

TUMORS = ("glioma", "meningioma", "pituitary", "none")
SPLITS = ("Training", "Testing")
FOLDERS: Mapping[str, str] = {
    "glioma_tumor": "glioma",
    "meningioma_tumor": "meningioma",
    "no_tumor": "none",
    "pituitary_tumor": "pituitary",
}


def draw_slice(tumor: str, *, size_px: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """One slice.

    Args:
        tumor: "glioma", "meningioma", "pituitary" or "none".
        size_px: side of the slice.
        rng: where everything else comes from.

    Returns:
        uint8 (size_px, size_px), grey.

    Raises:
        UnknownNameError: there is no such tumor.
    """
    if tumor not in TUMORS:
        raise UnknownNameError("tumor", tumor, TUMORS)
    plane = PLANES[rng.integers(len(PLANES))]
    # A pituitary tumour can only be seen in a slice through the sella.
    low = tumor == "pituitary" or bool(rng.random() < 0.4)
    head = cut_head(plane, low=low, size_px=size_px, rng=rng)
    healthy = tumor == "none"
    image = _tissue(head, rng, num_vessels=int(rng.integers(0, 4) if healthy else rng.integers(2, 7)))
    if tumor == "glioma":
        image = _add_glioma(image, head, rng)
    elif tumor == "meningioma":
        image = _add_meningioma(image, head, rng)
    elif tumor == "pituitary":
        image = _add_pituitary(image, head, rng)
    return _scan(image, rng, gain=float(rng.uniform(0.9, 1.5) if healthy else rng.uniform(0.8, 1.3)))


def _tissue(head: Head, rng: np.random.Generator, *, num_vessels: int) -> Field:
    """A healthy head: float32 (H, W) in about [0, 1]."""
    size_px = head.x.shape[0]
    coarse, fine = smooth_noise(rng, size_px, size_px / 14), smooth_noise(rng, size_px, size_px / 40)
    scalp, air = np.float32(rng.uniform(0.55, 0.95)), np.float32(0.03)
    grey = np.float32(rng.uniform(0.32, 0.42))
    fluid = grey * np.float32(rng.uniform(0.25, 0.6))
    muscle = grey * (np.float32(rng.uniform(0.5, 0.9)) + np.float32(0.14) * coarse + np.float32(0.1) * fine)
    muscle = over(muscle, scalp * np.float32(0.8), step(coarse - np.float32(1.3), 0.6))
    # Fat lies under the skin, where the soft outline of the face is half transparent.
    image = head.face * muscle + scalp * np.float32(3) * head.face * (1 - head.face)
    image = over(image, scalp + np.float32(0.06) * coarse, step(head.scalp_depth, 0.02))
    image = over(image, air + np.float32(0.03), step(head.scalp_depth - np.float32(0.045), 0.03))
    image = over(image, muscle, head.face * step(np.float32(0.02) - head.brain_depth, 0.03))
    image = over(image, air, head.air)
    inside = step(head.brain_depth, 0.025)
    image = over(image, _brain(head, grey, fluid, coarse, fine, rng), inside)
    return over(image, grey * np.float32(1.5), inside * _vessels(head, num_vessels, rng))


def _brain(
    head: Head, grey: np.float32, fluid: np.float32, coarse: Field, fine: Field, rng: np.random.Generator
) -> Field:
    """Folded cortex around white matter, and fluid."""
    size_px = head.x.shape[0]
    white = grey * np.float32(rng.uniform(1.05, 1.3))
    folds = np.abs(smooth_noise(rng, size_px, size_px / 18))
    # Sulci open at the surface and close within a fifth of the way to the middle.
    depth = head.brain_depth
    sulcus = step(np.float32(0.16) - folds, 0.2) * step(np.float32(0.12) - depth, 0.1)
    ribbon = step(np.float32(0.08) + np.float32(0.05) * coarse - depth, 0.05) * np.float32(0.8)
    matter = white + (grey - white) * np.maximum(ribbon, step(np.float32(0.3) - folds, 0.3) * 0.6)
    matter = matter * (1 + np.float32(0.03) * fine + np.float32(0.03) * coarse)
    matter = over(matter, fluid, np.maximum(sulcus * np.float32(0.7), head.ventricles))
    midline = step(np.float32(0.008) - head.falx, 0.012)
    return over(matter, grey * np.float32(rng.uniform(0.5, 1.7)), midline * np.float32(0.7))


def _vessels(head: Head, number: int, rng: np.random.Generator) -> Field:
    """Vessels and plexus, bright with contrast agent: float32 (H, W) in [0, 1]."""
    bright = np.zeros_like(head.x)
    for _ in range(number):
        x, y = _random_pixel(head, step(head.brain_depth, 0.01), rng)
        length, width = rng.uniform(0.015, 0.1), rng.uniform(0.008, 0.02)
        angle = rng.uniform(0, np.pi)
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        along, across = cos * (head.x - x) + sin * (head.y - y), cos * (head.y - y) - sin * (head.x - x)
        spot = 1 - np.square(along / np.float32(length)) - np.square(across / np.float32(width))
        bright = np.maximum(bright, step(spot, 0.8) * np.float32(rng.uniform(0.3, 1)))
    return bright


def _random_pixel(head: Head, weight: Field, rng: np.random.Generator) -> tuple[np.float32, np.float32]:
    """Where a random pixel of weight 1 lies in the head; the middle if there is none."""
    candidates = np.flatnonzero(weight >= 1)
    if not len(candidates):
        return np.float32(0), np.float32(0)
    pixel = candidates[rng.integers(len(candidates))]
    return head.x.flat[pixel], head.y.flat[pixel]


def _blob(
    head: Head, at: tuple[np.float32, np.float32], radius: float, rough: float, rng: np.random.Generator
) -> Field:
    """Distance from a centre relative to a radius that varies with the direction: 1 on the rough outline."""
    size_px = head.x.shape[0]
    ratio = np.float32(np.exp(rng.normal(0, 0.15)))
    distance = np.hypot((head.x - at[0]) * ratio, (head.y - at[1]) / ratio) / np.float32(radius)
    outline = smooth_noise(rng, size_px, max(3.0, 0.35 * radius * size_px))
    blob: Field = distance + np.float32(rough) * outline
    return blob


def _level(image: Field, head: Head) -> np.float32:
    """The brightness of the brain, to which that of a tumor is relative."""
    return np.float32(np.quantile(image[head.brain_depth > 0], 0.6))


def _add_glioma(image: Field, head: Head, rng: np.random.Generator) -> Field:
    radius = float(rng.uniform(0.15, 0.32))
    at = _random_pixel(head, step(head.brain_depth - np.float32(0.1 + 0.4 * radius), 0.01), rng)
    blob = _blob(head, at, radius, 0.18, rng)
    inside = step(head.brain_depth, 0.03)
    size_px = image.shape[0]
    level = _level(image, head)
    texture = smooth_noise(rng, size_px, size_px / 22)
    oedema = step(np.float32(rng.uniform(1.3, 1.9)) - blob + np.float32(0.15) * texture, 0.4)
    image = over(image, level * np.float32(rng.uniform(0.6, 0.85)), inside * oedema * np.float32(0.8))
    core = level * (np.float32(rng.uniform(0.5, 0.9)) + np.float32(0.12) * texture)
    image = over(image, core, inside * step(1 - blob, 0.2))
    # Low-grade gliomas hardly enhance; high-grade ones have a rim of uneven thickness.
    gain = np.float32(rng.uniform(0.0, 0.3) if rng.random() < 0.25 else rng.uniform(0.5, 1.1))
    thickness = np.float32(rng.uniform(0.12, 0.35))
    rim = step(thickness - np.abs(blob - (1 - thickness)), 0.2) * step(texture + np.float32(0.8), 1.0)
    return image + level * gain * rim * inside


def _add_meningioma(image: Field, head: Head, rng: np.random.Generator) -> Field:
    radius = float(rng.uniform(0.14, 0.29))
    wall = np.minimum(head.brain_depth, np.where(head.brain_depth > 0, head.falx, np.inf)).astype(np.float32)
    near = step(np.float32(0.03) - np.abs(wall - np.float32(0.6 * radius)), 0.01)
    at = _random_pixel(head, near * step(head.brain_depth, 0.01), rng)
    blob = _blob(head, at, radius, 0.06, rng)
    inside = step(head.brain_depth + np.float32(0.02), 0.03)
    level = _level(image, head)
    size_px = image.shape[0]
    # A cleft of fluid parts it from the brain, since it grows outside.
    image = over(image, level * np.float32(0.6), inside * step(np.float32(1.12) - blob, 0.12) * np.float32(0.7))
    texture = 1 + np.float32(rng.uniform(0.02, 0.12)) * smooth_noise(rng, size_px, size_px / 25)
    bright = level * np.float32(rng.uniform(1.3, 2.1))
    image = over(image, bright * texture, inside * step(1 - blob, 0.12))
    tail = step(np.float32(0.02) - np.abs(head.brain_depth), 0.02) * step(np.float32(1.7) - blob, 0.4)
    return over(image, bright, tail * np.float32(rng.uniform(0, 0.8)))


def _add_pituitary(image: Field, head: Head, rng: np.random.Generator) -> Field:
    radius = float(rng.uniform(0.1, 0.18))
    x, y = np.asarray(head.sella) + rng.normal(0, 0.03, 2)
    at = (np.float32(x), np.float32(y - 0.5 * radius))
    blob = _blob(head, at, radius, 0.1, rng)
    level = _level(image, head)
    size_px = image.shape[0]
    texture = 1 + np.float32(0.1) * smooth_noise(rng, size_px, size_px / 30)
    return over(image, level * np.float32(rng.uniform(1.3, 2.1)) * texture, step(1 - blob, 0.2))


def _scan(image: Field, rng: np.random.Generator, *, gain: float) -> npt.NDArray[np.uint8]:
    """What the scanner and the export make of it: coil shading, window, blur, noise."""
    size_px = image.shape[0]
    shading = np.exp(np.float32(rng.uniform(0.03, 0.15)) * smooth_noise(rng, size_px, size_px))
    window = np.maximum(image * shading, 0) ** np.float32(rng.uniform(0.8, 1.4)) * np.float32(gain)
    grey = Image.fromarray((np.clip(window, 0, 1) * np.float32(255)).astype(np.uint8))
    blurred = np.asarray(grey.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.2, 0.9)) * size_px / 160)))
    sigma = np.float32(rng.uniform(1.5, 6))
    # The magnitude of a complex signal: Rician noise, which is not zero in air.
    noise = rng.standard_normal((2, *image.shape), dtype=np.float32) * sigma
    magnitude = np.hypot(blurred + noise[0], noise[1])
    scanned: npt.NDArray[np.uint8] = np.minimum(magnitude, 255).astype(np.uint8)
    return scanned


def draw_brain_tumor_mri(root: Path, *, counts: Mapping[str, Mapping[str, int]], seed: int, size_px: int = 160) -> None:
    """Writes a stand-in in the dataset's layout: `Training/glioma_tumor/image(1).jpg` and so on.

    Args:
        root: folder to write into; it is created.
        counts: split ("Training", "Testing") -> class folder ("glioma_tumor", ...) -> number of slices.
        seed: the same seed draws the same bytes.
        size_px: side of the slices; most of the real ones are 512.

    Raises:
        UnknownNameError: `counts` names a split or a class folder that does not exist.
    """
    for split, by_folder in counts.items():
        if split not in SPLITS:
            raise UnknownNameError("split", split, SPLITS)
        jobs = []
        for folder, number in by_folder.items():
            if folder not in FOLDERS:
                raise UnknownNameError("class folder", folder, FOLDERS)
            (root / split / folder).mkdir(parents=True, exist_ok=True)
            jobs += [(root / split / folder / f"image({n}).jpg", FOLDERS[folder]) for n in range(1, number + 1)]
        write = partial(_write_slice, jobs=jobs, stream=(seed, SPLITS.index(split)), size_px=size_px)
        with ThreadPoolExecutor(max_workers=4) as pool:
            list(pool.map(write, range(len(jobs))))


def _write_slice(number: int, *, jobs: list[tuple[Path, str]], stream: tuple[int, int], size_px: int) -> None:
    """Draws and writes one slice. `stream` is the seed and the index of the split."""
    path, tumor = jobs[number]
    pixels = draw_slice(tumor, size_px=size_px, rng=np.random.default_rng([*stream, number]))
    Image.fromarray(pixels).save(path, quality=92)
