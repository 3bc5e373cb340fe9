"""Finds images that show the same picture, or nearly so, without comparing all with all.

A picture that was saved again, resized, made a little brighter, flipped or turned has other pixels, but nearly the
same low frequencies, the cosine coefficients whose signs make up a pHash (Zauner 2010). But so have two eyes, two discs
on black: what all images of a data set share says nothing of two of them. So they are judged by what is left:

1. The mean picture, in all eight orientations, is taken away from each image, and each coefficient is divided by how
   much it differs between the images. Of small images fewer coefficients are looked at: halving a picture of 28 px
   changes all but the lowest. The correlation of what is left, in the best orientation, is the likeness of two images.
2. How alike are strangers here? Of a sample of the images, each is compared with all others, and its runner-up is
   noted: the second most similar, since the most similar one may be a copy; those that are certain to be copies don't
   count at all. The median, and how far the lower quartile is below it, are the data set's own scale. It is one of
   -log(1 - likeness), on which nearest neighbours scatter evenly, as the logarithms of their distances do. Few images
   say little of what is usual, so they are judged nearly as strictly as can be.
3. A pair is linked where it is several such spreads more alike than usual runners-up, and a link is doubtful where it
   is only just so. Links that aren't certain and tie many images together are dropped (`_standing_out`), and doubtful
   ones make no chains (`_without_chains`).

Pairs are looked for within cells of similar images. Magnitudes of coefficients stay when an image is flipped, and
change places in pairs when it is turned. Sorted within such pairs they are the same in all orientations, and their
cosine is never below the likeness, so that within a cell no pair is missed.

What it can't do: tell copies from two photographs of one eye, two frames of one ultrasound loop or two slices side by
side, where these differ no more than a copy does; or find a copy that was cropped, shifted, or turned by another angle.
Where most images have several changed copies, the scale is theirs, and copies that were changed more are missed.
`bench/leaks.py` measures what is found, and what distinct images are taken for the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.fft import dct
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Floats = npt.NDArray[np.float32]
Pairs = npt.NDArray[np.int64]

# Raised whenever other pairs are found: what was found before is then looked for anew.
VERSION = 2
THUMBNAIL_PX = 64
CHANGES = "resized, recompressed, brightened, flipped or turned"
# From this correlation of their low frequencies on, images are neighbours, such as slices of one head.
SIMILAR = 0.92
# Where an image's runner-up is usually so alike, copies can't be told from others.
HARD_TO_TELL = 0.9
# So alike are only copies, whatever the other images look like; and less alike than the second one is none, though it
# be far more alike than strangers are. Of clipped highlights (brightness x 1.1 of bright smears) 0.87 is left.
_CERTAIN, _LEAST = 0.985, 0.85
# Less than this is doubtful, whatever the other images look like.
_LEAST_SURE = 0.95
# Spreads above the usual likeness of a runner-up. Photographs on the two official sides of RetinaMNIST are of different
# patients: 6 lets two of 480,000 such pairs pass.
_LIKELY, _SURE = 6.0, 8.0
# More images that are alike, but not certainly the same, are a kind of pictures.
_LARGEST_GROUP = 12
# So many images' worth of doubt is added to what the images themselves say.
_DOUBT_MEAN, _DOUBT_SCALE = 10, 50
_SAMPLE_OF_STRANGERS = 400
# Less than this many grey levels (standard deviation) is noise: nothing can be told from an empty patch's correlations.
_MIN_CONTRAST = 3.0

_MIDDLE = 16
# Coefficients a side: a fifth of the image's, as halving and recompressing leave those almost as they are.
_SHARE_OF_SIDE, _FEWEST, _MOST = 5, 6, 12
_CELL_SIZE = 400
_CELLS_SEARCHED = 8
_SAMPLE_OF_CELLS = 20_000
_AT_ONCE = 4096
# Transposed, flipped up-down, flipped left-right.
_ORIENTATIONS = list(product((False, True), repeat=3))


class Scale(NamedTuple):
    """How alike two images of a data set are, and must be to be taken for the same picture: likenesses up to 1.

    Attributes:
        usual: of an image and its runner-up, in the median.
        likely: from which on a link is made.
        sure: from which on it isn't doubtful.
    """

    usual: float
    likely: float
    sure: float


@dataclass(frozen=True)
class SamePictures:
    """Pairs of images that show the same picture.

    Attributes:
        pairs: int (M, 2), rows of the images, the smaller first; sorted.
        likeness: float (M,), at most 1, see the module.
        scale: what that means in this data set.
    """

    pairs: Pairs
    likeness: Floats
    scale: Scale

    @property
    def links(self) -> dict[tuple[int, int], float]:
        """Two rows -> how alike they are."""
        return {(int(a), int(b)): float(each) for (a, b), each in zip(self.pairs, self.likeness, strict=True)}

    @property
    def num_doubtful(self) -> int:
        """Links that are less than sure."""
        return int((self.likeness < self.scale.sure).sum())


def hard_to_tell(usual: float) -> str:
    """That copies can hardly be told where images are usually so like their runner-up, and what to do."""
    return (
        f"Most images are so like another one (likeness {usual:.2f} in the median) that copies can hardly be told: "
        "name patients, slides or loops as groups."
    )


def same_pictures(thumbnails: npt.NDArray[np.uint8], side_px: int) -> SamePictures:
    """Which images show the same picture, in any of eight orientations, and how alike they are.

    Args:
        thumbnails: uint8 (N, 64, 64), grey. Their order decides between equals, so it should be one of contents.
        side_px: shorter side of most of the images that these were made from.
    """
    left = _what_is_left(thumbnails, min(max(_FEWEST, round(side_px / _SHARE_OF_SIDE)), _MOST))
    scale = _scale(left)
    found = [(np.empty((0, 2), np.int64), np.empty(0, np.float32))]
    for pairs in _candidates(_invariant(left), scale.likely):
        likeness = _likeness(left, pairs)
        found.append((pairs[likeness >= scale.likely], likeness[likeness >= scale.likely]))
    pairs, first = np.unique(np.concatenate([pairs for pairs, _ in found]), axis=0, return_index=True)
    likeness = np.concatenate([likeness for _, likeness in found])[first]
    for choose in (_standing_out, partial(_without_chains, sure=scale.sure)):
        kept = choose(pairs, likeness)
        pairs, likeness = pairs[kept], likeness[kept]
    return SamePictures(pairs, likeness, scale)


def similar_pictures(images: npt.NDArray[np.uint8]) -> Pairs:
    """Which images are alike in all but details, as they are, not turned; rows like `SamePictures.pairs`.

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
        basis = dct(np.eye(part.shape[1], dtype=np.float32), axis=0, norm="ortho")[:num]
        coefficients = basis @ part @ basis.T
        coefficients[:, 0, 0] = 0
        coefficients[part.std(axis=(1, 2)) < _MIN_CONTRAST] = 0
        low[start : start + _AT_ONCE] = coefficients
    return _unit(low)


def _what_is_left(thumbnails: npt.NDArray[np.uint8], num: int) -> Floats:
    """What tells each image from the others: coefficients (N, num, num) of unit length, 0 for one that is empty.

    Both the mean picture and the deviations are the same in all orientations, so an image may be turned afterwards.
    """
    low = _low_frequencies(thumbnails, num)
    shown = low.any(axis=(1, 2))
    if not shown.any():
        return low
    mean = low[shown].mean(axis=0, keepdims=True)
    mean = np.mean([_turned(mean, orientation) for orientation in _ORIENTATIONS], axis=0)
    # Of three copies of one picture the mean is that picture: it may not be taken away whole.
    low[shown] -= mean * (shown.sum() / (shown.sum() + _DOUBT_MEAN))
    variance = (low[shown] ** 2).mean(axis=0)
    deviation = np.sqrt((variance + variance.T) / 2)
    # That which differs nowhere is noise, and stays small.
    low /= deviation + 1e-3 * deviation.max()
    low[:, 0, 0] = 0
    return _unit(low)


def _scale(left: Floats) -> Scale:
    """How alike a sample of the images and their runners-up are."""
    shown = np.flatnonzero(left.any(axis=(1, 2)))
    sample = np.random.default_rng(0).permutation(shown)[:_SAMPLE_OF_STRANGERS]
    nearest = np.zeros((len(sample), 2), np.float32)
    for start in range(0, len(shown), _AT_ONCE):
        rows = shown[start : start + _AT_ONCE]
        others = left[rows].reshape(len(rows), -1)
        best = np.full((len(sample), len(rows)), -1, np.float32)
        for orientation in _ORIENTATIONS:
            np.maximum(best, _turned(left[sample], orientation).reshape(len(sample), -1) @ others.T, out=best)
        # An image itself, and its copies.
        best[(best >= _CERTAIN) | (sample[:, None] == rows)] = 0
        nearest = -np.partition(-np.concatenate([nearest, best], axis=1), (0, 1), axis=1)[:, :2]
    # The nearest one may be a copy that was changed much; the runner-up seldom is.
    runner_up = -np.log1p(-nearest[:, 1])
    median, quartile = np.quantile(runner_up, (0.5, 0.25)) if len(sample) else (0.0, 0.0)
    trust = len(shown) / (len(shown) + _DOUBT_SCALE)

    def at(spreads: float, least: float) -> float:
        own, strictest = median + spreads * (median - quartile), -np.log1p(-_CERTAIN)
        likeness = -np.expm1(-(trust * min(own, strictest) + (1 - trust) * strictest))
        return float(np.clip(likeness, least, _CERTAIN))

    return Scale(usual=float(-np.expm1(-median)), likely=at(_LIKELY, _LEAST), sure=at(_SURE, _LEAST_SURE))


def _invariant(left: Floats) -> Floats:
    """Vectors (N, D) of unit length that are the same in all orientations, and at least as alike as the images."""
    magnitudes = np.abs(left)
    turned = magnitudes.swapaxes(1, 2)
    upper, lower = np.triu_indices(left.shape[1]), np.triu_indices(left.shape[1], 1)
    return np.concatenate(
        [np.maximum(magnitudes, turned)[:, *upper], np.minimum(magnitudes, turned)[:, *lower]], axis=1
    )


def _likeness(left: Floats, pairs: Pairs) -> Floats:
    """Of candidates (M, 2), in the orientation in which they are most alike: (M,)."""
    first, second = left[pairs[:, 0]], left[pairs[:, 1]]
    each = [np.einsum("mij,mij->m", first, _turned(second, orientation)) for orientation in _ORIENTATIONS]
    best: Floats = np.max(each, axis=0)
    return best


def _standing_out(pairs: Pairs, likeness: Floats) -> npt.NDArray[np.bool_]:
    """Which links (M,) are certain, or tie only a few images together with all others that aren't.

    Discs on black among other pictures are all alike by the scale of those, and so are the slices of one head.
    """
    certain = likeness >= _CERTAIN
    num = int(pairs.max(initial=0)) + 1
    rows, columns = pairs[~certain].T
    graph = coo_matrix((np.ones(len(rows), np.int8), (rows, columns)), shape=(num, num))
    kind = connected_components(graph, directed=False)[1]
    stands_out: npt.NDArray[np.bool_] = certain | (np.bincount(kind)[kind[pairs[:, 0]]] <= _LARGEST_GROUP)
    return stands_out


def _without_chains(pairs: Pairs, likeness: Floats, sure: float) -> npt.NDArray[np.int64]:
    """Which links (M,) to keep, so that no doubtful ones make a chain from one picture to another.

    Sure links join what they link. A doubtful one joins two groups, the most alike first, only if more than half of all
    pairs of an image of the one and an image of the other are linked. Links between groups that stay apart are dropped.
    """
    linked = {(int(a), int(b)) for a, b in pairs}
    members = {int(row): [int(row)] for row in np.unique(pairs)}
    for k in np.argsort(-likeness, kind="stable"):
        one, other = members[int(pairs[k, 0])], members[int(pairs[k, 1])]
        if one is other:
            continue
        if likeness[k] < sure:
            num_linked = sum((min(a, b), max(a, b)) in linked for a, b in product(one, other))
            if 2 * num_linked <= len(one) * len(other):
                continue
        one += other
        for row in other:
            members[row] = one
    together = [members[int(a)] is members[int(b)] for a, b in pairs]
    return np.flatnonzero(together)


def _turned(low: npt.NDArray[Any], orientation: tuple[bool, ...]) -> npt.NDArray[Any]:
    """The cosine coefficients of images that are turned: a flip changes the sign of every odd frequency."""
    transposed, up_down, left_right = orientation
    signs = np.where(np.arange(low.shape[1]) % 2, -1, 1).astype(np.float32)
    low = low.swapaxes(1, 2) if transposed else low
    low = low * signs[:, None] if up_down else low
    return low * signs if left_right else low


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
        step, others = max(1, 4_000_000 // max(1, len(near))), vectors[near]
        for start in range(0, len(own), step):
            part = own[start : start + step]
            # In one dimension NumPy finds them several times as fast.
            close = np.flatnonzero((vectors[part] @ others.T >= min_cosine).ravel())
            rows, columns = np.divmod(close, len(near))
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
    # Any images do to begin with: to choose them well would take longer than all the rest.
    clusters = MiniBatchKMeans(num_cells, init="random", random_state=0, n_init=1, batch_size=_AT_ONCE).fit(sample)
    centers = np.asarray(clusters.cluster_centers_, np.float32)
    half = (centers**2).sum(axis=1) / 2
    nearest = np.empty((len(rows), _CELLS_SEARCHED), np.int64)
    for start in range(0, len(rows), _AT_ONCE):
        closeness = vectors[rows[start : start + _AT_ONCE]] @ centers.T - half
        best = np.argpartition(-closeness, _CELLS_SEARCHED, axis=1)[:, :_CELLS_SEARCHED]
        by_closeness = np.argsort(-np.take_along_axis(closeness, best, axis=1), axis=1)
        nearest[start : start + _AT_ONCE] = np.take_along_axis(best, by_closeness, axis=1)
    # Which rows have a cell as their nearest one, or among their nearest ones, for all cells in one go.
    order, by_cell = np.argsort(nearest[:, 0], kind="stable"), np.argsort(nearest.ravel(), kind="stable")
    ends = np.cumsum(np.bincount(nearest[:, 0], minlength=num_cells))
    ends_near = np.cumsum(np.bincount(nearest.ravel(), minlength=num_cells))
    for own, near in zip(np.split(order, ends[:-1]), np.split(by_cell // _CELLS_SEARCHED, ends_near[:-1]), strict=True):
        if len(own):
            yield rows[own], rows[near]
