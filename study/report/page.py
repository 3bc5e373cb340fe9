"""Draws the report of one run: page, figures, model cards, `results.csv` and the index."""

import json
from collections.abc import Mapping
from pathlib import Path

from study.records import RunFolder, write_atomically
from study.report.core.analysis import analyse
from study.report.core.markdown import join
from study.report.core.naming import card_name
from study.report.core.study_run import load, siblings
from study.report.data.leakage import LEFT_OUT_CSV, LEFT_OUT_PNG
from study.report.figures import drawings
from study.report.images.misclassified import where_they_go_wrong
from study.report.images.saliency import what_they_look_at
from study.report.index import ENTRY_FILE, write_index
from study.report.overview import first_screen
from study.report.overview.glossary import words
from study.report.overview.summary import index_entry
from study.report.protocol.claim_checklist import reporting_checklist
from study.report.protocol.method import method
from study.report.protocol.model_card import model_cards
from study.report.results.best_trials import finalists
from study.report.results.calibration import to_be_believed
from study.report.results.grid import results_csv
from study.report.results.operating_points import at_which_threshold
from study.report.results.pairwise_comparison import can_be_told_apart
from study.report.results.per_class import class_by_class
from study.report.search.section import search
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
    """
    run = load(folder)
    analysis = analyse(run)
    figures = drawings(run, analysis)
    page = join(
        [
            first_screen.first_screen(run, analysis, figures),
            first_screen.data(run, siblings(folder, run)),
            search(run, figures),
            finalists(run, analysis),
            first_screen.curves(run, figures),
            can_be_told_apart(run, analysis),
            to_be_believed(run, figures),
            at_which_threshold(run),
            class_by_class(run, analysis),
            where_they_go_wrong(run, figures),
            what_they_look_at(run, figures),
            method(run),
            reporting_checklist(run, analysis),
            words(run),
            first_screen.again(run),
        ]
    )
    own = reports / run.name
    images = {f"{name}.png": drawing.png() for name, drawing in figures.items()}
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
