"""`check`: what a dataset's folder holds, against what was published."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from study.datasets import Dataset, Edition, Sample, Side, edition_of
from study.datasets.commands.drawing import NOTE
from study.datasets.images import contact_sheet, groups, pixel_cache
from study.datasets.images.near_duplicates import CHANGES, SamePictures
from study.datasets.images.picture import Window
from study.datasets.images.pixel_cache import Format, ImageStore
from study.datasets.images.splits import pictures
from study.errors import DataError
from study.records import write_atomically

_MAX_UNREADABLE, _MAX_CONFLICTS, _MAX_SHOWN = 50, 5, 120
# Look-alikes are told from thumbnails, which have a size of their own; what a network would see is not needed here.
_STORED_PX = 8
_SHOWN_PX = 128

Row = tuple[str, str]
Rows = Iterator[Row]


def check(dataset: Dataset, root: Path, *, cache: Path | None, sheet: Path | None) -> None:
    """Prints what there is to know of a folder before a study is run on it.

    Args:
        dataset: what the folder should hold.
        root: the folder.
        cache: where to keep what was read; None reads every file.
        sheet: a PNG file to write, of the groups of pictures that look alike; None for none.

    Raises:
        DataError: the folder isn't there or doesn't fit, images of it can't be read, or the sheet can't be written.
    """
    if not root.is_dir():
        raise DataError(f"--data must be a folder, but {root} is not one. {dataset.title}: {dataset.how_to_get}")
    samples = dataset.scan(root)
    edition = edition_of(dataset, samples)
    print(f"{dataset.title}: {len(samples):,} images in {root}\n")
    print("\n".join(_counts(dataset, edition, samples)), end="\n\n", flush=True)
    # Whoever runs a study doesn't meet the images that are left out, so they count for nothing below.
    used = {s.path: s for s in samples if s.path not in dataset.excluded}
    with tempfile.TemporaryDirectory(prefix="study-check-") as scratch:
        store = pixel_cache.prepare(
            root, sorted(used), size_px=_STORED_PX, cache=cache or Path(scratch), window=dataset.window
        )
        readable = [used[path] for path in store.paths]
        found = groups.counts(readable, store)
        alike = store.same_pictures()
        same = pictures(store.pixels_sha256, alike.links)
        rows = [
            *([("drawn", f"these images are not real, says {NOTE}")] if (root / NOTE).exists() else []),
            *_about(dataset, edition),
            *_excluded(dataset, samples),
            *_unreadable(store.unreadable),
            *_formats(store.formats),
            *_same_pictures(found),
            *(_how_alike(alike) if alike.links else []),
            *_two_labels(dataset, readable, same),
            *_leaks(readable, found),
            *_groups(dataset, samples),
        ]
        print("\n".join(map(_line, rows)), flush=True)
        if sheet:
            print(_line(_contact_sheet(sheet, root, readable, store, same, dataset.window)))
    _require_readable(len(store.unreadable), len(used))


def _line(row: Row) -> str:
    label, text = row
    return f"{label:<18}  {text}"


def _counts(dataset: Dataset, edition: Edition, samples: Sequence[Sample]) -> Iterator[str]:
    """A table: found and published images of each side and class, and of the totals that were published."""
    found: Counter[tuple[str, str]] = Counter()
    for sample in samples:
        name = dataset.classes[sample.target]
        found.update({(side, c) for side in (sample.side, "all") for c in (name, "all")})
    published = {(side, c): n for side, by_class in edition.expected.items() for c, n in by_class.items()}
    whole = [n for (side, _), n in published.items() if side == "all"] or list(published.values())
    if published:
        published.setdefault(("all", "all"), sum(whole))
    sides = sorted({side for side, _ in (*found, *published)} - {"all"})
    wanted = [(side, c) for side in (*sides, "all") for c in (*dataset.classes, "all")]
    yield f"{'side':<11}  {'class':<12}  {'found':>9}  {'published':>9}"
    for key in wanted:
        # Totals are shown where they were published, and once for the whole.
        if "all" in key and key not in published:
            continue
        number = published.get(key)
        difference = "" if number is None or number == found[key] else f"  differs by {found[key] - number:+,}"
        shown = "-" if number is None else f"{number:,}"
        yield f"{key[0]:<11}  {key[1]:<12}  {found[key]:>9,}  {shown:>9}{difference}"


def _about(dataset: Dataset, edition: Edition) -> Rows:
    if len(dataset.editions) > 1:
        yield "edition", f"{edition.title}, by its counts"
    yield "source", edition.source
    yield "licence", dataset.licence


def _excluded(dataset: Dataset, samples: Sequence[Sample]) -> Rows:
    if dataset.excluded:
        found = [s.path for s in samples if s.path in dataset.excluded]
        yield "known to be bad", f"{len(found)} of {len(dataset.excluded)} are here; a study leaves them out"
        yield from (("", f"{path}: {dataset.excluded[path]}") for path in found)


def _unreadable(unreadable: Mapping[str, str]) -> Rows:
    yield "unreadable", f"{len(unreadable):,} images" if unreadable else "none"
    yield from (("", f"{path}: {reason}") for path, reason in list(unreadable.items())[:_MAX_UNREADABLE])
    if len(unreadable) > _MAX_UNREADABLE:
        yield "", f"and {len(unreadable) - _MAX_UNREADABLE:,} more"


def _formats(formats: Sequence[Format]) -> Rows:
    sizes = Counter((width, height) for _, width, height in formats)
    if not sizes:
        return
    usual, count = sizes.most_common(1)[0]
    least, most = (f(sizes, key=lambda size: (size[0] * size[1], size)) for f in (min, max))
    text = f"{count:,} of {_size(usual)}"
    if len(sizes) > 1:
        rest = len(formats) - count
        text += f", {rest:,} of {len(sizes) - 1:,} other sizes; smallest {_size(least)}, largest {_size(most)}"
    yield "sizes in px", text
    modes = Counter(mode for mode, _, _ in formats)
    yield "colour modes", ", ".join(f"{count:,} {mode}" for mode, count in modes.most_common())


def _same_pictures(found: Mapping[str, int]) -> Rows:
    """How many copies and look-alikes there are, in the words of a report."""
    copies, alike = "none: no two files hold the same picture, pixel by pixel", f"none ({CHANGES})"
    if found["extra_copies"]:
        copies = (
            f"{found['extra_copies']:,} files hold the picture of another one, pixel by pixel "
            f"({found['byte_identical_copies']:,} of them byte by byte), in {found['groups']:,} groups; "
            f"{found['groups_of_two_labels']:,} of these groups carry two different labels"
        )
    if found["look_alike_links"]:
        num, further = found["look_alike_extra_pictures"], "further " if found["extra_copies"] else ""
        alike = (
            f"{num:,} {further}{'picture looks' if num == 1 else 'pictures look'} like another one ({CHANGES}), in "
            f"{found['look_alike_groups']:,} groups; {found['look_alike_groups_of_two_labels']:,} of these groups "
            "carry two different labels"
        )
    yield "copies", copies
    yield "look-alikes", alike


def _how_alike(alike: SamePictures) -> Rows:
    """What likeness means in this data set, and how sure the links are."""
    scale = alike.scale
    yield (
        "likeness",
        f"from {scale.likely:.3f} on linked, from {scale.sure:.3f} on surely: {alike.num_doubtful:,} of "
        f"{len(alike.links):,} links are doubtful; a picture and its second most similar one have {scale.usual:.2f} "
        "in the median",
    )


def _two_labels(dataset: Dataset, samples: Sequence[Sample], same: Sequence[Sequence[int]]) -> Rows:
    """Groups of one picture in several classes, with the first file of each."""
    targets = [s.target for s in samples]
    conflicts = [first for rows in same if len(first := _first_of_each(rows, targets)) > 1]
    for number, rows in enumerate(conflicts[:_MAX_CONFLICTS]):
        named = (f"{samples[row].path} ({dataset.classes[targets[row]]})" for row in rows)
        yield "" if number else "two labels", " and ".join(named)
    if len(conflicts) > _MAX_CONFLICTS:
        yield "", f"and {len(conflicts) - _MAX_CONFLICTS:,} more groups"


def _leaks(samples: Sequence[Sample], found: Mapping[str, int]) -> Rows:
    """How much of an official test split can be learned by heart, and what a study does about copies at all."""
    num_tested = sum(s.side == Side.TEST for s in samples)
    exact, alike = found["spanning_test"], found["look_alike_spanning_test"]
    if num_tested:
        how = f": {exact:,} pixel by pixel, {alike:,} look like one there" if exact + alike else ""
        yield "test split", f"{exact + alike:,} of {num_tested:,} images also stand on the training side{how}"
    if found["extra_copies"] or found["look_alike_links"]:
        yield "", "a study keeps copies and look-alikes in one split, and leaves those of test images out of training"


def _contact_sheet(
    file: Path,
    root: Path,
    samples: Sequence[Sample],
    store: ImageStore,
    same: Sequence[Sequence[int]],
    window: Window | None,
) -> Row:
    """Writes one image of each picture of the groups that look alike, the most harmful first."""

    def harm(rows: Sequence[int]) -> tuple[bool, bool]:
        return len({samples[row].target for row in rows}) > 1, len({samples[row].side for row in rows}) > 1

    by_harm = sorted(same, key=harm, reverse=True)
    alike = [first for rows in by_harm if len(first := _first_of_each(rows, store.pixels_sha256)) > 1]
    least = _least_alike(by_harm, store.same_pictures().links)
    if not alike:
        return "contact sheet", "not written, as no picture looks like another one"
    shown = [[store.paths[row] for row in rows] for rows in alike[:_MAX_SHOWN]]
    with tempfile.TemporaryDirectory(prefix="study-check-") as scratch:
        paths = sorted({path for group in shown for path in group})
        large = pixel_cache.prepare(
            root, paths, size_px=_SHOWN_PX, cache=Path(scratch), window=window, show_progress=False
        )
        png = contact_sheet.groups_png(
            large.open(),
            [[large.paths.index(path) for path in group] for group in shown],
            captions=[f"{least[rows[0]]:.3f}" for rows in alike[:_MAX_SHOWN]],
            side_px=_SHOWN_PX,
        )
    try:
        write_atomically(file, png)
    except OSError as error:
        raise DataError(f"--contact-sheet must be a file that can be written, but {file} is none: {error}.") from error
    return (
        "contact sheet",
        f"{file}: {len(shown):,} of {len(alike):,} groups of look-alikes, copies aside; first those with two labels, "
        "then those that stand on both sides; above each how alike the least alike of it are",
    )


def _least_alike(groups_: Sequence[Sequence[int]], links: Mapping[tuple[int, int], float]) -> dict[int, float]:
    """The likeness of the least sure link within the group of each row."""
    group_of = {row: number for number, rows in enumerate(groups_) for row in rows}
    least: dict[int, float] = {}
    for (row, _), likeness in links.items():
        least[group_of[row]] = min(least.get(group_of[row], 1.0), likeness)
    return {row: least[group] for row, group in group_of.items() if group in least}


def _first_of_each(rows: Sequence[int], kinds: Sequence[Any]) -> list[int]:
    """The first row of each kind."""
    return sorted({kinds[row]: row for row in reversed(rows)}.values())


def _groups(dataset: Dataset, samples: Sequence[Sample]) -> Rows:
    sizes = Counter(s.group for s in samples if s.group)
    if sizes:
        least, most = min(sizes.values()), max(sizes.values())
        meaning = f"{len(sizes):,} ({dataset.group_meaning}), of {least:,} to {most:,} images"
        yield "groups", f"{meaning}; a study keeps each in one split"
    else:
        yield "groups", "unknown: images of one patient may stand in several splits"


def _require_readable(num_unreadable: int, num_images: int) -> None:
    if num_unreadable:
        raise DataError(
            f"Every image must be readable, but {num_unreadable:,} of {num_images:,} are not: they are listed above. "
            "Mend or remove them, or give study.run --skip-unreadable: it then goes on without them."
        )


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
