"""Finds images that show the same picture, or nearly so, without comparing all with all.

A picture that was saved again, resized, made a little brighter, flipped or turned has other pixels, but nearly the
same thumbnail. The search goes in two steps. Candidates agree in the low frequencies of their thumbnails, the cosine
coefficients whose signs make up a pHash (Zauner 2010). Their magnitudes stay when an image is flipped, and change
places in pairs when it is turned, so that one comparison serves all eight orientations; candidates are looked for
within cells of similar images. A candidate is then confirmed by the correlation of the whole thumbnails, in an
orientation in which their low frequencies agree.

`bench/leaks.py` measures what is found, and what distinct images are taken for the same.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.fft import dctn

Floats = npt.NDArray[np.float32]
Pairs = npt.NDArray[np.int64]

THUMBNAIL_PX = 64
# From this correlation of their thumbnails on, two images are taken for the same picture, though it was changed.
SAME = 0.985
CHANGES = "resized, recompressed, brightened, flipped or turned"
# And from this one of their low frequencies on for neighbours, such as slices of one head.
SIMILAR = 0.92
# Less than this many grey levels (standard deviation) is noise: nothing can be told from an empty patch's correlations.
_MIN_CONTRAST = 3.0

_LOW, _MIDDLE = 8, 16
# Clipped highlights change the low frequencies most: by up to 0.16, where distinct images are at least 0.3 apart.
_CANDIDATE = 0.98
_CELL_SIZE = 400
_CELLS_SEARCHED = 8
_SAMPLE_OF_CELLS = 20_000
_AT_ONCE = 4096
# Transposed, flipped up-down, flipped left-right.
_ORIENTATIONS = list(product((False, True), repeat=3))


def same_pictures(thumbnails: npt.NDArray[np.uint8]) -> Pairs:
    """Which images show the same picture, in any of eight orientations.

    Args:
        thumbnails: uint8 (N, 64, 64), grey.

    Returns:
        int (M, 2), rows of the thumbnails, the smaller first; sorted.
    """
    low = _low_frequencies(thumbnails, _LOW)
    magnitudes = np.abs(low)
    turned = magnitudes.swapaxes(1, 2)
    upper = np.triu_indices(_LOW)
    invariant = np.concatenate(
        [np.maximum(magnitudes, turned)[:, *upper], np.minimum(magnitudes, turned)[:, *upper]], axis=1
    )
    found = [pairs[_is_same(thumbnails, low, pairs)] for pairs in _candidates(_unit(invariant), _CANDIDATE)]
    return np.unique(np.concatenate([np.empty((0, 2), np.int64), *found]), axis=0)


def similar_pictures(images: npt.NDArray[np.uint8]) -> Pairs:
    """Which images are alike in all but details, as they are, not turned; result as above.

    Args:
        images: uint8 (N, S, S, 3), as networks see them, S at least 16. Air around a head would make all heads alike.
    """
    low = _low_frequencies(images, _MIDDLE)
    found = [np.empty((0, 2), np.int64), *_candidates(low.reshape(len(low), -1), SIMILAR)]
    return np.unique(np.concatenate(found), axis=0)


def _low_frequencies(images: npt.NDArray[np.uint8], num: int) -> Floats:
    """Cosine coefficients (N, num, num) of unit length, without the mean; 0 for an image that shows too little."""
    low = np.zeros((len(images), num, num), np.float32)
    for start in range(0, len(images), _AT_ONCE):
        part = images[start : start + _AT_ONCE].astype(np.float32)
        part = part.mean(axis=3) if part.ndim == 4 else part
        coefficients = dctn(part, axes=(1, 2), norm="ortho")[:, :num, :num]
        coefficients[:, 0, 0] = 0
        coefficients[part.std(axis=(1, 2)) < _MIN_CONTRAST] = 0
        low[start : start + _AT_ONCE] = coefficients
    return _unit(low)


def _is_same(thumbnails: npt.NDArray[np.uint8], low: Floats, pairs: Pairs) -> npt.NDArray[np.bool_]:
    """Which candidates (M, 2) correlate in an orientation in which their low frequencies agree: (M,)."""
    is_same = np.zeros(len(pairs), bool)
    for orientation in _ORIENTATIONS:
        agreeing = (low[pairs[:, 0]] * _turned_frequencies(low[pairs[:, 1]], orientation)).sum(axis=(1, 2))
        likely = np.flatnonzero(~is_same & (agreeing >= _CANDIDATE))
        first, second = thumbnails[pairs[likely, 0]], _turned(thumbnails[pairs[likely, 1]], orientation)
        is_same[likely] = (_normalized(first) * _normalized(second)).sum(axis=(1, 2)) >= SAME
    return is_same


def _turned(images: npt.NDArray[Any], orientation: tuple[bool, ...]) -> npt.NDArray[Any]:
    transposed, up_down, left_right = orientation
    images = images.swapaxes(1, 2) if transposed else images
    images = images[:, ::-1] if up_down else images
    return images[:, :, ::-1] if left_right else images


def _turned_frequencies(low: Floats, orientation: tuple[bool, ...]) -> Floats:
    """The cosine coefficients of images that are turned: a flip changes the sign of every odd frequency."""
    transposed, up_down, left_right = orientation
    signs = np.where(np.arange(_LOW) % 2, -1, 1).astype(np.float32)
    low = low.swapaxes(1, 2) if transposed else low
    low = low * signs[:, None] if up_down else low
    return low * signs if left_right else low


def _normalized(thumbnails: npt.NDArray[np.uint8]) -> Floats:
    values = thumbnails.astype(np.float32)
    return _unit(values - values.mean(axis=(1, 2), keepdims=True))


def _unit(values: Floats) -> Floats:
    """Vectors (N, D) or images (N, S, S) of length 1; those of length 0 stay."""
    lengths = np.sqrt((values**2).sum(axis=tuple(range(1, values.ndim)), keepdims=True))
    units: Floats = np.divide(values, lengths, out=np.zeros_like(values), where=lengths > 0)
    return units


def _candidates(vectors: Floats, min_cosine: float) -> Iterator[Pairs]:
    """Pairs of unit vectors (N, D) with a cosine of at least that, a few thousand at a time; some of them repeatedly.

    Each vector is compared with those that have its cell among their nearest ones.
    """
    members = _cells(vectors)
    for own, near in members:
        step = max(1, 4_000_000 // max(1, len(near)))
        for start in range(0, len(own), step):
            part = own[start : start + step]
            rows, columns = np.nonzero(vectors[part] @ vectors[near].T >= min_cosine)
            pairs = np.sort(np.stack([part[rows], near[columns]], axis=1), axis=1)
            pairs = pairs[pairs[:, 0] < pairs[:, 1]]
            for first in range(0, len(pairs), _AT_ONCE):
                yield pairs[first : first + _AT_ONCE]


def _cells(vectors: Floats) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """The rows of each cell, and the rows that may be close to one of them."""
    rows = np.flatnonzero(vectors.any(axis=1))
    num_cells = len(rows) // _CELL_SIZE
    if num_cells <= _CELLS_SEARCHED:
        yield rows, rows
        return
    # Imported late: it takes seconds, and few data sets are so large.
    from sklearn.cluster import MiniBatchKMeans

    random = np.random.default_rng(0)
    sample = vectors[random.permutation(rows)[:_SAMPLE_OF_CELLS]]
    clusters = MiniBatchKMeans(num_cells, random_state=0, n_init=1, batch_size=_AT_ONCE).fit(sample)
    centers = np.asarray(clusters.cluster_centers_, np.float32)
    half = (centers**2).sum(axis=1) / 2
    nearest = np.empty((len(rows), _CELLS_SEARCHED), np.int64)
    for start in range(0, len(rows), _AT_ONCE):
        closeness = vectors[rows[start : start + _AT_ONCE]] @ centers.T - half
        order = np.argpartition(-closeness, _CELLS_SEARCHED, axis=1)[:, :_CELLS_SEARCHED]
        by_closeness = np.argsort(-np.take_along_axis(closeness, order, axis=1), axis=1)
        nearest[start : start + _AT_ONCE] = np.take_along_axis(order, by_closeness, axis=1)
    for cell in range(num_cells):
        own = rows[nearest[:, 0] == cell]
        if len(own):
            yield own, rows[(nearest == cell).any(axis=1)]
