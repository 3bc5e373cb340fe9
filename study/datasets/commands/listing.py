"""`list`: every dataset, a paragraph each."""

from study import datasets
from study.datasets import Counts, Dataset
from study.datasets.commands.naming import usual_folder


def list_datasets() -> None:
    """Prints all datasets."""
    print("\n\n".join(_paragraph(name, datasets.find(name)) for name in datasets.names()))


def _paragraph(name: str, dataset: Dataset) -> str:
    folder = usual_folder(name)
    rows = [("classes", ", ".join(dataset.classes))]
    for edition in dataset.editions:
        title = f"{edition.title}, " if edition.title else ""
        rows += [("published", f"{title}{_counts(edition.expected)}"), ("source", edition.source)]
    rows += [
        ("licence", dataset.licence),
        ("get it", f"python -m study.datasets download {name}" if dataset.kaggle else dataset.how_to_get),
        ("here", f"{folder} is there" if folder.is_dir() else f"no: there is no {folder}, a study draws a stand-in"),
    ]
    return "\n".join([f"{name}: {dataset.title}", *(f"  {label:<9}  {text}" for label, text in rows)])


def _counts(counts: Counts) -> str:
    """Published counts as one line; "all" sides or classes are not named."""
    sides = []
    for side, by_class in counts.items():
        classes = ", ".join(f"{n:,}" if name == "all" else f"{name}: {n:,}" for name, n in by_class.items())
        sides.append(classes if side == "all" else f"{side} ({classes})")
    return "; ".join(sides)
