"""Which image is trained on, selected on and measured on: stratified, grouped, the same for any file order."""

import difflib
import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from study.datasets import Sample, Side
from study.errors import DataError
from study.records import split_names

TRAIN, VAL, TEST = SPLITS = split_names.SPLITS
LEFT_OUT = split_names.LEFT_OUT

# Rows of two images that look alike -> how alike they are, at most 1; NaN where that wasn't measured.
Links = Mapping[tuple[int, int], float]
_NO_LINKS: Links = MappingProxyType({})
# What was declared to be of these splits stays there, and what belongs to it is left out elsewhere, in this order.
DECLARED: Mapping[str, str] = {Side.TEST: TEST, Side.VALIDATION: VAL}
_SAME = "stands in the {} split too"
_ALIKE = "looks like an image of the {} split"
_OF_GROUP = "belongs to a group that stands in the {} split"
_TIED = "is tied to the {} split by other images"
TEST_FRACTION = Fraction(15, 100)
_MIN_IMAGES_PER_CLASS = 3


@dataclass(frozen=True)
class Group:
    """Images that must stay together.

    Attributes:
        key: stable under renaming and reordering of files: made of the contents' hashes.
        members: row numbers.
        counts: target -> number of members; a group is not labelled by one of its members.
    """

    key: str
    members: tuple[int, ...]
    counts: Mapping[int, int]


def split(
    samples: Sequence[Sample],
    sha256: Sequence[str],
    *,
    classes: Sequence[str],
    val_fraction: float,
    seed: int,
    links: Links = _NO_LINKS,
) -> pd.DataFrame:
    """Assigns each image to train, val, test or left_out.

    Images with the same content, images that are linked, and images of one declared group form a group. Where there is
    an official test split, other images whose group touches it are left out; without one, 15 % become test. The same
    goes for an official val split. The number of drawn val and test images of a class is its rounded share exactly,
    unless groups of several images make that impossible; then it is lower. It is higher only where the smallest group
    of a class is larger than its share.

    Args:
        samples: the images.
        sha256: of their contents, same order. Hashes of pixels also find a picture that was saved twice, where hashes
            of files find byte-identical copies alone.
        classes: class names.
        val_fraction: share of the development images that becomes val.
        seed: of the order in which groups are taken.
        links: which images look alike.

    Returns:
        columns path, sha256, group, target, split, reason, twin (the image for which one was left out), likeness (of
        the two where they are linked, else NaN); rows sorted by path.

    Raises:
        DataError: a class has too few images for every split to have one.
    """
    require_enough(samples, classes)
    groups = _groups(samples, sha256, links)
    assigned = [LEFT_OUT] * len(samples)
    reasons, twins, likeness = [""] * len(samples), [""] * len(samples), [float("nan")] * len(samples)
    neighbours: dict[int, set[int]] = defaultdict(set)
    for first, second in links:
        neighbours[first].add(second)
        neighbours[second].add(first)
    development = []
    for group in groups:
        sides = {samples[i].side for i in group.members}
        declared = next((side for side in DECLARED if side in sides), None)
        if declared is None:
            development.append(group)
            continue
        name, kept = DECLARED[declared], [i for i in group.members if samples[i].side == declared]
        for i in group.members:
            if samples[i].side == declared:
                assigned[i] = name
            else:
                reason, twin = _why_left_out(i, kept, samples, sha256, neighbours[i])
                reasons[i], twins[i] = reason.format(name), samples[twin].path
                likeness[i] = links.get((min(i, twin), max(i, twin)), float("nan"))
    if TEST not in assigned:
        taken = _take(development, TEST_FRACTION, seed, "test")
        _assign(assigned, taken, TEST)
        development = _without(development, taken)
    if VAL not in assigned:
        taken = _take(development, Fraction(str(val_fraction)), seed, "val")
        _assign(assigned, taken, VAL)
        development = _without(development, taken)
    _assign(assigned, development, TRAIN)
    key_of = {i: group.key for group in groups for i in group.members}
    table = pd.DataFrame(
        {
            "path": [s.path for s in samples],
            "sha256": list(sha256),
            "group": [key_of[i][:16] for i in range(len(samples))],
            "target": [s.target for s in samples],
            "split": assigned,
            "reason": reasons,
            "twin": twins,
            "likeness": np.round(likeness, 3),
        }
    )
    _require_every_class(table, classes, {DECLARED[s.side] for s in samples if s.side in DECLARED})
    return table.sort_values("path", ignore_index=True)


def split_hash(table: pd.DataFrame, names: Sequence[str] = SPLITS) -> str:
    """Hash of which contents stand in which split with which label; independent of paths and order."""
    rows = table[table["split"].isin(names)]
    return _hash_of_lines(f"{r.sha256} {r.target} {r.split}" for r in rows.itertuples())


def names_hash(table: pd.DataFrame) -> str:
    """Hash of which content and label each file has; independent of order and splits."""
    return _hash_of_lines(f"{r.path} {r.sha256} {r.target}" for r in table.itertuples())


def class_counts(table: pd.DataFrame, classes: Sequence[str]) -> dict[str, dict[str, int]]:
    """Split -> class -> number of images."""
    return {
        name: {c: int(((table["split"] == name) & (table["target"] == t)).sum()) for t, c in enumerate(classes)}
        for name in SPLITS
    }


def pictures(sha256: Sequence[str], links: Links) -> list[list[int]]:
    """The rows that show each picture: its copies and what looks like them."""
    return _together(sha256, [""] * len(sha256), links)


def tied_by_likeness(samples: Sequence[Sample], sha256: Sequence[str], links: Links) -> list[list[list[int]]]:
    """The groups that equal contents and declared groups alone wouldn't keep together.

    Returns:
        of each group its parts, the largest first: rows that belong together without any link.
    """
    declared = [s.group for s in samples]
    apart = _together(sha256, declared, {})
    part_of = {row: number for number, rows in enumerate(apart) for row in rows}
    found = []
    for rows in _together(sha256, declared, links):
        parts = {part_of[row] for row in rows}
        if len(parts) > 1:
            found.append(sorted((apart[part] for part in parts), key=lambda part: (-len(part), part)))
    return found


def look_alike_counts(samples: Sequence[Sample], sha256: Sequence[str], links: Links) -> dict[str, int]:
    """Different pictures that look alike: links, pictures in groups, test images that look like development images.

    A test image of which development has the very pixels is counted by `duplicate_counts`.
    """
    developed = {digest for sample, digest in zip(samples, sha256, strict=True) if sample.side != Side.TEST}
    found = [rows for rows in pictures(sha256, links) if len({sha256[row] for row in rows}) > 1]
    reached = [rows for rows in found if any(sha256[row] in developed for row in rows)]
    return {
        "links": len(links),
        "groups": len(found),
        "groups_of_two_labels": sum(len({samples[row].target for row in rows}) > 1 for rows in found),
        "extra_pictures": sum(len({sha256[row] for row in rows}) - 1 for rows in found),
        "spanning_test": sum(sha256[row] not in developed for rows in reached for row in rows),
    }


def duplicate_counts(samples: Sequence[Sample], sha256: Sequence[str]) -> dict[str, int]:
    """Images with the same content: extra copies, groups, test images that stand in development too."""
    sides: dict[str, list[str]] = defaultdict(list)
    targets: dict[str, set[int]] = defaultdict(set)
    for sample, digest in zip(samples, sha256, strict=True):
        sides[digest].append(sample.side)
        targets[digest].add(sample.target)
    spanning = [s for s in sides.values() if Side.TEST in s and set(s) != {Side.TEST}]
    return {
        "extra_copies": len(samples) - len(sides),
        "groups": sum(len(s) > 1 for s in sides.values()),
        "groups_spanning_test": len(spanning),
        "spanning_test": sum(s.count(Side.TEST) for s in spanning),
        "groups_of_two_labels": sum(len(t) > 1 for t in targets.values()),
    }


def _hash_of_lines(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def _groups(samples: Sequence[Sample], sha256: Sequence[str], links: Links) -> list[Group]:
    """What equal contents, links and equal declared groups keep together."""
    return [
        Group(
            key=hashlib.sha256("".join(sorted(sha256[i] for i in rows)).encode()).hexdigest(),
            members=tuple(rows),
            counts=Counter(samples[i].target for i in rows),
        )
        for rows in _together(sha256, [s.group for s in samples], links)
    ]


def _together(sha256: Sequence[str], declared: Sequence[str], links: Links) -> list[list[int]]:
    """The rows of each connected component over equal contents, equal declared groups and links."""
    edges = [*links]
    for labels in (sha256, declared):
        first: dict[str, int] = {}
        edges += [(first.setdefault(label, i), i) for i, label in enumerate(labels) if label]
    rows, columns = np.array(edges, np.int64).reshape(-1, 2).T
    graph = coo_matrix((np.ones(len(edges), np.int8), (rows, columns)), shape=(len(sha256), len(sha256)))
    members: dict[int, list[int]] = defaultdict(list)
    for i, component in enumerate(connected_components(graph, directed=False)[1]):
        members[int(component)].append(i)
    return list(members.values())


def _why_left_out(
    i: int, kept: Sequence[int], samples: Sequence[Sample], sha256: Sequence[str], neighbours: Collection[int]
) -> tuple[str, int]:
    """Why an image can't be used, and the row of the one that is to blame among those of its group that are."""
    same = [j for j in kept if sha256[j] == sha256[i]]
    of_group = [j for j in kept if samples[i].group and samples[j].group == samples[i].group]
    alike = [j for j in kept if j in neighbours]
    for reason, twins in ((_SAME, same), (_ALIKE, alike), (_OF_GROUP, of_group), (_TIED, kept)):
        if twins:
            return reason, min(twins, key=lambda j: samples[j].path)
    raise AssertionError("an image is left out for one of its group that is kept")


def _take(groups: Sequence[Group], fraction: Fraction, seed: int, purpose: str) -> list[Group]:
    """Groups that together have the asked share of each class, in an order that only contents and seed set."""
    totals: Counter[int] = Counter()
    for group in groups:
        totals.update(group.counts)
    # At least one image of each class, and at least one must remain.
    missing = {t: min(max(1, round(fraction * n)), n - 1) for t, n in totals.items()}
    taken = []
    for group in sorted(groups, key=lambda g: _order(g, seed, purpose)):
        if all(missing[t] >= n for t, n in group.counts.items()):
            taken.append(group)
            for target, count in group.counts.items():
                missing[target] -= count
    for target in totals:
        if not any(target in group.counts for group in taken):
            taken += _smallest_with(target, _without(groups, taken), seed, purpose)
    return taken


def _smallest_with(target: int, groups: Sequence[Group], seed: int, purpose: str) -> list[Group]:
    """The smallest group with images of a class, if it leaves images of each of its classes in others; or none."""
    left: Counter[int] = Counter()
    for group in groups:
        left.update(group.counts)
    found = [g for g in groups if target in g.counts and all(left[t] > n for t, n in g.counts.items())]
    return sorted(found, key=lambda g: (len(g.members), _order(g, seed, purpose)))[:1]


def _without(groups: Sequence[Group], taken: Sequence[Group]) -> list[Group]:
    keys = {g.key for g in taken}
    return [g for g in groups if g.key not in keys]


def _order(group: Group, seed: int, purpose: str) -> str:
    return hashlib.sha256(f"{seed} {purpose} {group.key}".encode()).hexdigest()


def _assign(assigned: list[str], groups: Sequence[Group], name: str) -> None:
    for group in groups:
        for i in group.members:
            assigned[i] = name


def require_enough(samples: Sequence[Sample], classes: Sequence[str]) -> None:
    """Raises DataError where a class has too few images for every split to have one."""
    counts = Counter(s.target for s in samples if s.side != Side.TEST)
    for target, name in enumerate(classes):
        if counts[target] < _MIN_IMAGES_PER_CLASS:
            near = difflib.get_close_matches(name, [other for other in classes if other != name], n=1)
            meant = f" Is {near[0]!r} meant?" if near else ""
            raise DataError(
                f"Each class needs at least {_MIN_IMAGES_PER_CLASS} images to be split, but {name!r} has "
                f"{counts[target]}.{meant} Add images of it, or take the class out of the dataset."
            )


def _require_every_class(table: pd.DataFrame, classes: Sequence[str], given: Collection[str]) -> None:
    for split_name, counts in class_counts(table, classes).items():
        for target, (name, count) in enumerate(counts.items()):
            if not count:
                of_class = table[table["target"] == target]
                left_out = of_class.loc[of_class["split"] == LEFT_OUT, "reason"].value_counts()
                raise DataError(
                    f"Each class needs an image in each split, but {name!r} has none in {split_name}: "
                    f"{_why_none(left_out, given=split_name in given)}"
                )


def _why_none(left_out: pd.Series, *, given: bool) -> str:
    """In words, with the remedy; `left_out` holds the number of images of the class by reason."""
    if len(left_out):
        return (
            f"{left_out.sum()} of its images were left out, most because each of them {left_out.index[0]}. Put all "
            "images of a picture, patient or slide into one split, or give no splits: they are then drawn so."
        )
    if given:
        return "there is none where that split's images were given. Add some there, or take the class out."
    return "its images form too few groups. Add images of it from other groups."
