"""A development copy of the brain MRI folder whose test side comes from other sources than its training side.

uv run python bench/source_holdout.py ../shared/data/brain_tumor_mri OUT

Only Training is read. Nearly all of its tumour images are 512 x 512 and come from one source; the 171 tumour images of
other sizes come from elsewhere, as does all of no_tumor. OUT/Testing gets those 171, and of each class a share of
clusters of similar images, so that neighbouring slices don't stand on both sides. OUT/Training gets the rest.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dctn

_USUAL_SIZE = (512, 512)
# Bits of 63 that may differ between images of one cluster.
_MAX_DISTANCE = 4
_HELD_OUT = {"glioma_tumor": 0.15, "meningioma_tumor": 0.0, "pituitary_tumor": 0.08, "no_tumor": 0.3}


def make_source_holdout(data: Path, out: Path) -> Path:
    """Links the Training images of `data` as OUT/Training and OUT/Testing."""
    for class_folder, share in _HELD_OUT.items():
        files = sorted((data / "Training" / class_folder).glob("*.jpg"))
        clusters = _clusters([_perceptual_hash(file) for file in files])
        order = np.random.default_rng(0).permutation(np.unique(clusters))
        wanted, held_out = share * len(files), set()
        for cluster in order:
            members = np.flatnonzero(clusters == cluster)
            if len(held_out) + len(members) <= wanted:
                held_out |= set(members.tolist())
        if class_folder != "no_tumor":
            held_out |= {i for i, file in enumerate(files) if _size(file) != _USUAL_SIZE}
        # A copy of a held-out image must not stay in Training.
        held_out |= {i for i in range(len(files)) if clusters[i] in {clusters[j] for j in held_out}}
        for i, file in enumerate(files):
            link = out / ("Testing" if i in held_out else "Training") / class_folder / file.name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file.resolve())
        print(f"{class_folder}: {len(files)} images, {len(set(clusters))} clusters, {len(held_out)} held out")
    return out


def _size(file: Path) -> tuple[int, int]:
    with Image.open(file) as image:
        return image.size


def _perceptual_hash(file: Path) -> NDArray[np.bool_]:
    """Bool (63,): the low frequencies of the grey image above their median, without the constant."""
    with Image.open(file) as image:
        grey = np.asarray(image.convert("L").resize((32, 32), Image.Resampling.BILINEAR), dtype=np.float64)
    low = dctn(grey)[:8, :8].ravel()[1:]
    return np.asarray(low > np.median(low))


def _clusters(hashes: list[NDArray[np.bool_]]) -> NDArray[np.int64]:
    """Connected components of images whose hashes are near: int64 (N,) labels."""
    bits = np.stack(hashes).astype(np.int32)
    distances = bits @ (1 - bits).T
    near = (distances + distances.T) <= _MAX_DISTANCE
    labels = np.arange(len(bits))
    changed = True
    while changed:
        lowest = np.where(near, labels[None, :], len(bits)).min(axis=1)
        changed = bool((lowest != labels).any())
        labels = lowest
    return labels.astype(np.int64)


if __name__ == "__main__":
    print(make_source_holdout(Path(sys.argv[1]), Path(sys.argv[2])))
