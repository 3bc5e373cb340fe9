import json
import re

import pandas as pd
import pytest
from rendered import rendered
from synthetic import changing

from study.report import draw_report
from study.report.core import style
from study.report.core.analysis import analyse
from study.report.core.study_run import load
from study.report.index import write_index
from study.report.results.figures import score_intervals
from study.report.results.grid import grid_columns
from study.report.results.published import epochs_beside, published_notes, published_rows, schedule_note
from study.report.sections import data, finalists, search
from study.wording import NOTHING


def line_of(page, start):
    """The only line that starts like this."""
    (line,) = [line for line in page.splitlines() if line.startswith(start)]
    return line


def part_of(page, heading):
    """The text from a heading to the next one."""
    return re.split(r"^#+ ", page.split(f"{heading}\n")[1], flags=re.MULTILINE)[0]


@pytest.fixture
def declared(make_run):
    """A run before its first trial, to change its manifest in memory."""
    return load(make_run(stage="declared"))


def test_a_network_without_its_weights_is_marked_first_and_wherever_results_are_shown(six):
    first = six.page.splitlines()[2]
    assert first == (
        "**efficientnet_b0 was trained FROM SCRATCH, though its recipe wants it pretrained: it starts from "
        "torchvision's EfficientNet_B0_Weights.IMAGENET1K_V1, but they can't be downloaded (&lt;urlopen error timed "
        "out>).**"
    )
    assert "--weights" not in first
    assert "| efficientnet_b0 (from scratch) | train |" in six.page
    assert "### efficientnet_b0 (from scratch)\n" in six.page
    assert six.page.count("FROM SCRATCH") == 1


def test_a_run_with_all_its_weights_says_nothing_of_scratch(finished, multiclass):
    for drawn in (finished, multiclass):
        assert "scratch" not in drawn.page.lower()
        assert "scratch" not in (drawn.reports / "README.md").read_text(encoding="utf-8")


def test_the_index_names_what_was_trained_from_scratch(six, tmp_path):
    entry = json.loads((six.reports / "brain_six" / "index-entry.json").read_text())
    assert (entry["best"], entry["from_scratch"]) == ("densenet121", ["efficientnet_b0"])
    assert "| densenet121 (trained from scratch: efficientnet_b0) |" in (six.reports / "README.md").read_text()
    entry |= {"best": "efficientnet_b0", "not_told_apart": ["resnet18"]}
    (tmp_path / "brain").mkdir()
    (tmp_path / "brain" / "index-entry.json").write_text(json.dumps(entry))
    assert "| efficientnet_b0 (from scratch; not told apart from resnet18) |" in write_index(tmp_path).read_text()


def test_a_pretrained_finalist_names_its_weights_and_how_long_they_were_frozen(six):
    words = part_of(six.page, "### resnet18")
    assert "its weights start from `ResNet18_Weights.IMAGENET1K_V1` (sha256 `abcdef012345`)" in words
    assert "in stage one of the winner, its first 2 epochs, all but the head was frozen." in words
    assert "| freeze_epochs | no | 2 | 2 |" in words
    assert "frozen" not in part_of(six.page, "### densenet121")


def test_weights_that_were_never_frozen_are_not_called_frozen(make_run):
    run = load(make_run(stage="searching"))
    with changing(run) as manifest:
        manifest["pairs"]["hahnet"]["weights"] = {"source": "file own.pt", "sha256": "12" * 32}
    assert "`file own.pt` (sha256 `121212121212`), and nothing was frozen." in finalists_of(run, "hahnet")


def finalists_of(run, pair):
    return part_of(rendered(finalists, run), f"### {pair}")


def test_a_budget_that_is_not_the_documents_is_said_by_the_grid_and_by_the_finalist(six):
    truncated = "The document trains four_block_cnn for 200 epochs; here its recipe is truncated to 5."
    longer = "The document trains efficientnet_b0 for 3 epochs; here its recipe is trained longer, for 5."
    grid_notes = line_of(six.page, "The document trains four_block_cnn")
    assert truncated in grid_notes
    assert longer in grid_notes
    assert truncated in part_of(six.page, "### four_block_cnn")
    assert longer in part_of(six.page, "### efficientnet_b0 (from scratch)")


@pytest.mark.parametrize("epochs", [None, 9])
def test_a_budget_that_is_the_documents_needs_no_words(declared, epochs):
    with changing(declared) as manifest:
        manifest["pairs"]["lenet"]["document_epochs"] = epochs
    assert schedule_note(declared, "lenet") == ""


def test_published_rows_say_which_of_our_rows_they_stand_for(six, finished):
    assert "| Baseline CNN *(document 003, as published)* | test | 74.0 % |" in six.page
    assert "| EfficientNet-B0, fine-tuned *(document 003, as published; here efficientnet_b0, trained from" in six.page
    assert "| LeNet-Based *(document 001, as published; here lenet)*" in finished.page


def test_a_published_row_that_has_the_name_of_ours_still_says_that_ours_is_from_scratch(declared):
    with changing(declared) as manifest:
        manifest["published"][0] |= {"label": "LeNet"}
    assert "here" not in published_rows(declared, ["accuracy"])[0][0]
    with changing(declared) as manifest:
        manifest["from_scratch"]["lenet"] = "no weights"
    assert "; here lenet, trained from scratch)" in published_rows(declared, ["accuracy"])[0][0]


def test_published_rows_of_networks_that_are_not_run_share_a_note_that_says_so(six):
    assert line_of(six.page, "<sup>1</sup>").endswith("<br><sup>2</sup> lenet is not part of this run.")
    assert six.page.count("*(document 003, as published)*<sup>2</sup>") == 2
    assert six.page.count("not part of this run") == 1


def test_a_published_note_stands_before_what_this_run_lacks(declared):
    with changing(declared) as manifest:
        manifest["published"][0]["architecture"] = "resnet18"
    assert published_notes(declared) == ["<sup>1</sup> Rounded by the document. resnet18 is not part of this run."]


def test_the_weighted_roc_auc_has_a_column_where_there_are_more_than_two_classes(six, finished):
    header = line_of(six.page, "| Architecture | Split |")
    assert [cell.strip() for cell in header.split("|")][6:8] == ["ROC-AUC", "Weighted ROC-AUC"]
    assert "| 0.9835 | 0.984 |" in line_of(six.page, "| EfficientNet-B0")
    assert "Weighted ROC-AUC 0.984" not in six.page
    ours = line_of(six.page, "| baseline_cnn | train |").split("|")[7].strip()
    results = pd.read_csv(six.reports / "brain_six" / "results.csv").set_index(["architecture", "recipe", "split"])
    assert ours == f"{results.loc[('baseline_cnn', 'tuned', 'train'), 'roc_auc_weighted']:.3f}"
    assert "Weighted" not in finished.page
    assert len(grid_columns(load(finished.folder))) == 6


def test_the_documents_epochs_stand_beside_the_mean_of_our_runs_of_the_starting_recipe(six):
    part = part_of(six.page, "### Epoch by epoch beside the document's")
    runs = load(six.folder).seed_runs("efficientnet_b0", "document")
    first = [run.epochs[0] for run in runs]
    accuracy, loss = (sum(epoch[name] for epoch in first) / 2 for name in ("val_accuracy", "val_loss"))
    row = [cell.strip() for cell in line_of(part, "| 1 |").strip("|").split("|")]
    assert row[3:] == ["95.6 %", f"{100 * accuracy:.1f} %", "0.140", f"{loss:.3f}"]
    assert "efficientnet_b0 (from scratch): ours is the mean over 2 seed runs of the starting recipe" in part
    assert "Train loss" not in part


def test_epochs_that_some_or_all_of_our_runs_lack_are_counted_honestly(six):
    part = part_of(six.page, "### Epoch by epoch beside the document's")
    (longer,) = [run for run in load(six.folder).seed_runs("efficientnet_b0", "document") if len(run.epochs) == 5]
    assert f"| {100 * longer.epochs[4]['train_accuracy']:.1f} % (1 of 2 runs) |" in line_of(part, "| 5 |")
    row = [cell.strip() for cell in line_of(part, "| 7 |").strip("|").split("|")]
    assert row[2::2] == [NOTHING] * 3


def test_published_epochs_are_shown_before_and_without_our_own(declared):
    assert epochs_beside(declared) == ""
    rows = [{"architecture": name, "epoch": 1, "val_accuracy": 0.9} for name in ("lenet", "resnet18")]
    with changing(declared) as manifest:
        manifest["published_epochs"] = rows
    text = epochs_beside(declared)
    assert "lenet: no seed run of the document's recipe is completed (yet)." in text
    assert "resnet18 is not part of this run." in text
    assert text.count(f"| 1 | 90.0 % | {NOTHING} |") == 2


def test_rungs_are_given_for_each_architecture_where_they_differ(six, finished):
    assert (
        "was STOPPED after 3 epochs (baseline_cnn, four_block_cnn, efficientnet_b0, resnet18 and densenet121) or after "
        "1 or 3 epochs (eight_conv_cnn); each"
    ) in six.page
    assert "was STOPPED after 3 epochs; each" in finished.page


def test_a_budget_without_rungs_says_so(declared):
    with changing(declared) as manifest:
        for pair in manifest["pairs"].values():
            pair["rungs"] = []
    assert "STOPPED nowhere, since the budget is too short for rungs; each" in rendered(search, declared)
    with changing(declared) as manifest:
        manifest["pairs"]["lenet"]["rungs"] = [1]
    assert "STOPPED after 1 epoch (lenet) or nowhere, since" in rendered(search, declared)


def test_the_recipe_of_a_reference_is_never_called_the_documents(six):
    for pair in ("eight_conv_cnn", "resnet18", "densenet121"):
        part = part_of(six.page, f"### {pair}")
        assert "| Searched | Winner | Starting recipe |" in part
        assert "document's" not in part.lower()
        assert "assumed" not in part
        assert "| lr | yes |" in part
        assert "| this project's default |" in part
        assert f"| {pair} | starting | 0 |" in six.page
        assert f"| {pair} | document |" not in six.page
    assert "| Searched | Winner | Document's recipe |" in part_of(six.page, "### baseline_cnn")
    assert "| baseline_cnn | document | 0 |" in six.page


def test_where_references_take_part_the_common_words_are_starting_recipe(six, finished):
    assert (
        "kept the value of the starting recipe (the document's for baseline_cnn and four_block_cnn; the document's "
        "but for its weights for efficientnet_b0; this project's default for eight_conv_cnn, resnet18 and "
        "densenet121)."
    ) in six.page
    for words in ("trial 0 is the {}.", "The winner of each pair and its {} (once", "hollow ones the {};"):
        assert words.format("starting recipe") in six.page
        assert words.format("document's recipe") in finished.page
    assert "starting recipe" not in finished.page
    assert "eight_conv_cnn, resnet18 and densenet121 are references for comparison: not of the document" in six.page


def test_gains_over_a_starting_recipe_that_is_not_the_documents_are_worded_so(six):
    assert re.search(r"\n- .+eight_conv_cnn \(.+?\)\).* over the starting recipe", six.page)


def test_a_recipe_without_the_weights_that_it_wants_is_not_the_documents(six):
    part = part_of(six.page, "### efficientnet_b0 (from scratch)")
    assert "| Searched | Winner | Starting recipe |" in part
    assert "| pretrained | no | no | no | no weights could be had |" in part
    assert "| optimizer | no | adam | adam | document 001, line 9 |" in part


def test_a_study_of_ones_own_has_no_document_to_speak_of(make_run, tmp_path):
    folder = make_run(stage="seeds", num_trials=3, manifest={"document": "", "published": []})
    page = draw_report(folder, tmp_path / "reports").read_text(encoding="utf-8")
    for declared in ("The document names no image size.", "document 001, line 9"):
        page = page.replace(declared, "")
    assert "document" not in page.lower()
    assert "kept the value of the starting recipe (the study's own for lenet, alexnet and hahnet)." in page


def test_hyperparameters_that_make_no_difference_are_left_out_unless_searched(make_run):
    run = load(make_run(stage="searching"))
    with changing(run) as manifest:
        manifest["pairs"]["hahnet"]["uses"] = ["optimizer", "lr", "batchnorm"]
    names = re.findall(r"^\| (\w+) \| (?:yes|no) \|", finalists_of(run, "hahnet"), re.MULTILINE)
    assert names == ["optimizer", "lr", "dropout", "batchnorm"]


def test_values_that_the_document_tried_are_told_with_what_came_of_them(six):
    text = line_of(six.page, "Trials 1 and 2 of baseline_cnn")
    assert "are for values that the document tried or suggests: lr 0.0005; lr 1e-05." in text
    assert "Trial 1 of resnet18 is for values that the study declares: dropout 0.3, batchnorm yes." in text
    trials = load(six.folder).search("baseline_cnn")
    rows = [
        f"| baseline_cnn | 0 | document's recipe: lr 0.001 | COMPLETE | 5 | {trials[0].best_score:.3f} |",
        f"| baseline_cnn | 1 | lr 0.0005 | COMPLETE | 5 | {trials[1].best_score:.3f} |",
        f"| baseline_cnn | 2 | lr 1e-05 | STOPPED | 3 | {trials[2].best_score:.3f} |",
    ]
    assert "\n".join(rows) in six.page
    assert "| resnet18 | 0 | starting recipe: dropout 0, batchnorm no | COMPLETE |" in six.page


def test_values_that_are_still_to_be_tried_are_listed_as_such(declared):
    assert "tried" not in rendered(search, declared)
    with changing(declared) as manifest:
        manifest["tried"]["lenet"] = [{"lr": 0.1}, {"lr": 0.2}, {"lr": 0.3}]
    text = rendered(search, declared)
    assert "Trials 1 to 3 of lenet" in text
    assert f"| lenet | 3 | lr 0.3 | not begun | 0 | {NOTHING} |" in text


def test_the_edition_that_the_images_were_recognised_as_is_named(six, finished, declared):
    assert "Example patches, second version \N{MIDDLE DOT} " in six.page
    assert "The data set (second version) is published with 500 (development) and 220 (test) images." in six.page
    assert "The data set is published with 500" in finished.page
    with changing(declared) as manifest:
        manifest["dataset"]["expected"] = {"all": {"a": 5000, "b": 712}}
    assert "The data set is published with 5,712 images." in rendered(data, declared)


def test_drawn_images_are_of_no_edition(declared):
    with changing(declared) as manifest:
        manifest["dataset"]["edition"] = "second version"
        manifest["stand_in"] = True
    assert "second version" not in rendered(data, declared)


def test_images_that_are_known_to_be_bad_are_named_with_the_reason(declared):
    with changing(declared) as manifest:
        manifest["skipped"] = ["train/dd6.tif: a black patch"]
    assert "known to be bad, and left out: 1 file (`train/dd6.tif: a black patch`)." in rendered(data, declared)
    with changing(declared) as manifest:
        manifest["left_out"] = {}
    assert "No image was left out." not in rendered(data, declared)
    with changing(declared) as manifest:
        manifest["skipped"] = []
    assert "No image was left out." in rendered(data, declared)


def test_eight_architectures_differ_in_colour_marker_and_dashes():
    for look in (style.colour, style.marker, style.dashes):
        assert len({look(index) for index in range(8)}) == 8


def test_the_figure_of_scores_marks_what_was_trained_from_scratch(six):
    run = load(six.folder)
    (axis,) = score_intervals(run, analyse(run)).axes
    labels = [label.get_text() for label in axis.get_yticklabels()]
    assert labels[1:4] == ["four_block_cnn", "efficientnet_b0\n(from scratch)", "eight_conv_cnn"]


def test_no_figure_of_many_architectures_is_too_heavy(six):
    sizes = [path.stat().st_size for path in (six.reports / "brain_six").glob("*.png")]
    assert len(sizes) == 9
    assert max(sizes) < 150_000
