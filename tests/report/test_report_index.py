import json
import re

import pytest

from study.report.index import write_index
from study.wording import DASH

HEADING = "## Which architecture on which data"


@pytest.fixture
def index(tmp_path):
    """Draws the index of entries, each of which is a report's own with changes."""

    def draw(*entries):
        for number, (drawn, changes) in enumerate(entries):
            (path,) = drawn.reports.glob("*/index-entry.json")
            entry = json.loads(path.read_text()) | changes
            folder = tmp_path / f"{number}"
            folder.mkdir()
            (folder / "index-entry.json").write_text(json.dumps({k: v for k, v in entry.items() if v is not None}))
        return write_index(tmp_path).read_text(encoding="utf-8")

    return draw


def matrix(page):
    """Study -> heading -> cell."""
    lines = [line for line in page.split(HEADING)[1].splitlines() if line.startswith("|")]
    header, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {row[1]: dict(zip(header, row, strict=True)) for row in rows}


def test_a_cell_is_the_test_roc_auc_of_the_reports_own_grid_and_leads_there(index, six):
    cells = matrix(index((six, {})))["brain_six"]
    assert cells["densenet121"] == f"**[0.973 (0.95{DASH}0.98)](brain_six.md)**"
    assert re.fullmatch(r"\[0\.\d{3} \(.*\)\]\(brain_six\.md\)<br>from scratch", cells["efficientnet_b0"])
    assert len(cells) == 3 + 6
    for cell in (cells["resnet18"], cells["eight_conv_cnn"]):
        assert re.search(r"\[(.*)\]", cell)[1] in six.page


def test_architectures_that_a_study_does_not_have_are_left_open(index, finished, multiclass):
    rows = matrix(index((finished, {}), (multiclass, {})))
    assert rows["her2_binary"]["four_block_cnn"] == rows["brain"]["hahnet"] == "—"


def test_the_best_is_bold_only_on_real_images_and_only_if_it_is_told_apart(index, finished, standin, multiclass):
    rows = matrix(index((finished, {}), (standin, {}), (multiclass, {})))
    assert [name for name, cell in rows["her2_binary"].items() if cell.startswith("**")] == ["hahnet"]
    assert not any(cell.startswith("**[") for cell in [*rows["her2_binary-standin"].values(), *rows["brain"].values()])


def test_drawn_images_are_marked_and_their_figures_in_italics(index, standin):
    row = matrix(index((standin, {})))["her2_binary-standin"]
    assert row["Images"] == "**drawn**"
    assert row["alexnet"].startswith("*[0.")
    assert row["alexnet"].endswith(")*")


def test_what_keeps_a_figure_from_being_one_of_the_official_test_split_is_said(index, finished):
    page = index((finished, {"holdout": True, "groups": "none"}), (finished, {"run": "b", "groups": "similarity"}))
    rows = matrix(page)
    assert rows["her2_binary"]["Images"] == "real (holdout of the development images; no leakage check)"
    assert rows["b"]["Images"] == "real (similar images kept together)"
    assert page.count("holdout of the development images") == 2


def test_studies_of_one_data_set_stand_together_and_name_it_once(index, finished, six, standin):
    titled = {"dataset": "Z"}
    rows = matrix(index((standin, titled), (six, {"dataset": "A"}), (finished, titled)))
    assert [(row["Data"], name) for name, row in rows.items()] == [
        ("A", "brain_six"),
        ("Z", "her2_binary"),
        ("", "her2_binary-standin"),
    ]


def test_entries_of_an_earlier_version_and_unfinished_studies_have_no_row_in_the_matrix(index, finished, six):
    old = dict.fromkeys(("test_roc_auc", "told_apart", "holdout", "groups"))
    page = index((finished, old), (six, {"test_roc_auc": {}, "best": "", "best_test_roc_auc": []}))
    assert HEADING not in page
    assert page.count("\n| [") == 2
    assert "| real | hahnet | 0.9" in page


def test_the_html_form_of_the_index_links_the_html_reports(finished):
    page = (finished.reports / "index.html").read_text(encoding="utf-8")
    assert page.count('href="her2_binary.html"') == 1 + 3
    assert ".md" not in page
