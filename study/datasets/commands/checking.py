"""`check`: what a dataset's folder holds, against what was published."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from study.datasets import Dataset, Edition, Sample, edition_of
from study.datasets.commands.drawing import NOTE
from study.datasets.commands.reading import FileFacts, read_all
from study.datasets.images.splits import duplicate_counts
from study.errors import DataError

_MAX_LISTED = 50

Read = list[tuple[Sample, FileFacts]]


def check(dataset: Dataset, root: Path, *, cache: Path | None) -> None:
    """Prints what there is to know of a folder before a study is run on it.

    Args:
        dataset: what the folder should hold.
        root: the folder.
        cache: where to keep what was read; None reads every file.

    Raises:
        DataError: the folder isn't there or doesn't fit, or images of it can't be read.
    """
    if not root.is_dir():
        raise DataError(f"--data must be a folder, but {root} is not one. {dataset.title}: {dataset.how_to_get}")
    samples = dataset.scan(root)
    edition = edition_of(dataset, samples)
    print(f"{dataset.title}: {len(samples):,} images in {root}\n")
    print("\n".join(_counts(dataset, edition, samples)), end="\n\n", flush=True)
    facts = read_all(root, [s.path for s in samples], cache=cache)
    # Whoever runs a study doesn't meet the images that are left out, so they count for nothing below.
    used = [(s, f) for s, f in zip(samples, facts, strict=True) if s.path not in dataset.excluded]
    unreadable = {s.path: f.unreadable for s, f in used if f.unreadable}
    readable = [(s, f) for s, f in used if not f.unreadable]
    rows = [
        *([("drawn", f"these images are not real, says {NOTE}")] if (root / NOTE).exists() else []),
        *_about(dataset, edition),
        *_excluded(dataset, samples),
        *_unreadable(unreadable),
        *_formats(readable),
        *_duplicates(readable),
        *_groups(dataset, samples),
    ]
    print("\n".join(f"{label:<18}  {text}" for label, text in rows))
    _require_readable(len(unreadable), len(used))


def _counts(dataset: Dataset, edition: Edition, samples: Sequence[Sample]) -> Iterator[str]:
    """A table: found and published images of each side and class, and of the totals that were published."""
    found: Counter[tuple[str, str]] = Counter()
    for sample in samples:
        name = dataset.classes[sample.target]
        found.update({(side, c) for side in (sample.side, "all") for c in (name, "all")})
    published = {(side, c): n for side, by_class in edition.expected.items() for c, n in by_class.items()}
    whole = [n for (side, _), n in published.items() if side == "all"] or list(published.values())
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


def _about(dataset: Dataset, edition: Edition) -> Iterator[tuple[str, str]]:
    if len(dataset.editions) > 1:
        yield "edition", f"{edition.title}, by its counts"
    yield "source", edition.source
    yield "licence", dataset.licence


def _excluded(dataset: Dataset, samples: Sequence[Sample]) -> Iterator[tuple[str, str]]:
    if dataset.excluded:
        found = [s.path for s in samples if s.path in dataset.excluded]
        yield "known to be bad", f"{len(found)} of {len(dataset.excluded)} are here; a study leaves them out"
        yield from (("", f"{path}: {dataset.excluded[path]}") for path in found)


def _unreadable(unreadable: dict[str, str]) -> Iterator[tuple[str, str]]:
    yield "unreadable", f"{len(unreadable):,} images" if unreadable else "none"
    yield from (("", f"{path}: {reason}") for path, reason in list(unreadable.items())[:_MAX_LISTED])
    if len(unreadable) > _MAX_LISTED:
        yield "", f"and {len(unreadable) - _MAX_LISTED:,} more"


def _formats(readable: Read) -> Iterator[tuple[str, str]]:
    sizes = Counter((f.width_px, f.height_px) for _, f in readable)
    if not sizes:
        return
    usual, count = sizes.most_common(1)[0]
    least, most = (f(sizes, key=lambda size: (size[0] * size[1], size)) for f in (min, max))
    text = f"{count:,} of {_size(usual)}"
    if len(sizes) > 1:
        rest = len(readable) - count
        text += f", {rest:,} of {len(sizes) - 1:,} other sizes; smallest {_size(least)}, largest {_size(most)}"
    yield "sizes in px", text
    modes = Counter(f.mode for _, f in readable)
    yield "colour modes", ", ".join(f"{count:,} {mode}" for mode, count in modes.most_common())


def _duplicates(readable: Read) -> Iterator[tuple[str, str]]:
    """Each kind of sameness, and what it means for a study."""
    samples = [s for s, _ in readable]
    files = duplicate_counts(samples, [f.sha256 for _, f in readable])
    pictures = duplicate_counts(samples, [f.pixels_sha256 for _, f in readable])
    for label, counted in (("identical files", files), ("identical pixels", pictures)):
        yield (
            label,
            f"{counted['extra_copies']:,} extra copies in {counted['groups']:,} groups; "
            f"{counted['spanning_test']:,} leaking test images (they also stand in development); "
            f"{counted['groups_of_two_labels']:,} groups with two labels",
        )
    if pictures["extra_copies"]:
        yield "", "a study keeps identical pictures in one split, and leaves out development copies of test images"


def _groups(dataset: Dataset, samples: Sequence[Sample]) -> Iterator[tuple[str, str]]:
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
