"""Draws the report of one run: page, figures, model cards, `results.csv` and the index."""

import json
from collections.abc import Mapping
from pathlib import Path

from study.records import RunFolder, write_atomically
from study.report.core.markdown import join
from study.report.core.naming import card_name
from study.report.data.leakage import LEFT_OUT_CSV, LEFT_OUT_PNG
from study.report.index import ENTRY_FILE, write_index
from study.report.model_card import model_cards
from study.report.overview.summary import index_entry
from study.report.results.grid import results_csv
from study.report.sections import page_of
from study.report.web import html_page


def draw_report(folder: RunFolder, reports: Path) -> Path:
    """Draws a run's report, the same bytes each time from the same records; an unfinished run's too.

    Args:
        folder: the run's records.
        reports: gets `<run>.md`, the same in one HTML file, `<run>.html`, `<run>/` with figures, model cards and
            `results.csv`, and the index, `README.md` and `index.html`.

    Returns:
        The path of the page, `<run>.md`.

    Raises:
        ResultsError: there are no records of that run, or they are damaged.
        DeclarationError: a section that was added can't be used.
    """
    context = page_of(folder)
    run, analysis = context.run, context.analysis
    page = join([f"# {run.manifest.title}", *(section.markdown(context) for section in context.sections.values())])
    own = reports / run.name
    images = {f"{name}.png": drawing.png() for name, drawing in context.figures.items()}
    if run.left_out_png:
        images[LEFT_OUT_PNG] = run.left_out_png
    listed = {} if run.left_out is None else {LEFT_OUT_CSV: run.left_out.to_csv(index=False).encode()}
    cards = model_cards(run, analysis)
    _replace(own, "*.png", images)
    _replace(own, LEFT_OUT_CSV, listed)
    _replace(own, card_name("*"), {name: f"{card}\n".encode() for name, card in cards.items()})
    write_atomically(own / "results.csv", results_csv(analysis))
    write_atomically(own / ENTRY_FILE, json.dumps(index_entry(run, analysis), indent=2) + "\n")
    # The page comes after its figures, so that no reader meets a page whose figures aren't there.
    path = reports / f"{run.name}.md"
    write_atomically(path, page + "\n")
    whole = html_page(
        join([page, "## Model cards" if cards else ""]),
        run=run.name,
        files={f"{run.name}/{name}": content for name, content in (images | listed).items()},
        attached={f"{run.name}/{name}": card for name, card in cards.items()},
    )
    write_atomically(reports / f"{run.name}.html", whole)
    write_index(reports)
    return path


def _replace(folder: Path, pattern: str, files: Mapping[str, bytes]) -> None:
    """Makes the files of a folder with such names exactly these: an earlier drawing may have had more of them."""
    for name, content in files.items():
        write_atomically(folder / name, content)
    for old in sorted(folder.glob(pattern)):
        if old.name not in files:
            old.unlink()
