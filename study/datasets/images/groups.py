"""Which images are kept in one split: the ways in which `--groups` can tell."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from study.datasets import Sample
from study.datasets.images.pixel_cache import ImageStore
from study.datasets.images.splits import Links, duplicate_counts, look_alike_counts

NONE, EXACT, DUPLICATES, SIMILARITY = "none", "exact", "duplicates", "similarity"
DEFAULT = DUPLICATES
WAYS = {
    NONE: "every image by itself, as in a table that knows no leaks",
    EXACT: "images with equal pixels, of one patient or slide; look-alikes are strangers",
    DUPLICATES: "images of the same picture, changed or not, of one patient or slide",
    SIMILARITY: "also images that are merely alike, such as neighbouring slices",
}


@dataclass(frozen=True)
class Grouping:
    """What `splits.split` is given.

    Attributes:
        samples: the images.
        sha256: equal for images of one group.
        links: further ones that belong together.
    """

    samples: Sequence[Sample]
    sha256: Sequence[str]
    links: Links


def of(way: str, samples: Sequence[Sample], store: ImageStore) -> Grouping:
    """The grouping of a way in `WAYS`, of the images of a store, in its order."""
    if way == NONE:
        return Grouping([replace(s, group="") for s in samples], _told_apart(store.pixels_sha256), {})
    links = {} if way == EXACT else store.same_pictures().links
    if way == SIMILARITY:
        links = dict.fromkeys(store.similar_pictures(), math.nan) | links
    return Grouping(samples, store.pixels_sha256, links)


def _told_apart(sha256: Sequence[str]) -> list[str]:
    """The hashes with a number behind each but the first of those that are equal."""
    seen: Counter[str] = Counter()
    names = []
    for digest in sha256:
        names.append(f"{digest}-{seen[digest]}" if seen[digest] else digest)
        seen[digest] += 1
    return names


def counts(samples: Sequence[Sample], store: ImageStore) -> dict[str, int]:
    """What there is of duplicates, whether or not they are kept together."""
    same = store.same_pictures()
    alike = look_alike_counts(samples, store.pixels_sha256, same.links) | {"doubtful": same.num_doubtful}
    return (
        duplicate_counts(samples, store.pixels_sha256)
        | {"byte_identical_copies": len(store.sha256) - len(set(store.sha256))}
        | {f"look_alike_{name}": number for name, number in alike.items()}
    )
