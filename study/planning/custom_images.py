"""`--images`: what a folder of one's own holds, as a study, and in words."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path

from study.datasets import Sample, Side
from study.datasets.custom import folder_names, layout_checks
from study.datasets.custom.layouts import Given, OwnLayout, labels_table, layout_of
from study.datasets.custom.look import Look, look_at
from study.datasets.custom.naming import negative_first
from study.datasets.images import groups, splits
from study.errors import DataError, StudyError, UnknownNameError
from study.planning.custom_study import Derived, derive
from study.planning.image_sizes import asked_sizes
from study.planning.options import Options
from study.spec import OwnImages
from study.wording import image_sizes

_NUM_CLASSES_SHOWN = 12
_SPLIT_OF: Mapping[str, str] = {Side.DEVELOPMENT: splits.TRAIN, Side.VALIDATION: splits.VAL, Side.TEST: splits.TEST}


def derive_study(root: Path, options: Options) -> tuple[Derived, list[str]]:
    """The study of the images in a folder, and what was derived of them: a line each.

    Args:
        root: the folder.
        options: what is said of the images, and what is asked of the study.

    Raises:
        StudyError: there are no images, or what they are can't be told.
    """
    if not root.is_dir():
        raise DataError(f"--images must be a folder, but {root} is not one.{_unpack(root)}")
    given = _given(root, options)
    layout = layout_of(root, options.labels)
    understood = layout.understand(given)
    declared = replace(understood, classes=_ordered(understood.classes, options.positive_class))
    scanned = layout.scan(root, declared)
    samples = scanned.samples
    splits.require_enough(samples, declared.classes)
    layout_checks.require_no_masks_among(root, [sample.path for sample in samples])
    look = look_at(root, samples)
    modality = options.modality or ("grey" if look.grey else "colour")
    own = replace(declared, modality=modality, window=look.window)
    sizes = asked_sizes(options.image_size)
    derived = derive(own, look, samples, names=options.architecture_names, sizes=sizes)
    derived = replace(derived, notes=(*scanned.notes, *_notes(own, look, samples)))
    return derived, list(_described(root, options, layout, derived, look, samples))


def _given(root: Path, options: Options) -> Given:
    for each in options.of_custom_images():
        if each.name.endswith("_column") and not options.labels:
            raise StudyError(f"{each.names[-1]} names a column of a table, but no table was given. Give --labels.")
    columns = {kind: getattr(options, f"{kind}_column") for kind in ("image", "label", "group", "split")}
    return Given(name=_name(root, options), root=root, table=options.labels, columns=columns)


def _unpack(file: Path) -> str:
    if file.suffix.lower() != ".npz":
        return ""
    return (
        " Arrays aren't read: save each image of it as a PNG file, in folders of the splits that hold a folder for "
        "each class, such as train/0, train/1, test/0 and test/1."
    )


def _notes(own: OwnImages, look: Look, samples: Sequence[Sample]) -> Iterator[str]:
    if look.beyond:
        yield (
            f"Grey levels beyond the window are cut off: {len(look.beyond)} of {look.num_deep} images of more than 8 "
            f"bits that were looked at have such, for example {look.beyond[0]}."
        )
    if look.few_levels:
        yield (
            f"No more than 16 grey levels, as in masks and almost black images, are all that {len(look.few_levels)} of "
            f"{look.num} images show that were looked at, for example {look.few_levels[0]}."
        )
    for mask, image in folder_names.masks_among([sample.path for sample in samples]).items():
        yield f"{mask} is called as a mask of {image} is, and taken for an image: if it is none, take it out."
    for name in labels_table.without_value(own.classes):
        yield f"{name!r} is taken for a class of its own: if it says that the label is missing, take these rows out."


def _name(root: Path, options: Options) -> str:
    if options.name:
        return options.name
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", root.resolve().name).strip("_-")
    if not name:
        raise StudyError(f"A study needs a name, but {root} gives none. Give --name.")
    return name


def _ordered(classes: tuple[str, ...], positive: str) -> tuple[str, ...]:
    """Of two classes the positive one last."""
    if not positive:
        return negative_first(classes)[0]
    if positive not in classes:
        raise UnknownNameError("class", positive, classes)
    if len(classes) != 2:
        raise StudyError(f"--positive is for two classes, but there are {len(classes)}. Leave it out.")
    return tuple(sorted(classes, key=lambda name: name == positive))


def _described(
    root: Path, options: Options, layout: OwnLayout, derived: Derived, look: Look, samples: Sequence[Sample]
) -> Iterator[str]:
    own = derived.own
    yield f"{own.name}: {len(samples):,} images in {len(own.classes)} classes: {_counts(own, samples)}"
    resized = image_sizes({pair: derived.image_sizes.get(pair, derived.image_size) for pair in derived.pairs})
    yield f"  images     {_sizes(look)}; resized to {resized} (--image-size)"
    yield f"  modality   {own.modality} (--modality)" + (
        ": augmentation neither flips nor turns them; mri, ihc, he and blood allow more"
        if own.modality in ("grey", "colour")
        else ""
    )
    if own.window:
        some = f", in those of more than 8 bits ({look.num_deep} of {look.num} looked at)"
        yield (
            f"  window     grey levels {own.window[0]} to {own.window[1]} of those in use become black to white"
            f"{some if look.num_deep < look.num else ''}"
        )
    if len(own.classes) == 2:
        guessed = not options.positive_class and not negative_first(own.classes)[1]
        doubt = ", a guess: their names don't tell" if guessed else ""
        yield f"  positive   {own.classes[1]!r} (--positive){doubt}"
    yield f"  splits     {_splits(own, samples)}"
    yield from _unused_splits(samples)
    if options.holdout and any(sample.side == Side.TEST for sample in samples):
        yield "             --holdout: the test split stays closed, and 15 % of the other images are tested on instead"
    yield f"  groups     {_groups(options, layout, own, samples)}"
    yield from (f"  {line}" for line in layout.in_words(root, own))
    yield from (f"  note       {note}" for note in derived.notes)
    yield f"  networks   {', '.join(derived.pairs)} (--architecture)"


def _counts(own: OwnImages, samples: Sequence[Sample]) -> str:
    counts = Counter(sample.target for sample in samples)
    shown = [f"{name} {counts[target]:,}" for target, name in enumerate(own.classes[:_NUM_CLASSES_SHOWN])]
    more = len(own.classes) - len(shown)
    return ", ".join([*shown, *([f"and {more} more"] if more else [])])


def _sizes(look: Look) -> str:
    small, large = (f"{width} x {height}" for width, height in (look.smallest, look.largest))
    some = f" ({look.num_colour} of {look.num} looked at)" if look.num_colour < look.num else ""
    return f"{'grey' if look.grey else f'colour{some}'}, {small if small == large else f'{small} to {large}'} px"


def _splits(own: OwnImages, samples: Sequence[Sample]) -> str:
    counts = Counter(_SPLIT_OF[sample.side] for sample in samples)
    given = [f"{name} {counts[name]:,}" for name in _SPLIT_OF.values() if counts[name]]
    drawn = [name for name in ("val", "test") if not counts[name]]
    if len(given) == 1:
        return "drawn: 15 % test, and 15 % of the rest val"
    return f"as given ({', '.join(given)}){_spelled(own)}" + (
        f"; {drawn[0]} is drawn from train, 15 % of it" if drawn else ""
    )


def _unused_splits(samples: Sequence[Sample]) -> Iterator[str]:
    """Says where splits are drawn although the paths of most images name splits."""
    if any(sample.side != Side.DEVELOPMENT for sample in samples):
        return
    named = Counter(filter(None, (folder_names.side_in(sample.path) for sample in samples)))
    if len(named) > 1 and "train" in named and 2 * named.total() > len(samples):
        counts = ", ".join(f"{side} {named[side]:,}" for side in folder_names.SPLITS if named[side])
        yield (
            f"  NOT USED   splits in the names of folders or files ({counts}): to keep them, move the images into "
            "folders of the splits, or say them in a column split of a table"
        )


def _spelled(own: OwnImages) -> str:
    """The folders of the splits, where they aren't called as these are."""
    other = [f"{folder} is {side}" for folder, side in own.sides.items() if folder and folder.lower() != side]
    return f": {', '.join(other)}" if other else ""


def _groups(options: Options, layout: OwnLayout, own: OwnImages, samples: Sequence[Sample]) -> str:
    of_group: dict[str, set[int]] = defaultdict(set)
    for sample in samples:
        of_group[sample.group].add(sample.target)
    alone = sum(not sample.group for sample in samples)
    of_group.pop("", None)
    if not of_group:
        return f"unknown: images of one patient may stand in several splits ({_likely_groups(samples)})"
    if options.groups == groups.NONE:
        return f"{len(of_group):,} by {own.group_meaning}, not used: --groups none puts images into splits one by one"
    rest = f"; of {alone:,} images it is unknown, and they may stand in several splits" if alone else ""
    single = ": each image is a group of its own" if len(of_group) == len(samples) else ""
    guess = f"; a guess: {layout.guess}{_shared(of_group)}" if layout.guess else ""
    return f"{len(of_group):,} by {own.group_meaning}, each in one split{single}{rest}{guess}"


def _shared(classes_of: Mapping[str, Set[int]]) -> str:
    shared = sum(len(targets) > 1 for targets in classes_of.values())
    return f", {shared} of them with images of several classes" if shared else ""


def _likely_groups(samples: Sequence[Sample]) -> str:
    """What may tell patients, which are unknown."""
    likely = Counter(filter(None, (folder_names.patient_in(sample.path) for sample in samples)))
    if len(likely) > 1 and max(likely.values()) > 1 and 2 * likely.total() > len(samples):
        return (
            f"file names may hold patients, such as {min(likely)!r}: {len(likely)} different; a table settles it: "
            "--labels with --group-column"
        )
    return "--group-column, or folders within the classes"
