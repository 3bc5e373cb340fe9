"""What of the images could leak from one split into another, what was done about it, and what difference it makes."""

from collections.abc import Mapping

import numpy as np

from study.datasets.images.groups import DUPLICATES, EXACT, NONE, SIMILARITY
from study.datasets.images.near_duplicates import CHANGES, HARD_TO_TELL, hard_to_tell
from study.evaluation.metrics import scores
from study.records import DOCUMENT, TEST, VAL
from study.report.core.analysis import shift
from study.report.core.study_run import Run
from study.report.core.markdown import image, join, table
from study.wording import NOTHING, counted, fraction, listing, signed

_FEW_SKIPPED = 5
LEFT_OUT_CSV, LEFT_OUT_PNG = "left-out.csv", "left-out.png"
_WAYS = {
    NONE: "no leakage check: every image by itself",
    EXACT: "leakage check: equal pixels together",
    DUPLICATES: "leakage check: copies and look-alikes together",
    SIMILARITY: "leakage check, and similar images together",
}


def left_out(run: Run) -> str:
    """Which images were left out, and some of them beside the test images that they look like; "" if not known."""
    blocks, kept = [], _kept(run)
    if run.left_out is not None:
        blocks.append(f"Each of them, with the {kept} image to blame: [{LEFT_OUT_CSV}]({run.name}/{LEFT_OUT_CSV}).")
    if run.left_out_png:
        alt = f"Pairs of images: one that was left out, and the {kept} image for which it was"
        blocks += [
            f"What to see: pairs of an image that was left out and the {kept} image that it shows again, those with "
            "other pixels first, the least alike of them at the top. Where a pair shows two pictures, the check was too "
            "strict.",
            image(f"{run.name}/{LEFT_OUT_PNG}", alt),
        ]
    return join(blocks)


def duplicates(run: Run) -> list[str]:
    """What there is of copies and look-alikes."""
    found = run.manifest.duplicates
    if not found.extra_copies:
        sentences = ["No two files hold the same picture, pixel by pixel."]
    else:
        sentences = [
            f"{counted(found.groups, 'picture')} {'stands' if found.groups == 1 else 'stand'} in more than one "
            f"file, pixel by pixel: {counted(found.extra_copies, 'file')} too many "
            f"({found.byte_identical_copies:,} of them also byte by byte)"
            f"{'. Such files are one group, which never spans two splits' if way_of(run) != NONE else ''}."
        ]
        if found.spanning_test:
            sentences.append(
                _spanning(
                    counted(found.spanning_test, "test image"),
                    "also stood on the training side",
                    "copies",
                    stayed=way_of(run) == NONE,
                )
            )
        if found.groups_of_two_labels:
            sentences.append(f"{counted(found.groups_of_two_labels, 'such picture')} carry two different labels.")
    return [" ".join([*sentences, *_look_alikes(run)])]


def _look_alikes(run: Run) -> list[str]:
    found = run.manifest.duplicates
    # A log of version 0.1.0 knows no look-alikes.
    if found.look_alike_links is None:
        return []
    if not found.look_alike_links:
        return [f"Nor does any look like another one, {CHANGES}."]
    # Further than those that are copies.
    further = "further " if found.extra_copies else ""
    sentences = [
        f"{counted(found.look_alike_extra_pictures, f'{further}picture')} "
        f"{'looks' if found.look_alike_extra_pictures == 1 else 'look'} like another one ({CHANGES}), in "
        f"{counted(found.look_alike_groups, 'group')}."
    ]
    if found.look_alike_spanning_test:
        sentences.append(
            _spanning(
                counted(found.look_alike_spanning_test, f"{further}test image"),
                "look like one on the training side",
                "look-alikes",
                stayed=way_of(run) in (NONE, EXACT),
            )
        )
    # A log of an earlier version doesn't know.
    if found.look_alike_groups_of_two_labels:
        sentences.append(f"Of these groups, {found.look_alike_groups_of_two_labels:,} carry two different labels.")
    return [*sentences, *_how_alike(run)]


def _how_alike(run: Run) -> list[str]:
    """What likeness means in this data set, and how many links are only just likely."""
    # A log of an earlier version doesn't know.
    scale, found = run.manifest.likeness, run.manifest.duplicates
    if scale is None or found.look_alike_links is None:
        return []
    linked = "would be" if way_of(run) in (NONE, EXACT) else "were"
    hard = [f"**{hard_to_tell(scale.usual)}**"] if scale.usual >= HARD_TO_TELL else []
    return [
        *hard,
        "Likeness is the correlation of what tells two pictures from the others of the data set; that of a picture and "
        f"its second most similar one is {scale.usual:.2f} in the median. From {scale.likely:.3f} on two "
        f"{linked} linked; {found.look_alike_doubtful:,} of {counted(found.look_alike_links, 'link')} "
        f"{'is' if found.look_alike_doubtful == 1 else 'are'} doubtful, below {scale.sure:.3f}.",
    ]


def _spanning(number: str, where: str, what: str, *, stayed: bool) -> str:
    done = "stayed in it" if stayed else "were left out of it"
    return f"{number} {where}; those {what} {done}."


def skipped(run: Run) -> list[str]:
    """Files that can't be read or are known to be bad."""
    paths = run.manifest.skipped
    if not paths:
        return [] if any(run.manifest.left_out.values()) else ["No image was left out."]
    named = listing([f"`{path}`" for path in paths[:_FEW_SKIPPED]])
    more = " and others" if len(paths) > _FEW_SKIPPED else ""
    return [f"Unreadable or known to be bad, and left out: {counted(len(paths), 'file')} ({named}{more})."]


def grouping(run: Run) -> str:
    """What is kept together, and what the intervals therefore know of."""
    if way_of(run) == NONE:
        return (
            "**Every image was taken for itself (`--groups none`), copies included: they may stand on both sides of a "
            "split. The figures show what a table looks like that knows no leaks.**"
        )
    meaning = run.manifest.dataset.group_meaning
    if meaning:
        # A log of an earlier version doesn't know.
        alone = run.manifest.dataset.ungrouped
        of_these = f"**Of {counted(alone, 'image')} the {meaning} is unknown,** and several may be of one. "
        return (
            f"{of_these if alone else ''}Images of one {meaning} stay in one split and are drawn together in the "
            "intervals."
        )
    unknown = "**Which images come from one patient or slide is unknown.** "
    if way_of(run) == SIMILARITY:
        return unknown + (
            "Images that are alike, such as neighbouring slices, were kept in one split and are drawn together in the "
            "intervals (`--groups similarity`); that is a guess at what belongs together."
        )
    apart = "Look-alikes were taken for strangers (`--groups exact`). " if way_of(run) == EXACT else ""
    return unknown + (
        f"{apart}Related images may stand in two splits, and the intervals take images that aren't copies for "
        "independent, so they are too narrow. `--groups similarity` keeps images together that are merely alike."
    )


def _kept(run: Run) -> str:
    """The splits that were given, for whose images others are left out."""
    return "test or val" if "val" in run.manifest.given_splits else "test"


def kept_together(run: Run) -> str:
    """What never spans two splits, for the description of the method."""
    if way_of(run) == NONE:
        return "No images were kept together, copies included (`--groups none`)."
    left_out = f"and one on the training side that also stands in the {_kept(run)} split is left out"
    if run.manifest.groups is None:
        return f"Copies of one picture, pixel by pixel, stay together, {left_out}."
    if way_of(run) == EXACT:
        return (
            f"Copies of one picture, pixel by pixel, stay together, {left_out}. Pictures that only look alike were "
            "taken for strangers (`--groups exact`)."
        )
    alike = " So do images that are merely alike (`--groups similarity`)." if way_of(run) == SIMILARITY else ""
    return (
        "Images of one picture, also where it was resized, recompressed, brightened, flipped or turned, stay together, "
        f"{left_out}.{alike}"
    )


def sensitivity(run: Run, siblings: Mapping[str, Run]) -> str:
    """The same recipes under other groupings; "" where no such run is finished beside this one."""
    runs = {way: each for way, each in {**siblings, way_of(run): run}.items() if each.is_tested}
    if len(runs) < 2 or way_of(run) not in runs:
        return ""
    rows = []
    for way in (name for name in _WAYS if name in runs):
        for pair in (pair for pair in run.pairs if pair in runs[way].pairs):
            val, test = (_roc_auc(runs[way], pair, split) for split in (VAL, TEST))
            trained = sum(runs[way].images("train").values())
            left = sum(runs[way].manifest.left_out.values())
            fall = shift(runs[way], pair, DOCUMENT)
            numbers = [fraction(val), fraction(test), NOTHING if fall is None else signed(fall)]
            rows.append([_WAYS[way], pair, f"{trained:,}", f"{left:,}", *numbers])
    return join(
        [
            "### What difference do the groups make?",
            "What to see: how far the scores fall once copies, and images that are merely alike, can't stand on both "
            "sides of a split. The starting recipes, unchanged, were trained under each grouping; ROC-AUC, mean over "
            "the seeds. Groups decide which images are trained and tested on, so the rows differ by chance as well.",
            table(
                ["Grouping", "Architecture", "Train images", "Left out", "Val", "Test", "Val minus test"], rows, left=2
            ),
        ]
    )


def _roc_auc(run: Run, pair: str, split: str) -> float:
    predictions = run.predictions.get(pair, DOCUMENT, split)
    if predictions is None:
        return float("nan")
    return float(np.mean([scores(predictions.targets, each)["roc_auc"] for each in predictions.probabilities]))


def way_of(run: Run) -> str:
    """What of the images stays in one split: one of `study.datasets.images.groups.WAYS`."""
    # A log of version 0.1.0 kept copies together.
    return run.manifest.groups or DUPLICATES
