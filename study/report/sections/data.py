"""The images: how many of which class, what could leak, how they were divided and what that changes."""

from study.records import SPLITS
from study.report.core.markdown import bullets, join
from study.report.core.section import Context, Section
from study.report.core.study_run import Run
from study.report.core.study_tables import image_table
from study.report.data import leakage
from study.report.data.flow import divided
from study.wording import DOT, image_sizes, listing


def _render(context: Context) -> str:
    run = context.run
    manifest = run.manifest
    dataset = manifest.dataset
    about = [_title(run), dataset.source, f"licence: {dataset.licence}"]
    shares = [_share(run, split) for split in SPLITS]
    return join(
        [
            f"{DOT.join(about)}.",
            f'What to see: how unequal the classes are; "{_largest(run)}" is the most frequent one '
            f"({listing(shares)}).",
            image_table(run),
            _expected(run),
            bullets(
                [
                    *leakage.duplicates(run),
                    *leakage.skipped(run),
                    *manifest.notes,
                    leakage.grouping(run),
                    *_sizes(run),
                ]
            ),
            divided(run),
            leakage.sensitivity(run, context.siblings),
        ]
    )


def _sizes(run: Run) -> list[str]:
    """To which sizes the images were resized, where the networks differ in that."""
    sizes = run.manifest.image_sizes
    if len({*sizes.values()}) == 1:
        return []
    return [f"All networks have the same images in the same splits, resized to {image_sizes(sizes)}."]


def _largest(run: Run) -> str:
    counts = run.images("train")
    return max(counts, key=lambda name: counts[name])


def _share(run: Run, split: str) -> str:
    counts = run.images(split)
    total = sum(counts.values())
    return f"{100 * counts[_largest(run)] / total:.0f} % of {split}" if total else f"no images in {split}"


def _title(run: Run) -> str:
    """The data set's name, with the published version that the images were recognised as."""
    title, edition = run.manifest.dataset.title, run.manifest.dataset.edition
    return f"{title}, {edition}" if edition and not run.manifest.stand_in else str(title)


def _expected(run: Run) -> str:
    dataset = run.manifest.dataset
    if run.manifest.stand_in or not dataset.expected:
        return ""
    totals = {side: f"{sum(counts.values()):,}" for side, counts in dataset.expected.items()}
    sides = [total if side == "all" else f"{total} ({side})" for side, total in totals.items()]
    edition = f" ({dataset.edition})" if dataset.edition else ""
    return f"The data set{edition} is published with {listing(sides)} images."


SECTION = Section(title="Data", render=_render)
