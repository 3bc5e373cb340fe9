import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from rendered import rendered
from sklearn.metrics import accuracy_score, roc_auc_score

from study.records import EventLog
from study.report import draw_report
from study.report.core.study_run import load
from study.report.sections import method

SECTIONS = [
    "# HER2 status from IHC patches",
    "## Data",
    "## Search",
    "## Finalists",
    "## Curves",
    "## Can they be told apart?",
    "## Are the probabilities to be believed?",
    "## At which threshold?",
    "## Class by class",
    "## Where they go wrong",
    "## How it was done, and its limits",
    "## For a paper: CLAIM 2024",
    "## Words",
    "## How to run it again",
]
FIGURES = {
    "test-scores",
    "learning-curves",
    "parallel-coordinates",
    "hyperparameters",
    "expected-best",
    "seed-curves",
    "roc-and-pr-curves",
    "confusion-matrices",
    "reliability",
}


def grid_row(page, architecture, split):
    """The cells of one row; the architecture is written only in its first row."""
    name = ""
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 8:
            name = cells[0] or name
            if (name, cells[1]) == (architecture, split):
                return cells[2:]
    raise AssertionError(f"no row for {architecture}, {split}")


def test_the_sections_stand_in_their_order(finished):
    headings = [line for line in finished.page.splitlines() if re.match("##? ", line)]
    assert headings == SECTIONS


def test_the_grid_holds_the_mean_over_the_seeds_of_scikit_learns_scores(finished):
    tables = [pd.read_csv(finished.folder.predictions(f"hahnet-tuned-seed{number}", "test")) for number in range(3)]
    area = np.mean([roc_auc_score(table["target"], table["p_positive"]) for table in tables])
    accuracy = np.mean([accuracy_score(table["target"], table["p_positive"] >= 0.5) for table in tables])
    cells = [cell.strip("*") for cell in grid_row(finished.page, "hahnet", "test")]
    assert cells[0].startswith(f"{100 * accuracy:.1f} % (")
    assert cells[3].startswith(f"{area:.3f} (")


def test_train_and_val_rows_have_no_intervals(finished):
    for split in ("train", "val"):
        assert not any("(" in cell for cell in grid_row(finished.page, "hahnet", split))


def test_the_ensemble_has_a_row_of_its_own(finished):
    tables = [pd.read_csv(finished.folder.predictions(f"alexnet-tuned-seed{number}", "test")) for number in range(3)]
    mean = np.mean([table["p_positive"] for table in tables], axis=0)
    area = roc_auc_score(tables[0]["target"], mean)
    assert grid_row(finished.page, "alexnet", "test, ensemble of 3")[3].startswith(f"{area:.3f}")


def test_the_best_value_is_bold_only_if_it_is_told_apart(finished, multiclass):
    assert grid_row(finished.page, "hahnet", "test")[3].startswith("**")
    assert not grid_row(finished.page, "lenet", "test")[3].startswith("**")
    for architecture in ("baseline_cnn", "four_block_cnn"):
        assert not any("**" in cell for cell in grid_row(multiclass.page, architecture, "test"))
    assert "not told apart from" in multiclass.page


def test_no_decision_of_a_network_that_always_gives_one_answer_is_bold(standin):
    recall = grid_row(standin.page, "hahnet", "test")[2]
    assert recall.startswith("100.0 %")


def test_the_majority_baseline_and_the_published_rows_stand_beneath(finished):
    assert grid_row(finished.page, '*always "positive"*', "*test*")[:4] == [
        "71.8 %",
        "71.8 %",
        "100.0 %",
        "0.500",
    ]
    published = grid_row(finished.page, "LeNet-Based *(document 001, as published; here lenet)*<sup>1</sup>", "val")
    assert published[:4] == ["70.6 %", "83.8 %", "72.3 %", "0.7785"]
    assert "<sup>1</sup> Rounded by the document." in finished.page


def test_the_verdict_names_the_architecture_that_is_told_apart(finished):
    assert "hahnet ranks the images best" in finished.page
    assert "told apart from lenet and alexnet" in finished.page or "from alexnet and lenet" in finished.page


def test_where_the_documents_recipe_won_it_is_listed_once_and_no_gain_is_computed(finished):
    assert len(re.findall(r"^\| lenet \| document \| \d", finished.page, re.MULTILINE)) == 3
    assert not re.findall(r"^\| lenet \| tuned \| \d", finished.page, re.MULTILINE)
    assert len(re.findall(r"^\| alexnet \| tuned \| \d", finished.page, re.MULTILINE)) == 3
    assert "the search found nothing better than the document's recipe for lenet." in finished.page
    assert "lenet (0.000" not in finished.page
    assert "The document's own recipe (trial 0) won" in finished.page
    assert re.search(r"(shown for|ROC-AUC of) alexnet \(.0\.\d{3} \(", finished.page)


def test_provenance_comes_from_the_records(finished):
    line = next(line for line in finished.page.splitlines() if line.startswith("*data `"))
    for part in (
        "`dddddddddddd`",
        "310 train, 56 val and 220 test images at 64 px",
        "8 trials a pair, up to 9 epochs",
        "3 seeds",
        "2026-03-14",
        "version 0.1.0, commit `0123456789ab`",
    ):
        assert part in line
    # 3 pairs x (6 trials x 9 + 2 x 3 epochs searched), 15 seed runs x 9 epochs, a minute each.
    assert f"{(3 * (6 * 9 + 2 * 3) + 15 * 9) / 60:.2f} device hours on cpu" in line


def test_drawn_images_are_named_in_the_first_lines(standin, finished):
    first = standin.page.splitlines()[2]
    assert first.startswith("**The images of this run are DRAWN by this program")
    assert "nothing about real patients" in first
    assert "DRAWN" not in finished.page


def test_a_network_that_always_gives_one_answer_is_named_however_well_it_ranks(standin):
    assert re.search(r"hahnet (is|are) not distinguishable in accuracy from always answering", standin.page)
    assert 'hahnet gives the one answer "positive" for 100.0 % of the test images' in standin.page


def test_what_failed_is_named_and_the_rest_is_drawn(standin):
    missing = standin.page[standin.page.index("**What is missing:**") :]
    assert "- All 8 searched trials of lenet FAILED: RuntimeError: loss is not finite." in missing
    assert "- lenet: no searched trial ran to its end" in missing
    assert "- alexnet, tuned recipe: 2 of 3 seed runs completed and scored" in missing
    assert grid_row(standin.page, "alexnet", "test, ensemble of 2")
    with pytest.raises(AssertionError):
        grid_row(standin.page, "lenet", "test")


def test_a_complete_study_misses_nothing(finished):
    assert "What is missing" not in finished.page


def test_every_figure_is_small_has_alternative_text_and_is_on_the_page(finished):
    shown = dict(re.findall(r"!\[(.+?)\]\(her2_binary/(.+?)\.png\)", finished.page))
    assert set(shown.values()) == FIGURES
    assert all(len(alt) > 20 for alt in shown)
    paths = sorted((finished.reports / "her2_binary").glob("*.png"))
    assert {path.stem for path in paths} == FIGURES
    for path in paths:
        assert path.stat().st_size < 150_000
        with Image.open(path) as picture:
            assert len(picture.convert("L").getcolors()) > 10


def test_the_same_records_give_the_same_bytes(finished, tmp_path):
    draw_report(finished.folder, tmp_path)
    first, again = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (finished.reports, tmp_path)
    )
    assert first == again
    assert len(first) == len(FIGURES) + 6 + len(("lenet", "alexnet", "hahnet"))


@pytest.mark.parametrize("stage", ["declared", "searching", "seeds"])
def test_an_unfinished_study_is_drawn_and_says_so_first(make_run, tmp_path, stage):
    folder = make_run(stage=stage)
    page = draw_report(folder, tmp_path / "reports").read_text(encoding="utf-8")
    assert page.splitlines()[2].startswith("**This report was drawn before the study was finished")
    assert "roc-and-pr-curves.png" not in page
    assert ("learning-curves.png" in page) == (stage != "declared")
    assert ("seed-curves.png" in page) == (stage == "seeds")
    assert "best, with test ROC-AUC" not in page


def test_progress_counts_trials_and_seed_runs(make_run, tmp_path):
    page = draw_report(make_run(stage="searching"), tmp_path).read_text(encoding="utf-8")
    assert "21 of 24 trials ended, 3 begun, 0 seed runs completed" in page


def test_test_predictions_without_the_event_that_opened_the_split_are_not_shown(make_run, tmp_path):
    folder = make_run(stage="tested")
    lines = folder.events.read_bytes().splitlines(keepends=True)
    folder.events.write_bytes(b"".join(line for line in lines if b'"test_opened"' not in line))
    page = draw_report(folder, tmp_path / "reports").read_text(encoding="utf-8")
    assert "the test split has not been scored yet" in page
    with pytest.raises(AssertionError):
        grid_row(page, "lenet", "test")


def test_figures_of_an_earlier_drawing_are_removed(make_run, tmp_path):
    folder, reports = make_run(stage="declared"), tmp_path / "reports"
    (reports / "her2_binary").mkdir(parents=True)
    old = reports / "her2_binary" / "roc-and-pr-curves.png"
    old.write_bytes(b"")
    draw_report(folder, reports)
    assert not old.exists()


def test_a_failed_epoch_with_values_that_are_not_finite_does_not_stop_the_drawing(make_run, tmp_path):
    folder = make_run(stage="searching", num_trials=3)
    log = EventLog(folder.events)
    identity = {"pair": "lenet", "kind": "search", "number": 3, "recipe_name": "search"}
    log.append("started", trial="bad", **identity, recipe={"lr": 0.1}, seed=1, attempt=1)
    values = dict.fromkeys(("train_loss", "val_loss", "val_roc_auc"), float("nan"))
    log.append("epoch", trial="bad", epoch=1, seconds=1.0, **values)
    log.append("failed", trial="bad", reason="DivergedError: loss is nan")
    log.close()
    page = draw_report(folder, tmp_path / "reports").read_text(encoding="utf-8")
    assert "lenet: 3 of 3 trials ended; 1 FAILED (DivergedError: loss is nan)." in page


def test_recipes_are_marked_as_stated_or_assumed_and_departures_are_bold(finished):
    rows = [line for line in finished.page.splitlines() if line.startswith("| lr | yes")]
    assert any(re.search(r"\| \*\*[\d.e-]+\*\* \| 0.001 \| assumed \|", row) for row in rows)
    assert "| optimizer | no | adam | adam | document 001, line 9 |" in finished.page
    assert "| pos_weight | no | 0.41 | 0.41 | assumed |" in finished.page


def test_the_command_and_the_limits_are_given(finished):
    assert "```bash\npython -m study.run her2_binary\n```" in finished.page
    assert "```bash\npython -m study.report her2_binary\n```" in finished.page
    assert "Which images come from one patient or slide is unknown." in finished.page
    assert "In this run the test split (220 images) was scored once, for all of 15 seed runs together." in finished.page


def test_a_report_tells_no_absolute_path_of_the_machine_that_it_was_made_on(make_run, tmp_path):
    given = (
        "python -m study.run her2_binary --data '/home/me/my data' --weights lenet=/srv/lenet.pt --results ../results"
    )
    page = draw_report(make_run(stage="declared", manifest={"command": given}), tmp_path / "reports").read_text()
    assert "--data 'path/to/my data' --weights lenet=path/to/lenet.pt --results ../results\n```" in page
    assert "/home" not in page
    assert "/srv" not in page


def test_a_report_needs_neither_ray_nor_torch():
    program = (
        "import sys, study.report, study.report.__main__; "
        "sys.exit(any(name in sys.modules for name in ('ray', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_copies_are_counted_by_their_pixels_and_by_their_bytes(finished):
    assert (
        "29 pictures stand in more than one file, pixel by pixel: 31 files too many (20 of them also byte by byte)"
        in (finished.page)
    )
    assert "12 test images also stood on the training side" in finished.page


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        (1, "One seed shows nothing of how much training varies: the intervals count the luck of the images alone."),
        (2, "Two seeds hardly show how much training varies"),
        (3, "3 seeds show only roughly how much training varies."),
    ],
)
def test_the_limits_say_what_so_many_seeds_can_tell(make_run, seeds, words):
    assert words in rendered(method, load(make_run(stage="declared", num_seeds=seeds)))


def test_the_limits_point_to_the_sections_on_probabilities_and_thresholds_that_the_page_has(
    finished, multiclass, make_run
):
    believed, thresholds = "Are the probabilities to be believed?", "At which threshold?"
    for page, headings in ((finished.page, {believed, thresholds}), (multiclass.page, {believed})):
        limits = next(line for line in page.splitlines() if line.startswith("- *Limits.*"))
        assert {heading for heading in (believed, thresholds) if f'"{heading}"' in limits} == headings
        assert headings == {heading for heading in (believed, thresholds) if f"\n## {heading}\n" in page}
    assert "so none is a clinical operating point" in finished.page
    assert "operating points are chosen for two classes only" in multiclass.page
    untested = rendered(method, load(make_run(stage="seeds")))
    assert believed not in untested
    assert "so none is a clinical operating point" in untested
