import numpy as np

from study.report.core.study_run import load
from study.report.data.flow import divided, left_out, num_groups


def cells_of(text):
    """First cell of each row of the table -> the other cells."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return {row[0]: row[1:] for row in rows}


def test_every_file_is_in_a_split_or_left_out_for_a_reason(finished):
    rows = cells_of(divided(load(finished.folder)))
    # 310 train, 56 val and 220 test images, 12 that stand in test too, one that can't be read.
    assert rows["files found"][0] == "599"
    assert rows["left out: unreadable or known to be bad"][0] == "\N{MINUS SIGN}1"
    assert rows["left out: stands in the test split too"][0] == "\N{MINUS SIGN}12"
    assert rows["**used**"][0] == "**586**"
    assert [rows[f"→ {split}"][0].split()[0] for split in ("train", "val", "test")] == ["310", "56", "220"]
    assert "What to see: of 599 files found, 13 (2.2 %) were left out before training" in finished.page


def test_groups_are_counted_as_the_predictions_name_them(finished):
    run = load(finished.folder)
    predictions = run.predictions.of("lenet", "tuned", "val")
    assert num_groups(run, "val") == len(np.unique(predictions.groups)) == 46
    rows = cells_of(divided(run))
    assert rows["→ val"][1] == "46"
    assert rows["**used**"][1] == f"**{sum(num_groups(run, split) for split in ('train', 'val', 'test'))}**"
    assert "(300 in train, 46 in val and 210 in test)" in divided(run)


def test_before_the_test_split_is_answered_no_groups_are_told(make_run):
    text = divided(load(make_run(stage="declared")))
    assert "Groups" not in text
    assert "group" not in text


def test_a_data_set_that_is_used_whole_says_so(make_run):
    run = load(make_run(stage="declared", manifest={"left_out": {"stands in the test split too": 0}, "skipped": []}))
    assert left_out(run) == {"unreadable or known to be bad": 0}
    assert "What to see: of 586 files found, none was left out before training." in divided(run)
    assert cells_of(divided(run))["left out: unreadable or known to be bad"] == ["0"]
