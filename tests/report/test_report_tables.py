import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, roc_auc_score
from synthetic import changing

from study.errors import ResultsError
from study.evaluation.metrics import METRICS
from study.records import TEST, TUNED, Key, PredictionSet, write_atomically
from study.report.core.analysis import analyse, shift
from study.report.core.markdown import image, table
from study.report.core.study_run import load
from study.report.core.study_tables import describe_domain, space_table
from study.report.index import write_index
from study.report.results.figures import ensemble_confusion

FIRST_COLUMNS = ["architecture", "recipe", "split", "n", "accuracy", "precision", "recall"]


def test_results_csv_has_the_agreed_columns_and_rows(finished):
    results = pd.read_csv(finished.reports / "her2_binary" / "results.csv")
    assert list(results.columns[:7]) == FIRST_COLUMNS
    ranked = ["roc_auc", "roc_auc_weighted", "average_precision"]
    assert list(results.columns[7:13]) == ["specificity", "balanced_accuracy", "f1", *ranked]
    bounds = [f"{name}_{bound}" for name in METRICS for bound in ("low", "high")]
    assert list(results.columns[13:]) == bounds
    assert len(results) == 3 * 3 * 3
    assert set(results["recipe"]) == {"tuned", "document", "ensemble"}
    is_test = results["split"] == "test"
    assert results.loc[is_test, bounds].notna().all(axis=None)
    assert results.loc[~is_test, bounds].isna().all(axis=None)
    assert set(results.loc[is_test, "n"]) == {220}


def test_the_shift_from_val_to_test_counts_the_luck_of_both_splits(finished):
    run = load(finished.folder)
    val, test = (run.predictions.of("alexnet", TUNED, split) for split in ("val", TEST))
    areas = [[roc_auc_score(p.targets, each[:, 1]) for each in p.probabilities] for p in (val, test)]
    found = shift(run, "alexnet", TUNED)
    assert found.mean == pytest.approx(np.mean(areas[0]) - np.mean(areas[1]))
    of_test = analyse(run).values("alexnet", TUNED, TEST)["roc_auc"]
    # 56 images of val say less than 220 of test.
    assert found.high - found.low > 1.5 * (of_test.high - of_test.low)


def test_a_shift_needs_a_seed_run_that_answered_val_and_test(finished):
    run = load(finished.folder)
    known = {key: each for key, each in run.predictions.by_key.items() if key != Key("alexnet", TUNED, "val")}
    assert shift(dataclasses.replace(run, predictions=PredictionSet(known)), "alexnet", TUNED) is None


def test_results_csv_agrees_with_scikit_learn(multiclass):
    results = pd.read_csv(multiclass.reports / "brain" / "results.csv")
    row = results.query("architecture == 'baseline_cnn' and recipe == 'document' and split == 'val'")
    expected = []
    for number in range(3):
        answers = pd.read_csv(multiclass.folder.predictions(f"baseline_cnn-document-seed{number}", "val"))
        columns = [name for name in answers if name.startswith("p_")]
        decided = answers[columns].to_numpy().argmax(axis=1)
        expected.append(f1_score(answers["target"], decided, average="macro"))
    assert row["f1"].item() == pytest.approx(np.mean(expected), abs=1e-6)


def test_the_bounds_enclose_the_value(finished):
    results = pd.read_csv(finished.reports / "her2_binary" / "results.csv").query("split == 'test'")
    for name in METRICS:
        assert (results[f"{name}_low"] <= results[name]).all()
        assert (results[name] <= results[f"{name}_high"]).all()


def test_the_index_has_one_row_a_study_with_its_kind_of_images_and_its_best(finished, standin, tmp_path):
    for drawn in (finished, standin):
        for path in drawn.reports.glob("*/index-entry.json"):
            write_atomically(tmp_path / path.parent.name / path.name, path.read_text(encoding="utf-8"))
    rows = [line for line in write_index(tmp_path).read_text(encoding="utf-8").splitlines() if line.startswith("| [")]
    assert rows[0].startswith("| [her2_binary](her2_binary.md) | HER2 status from IHC patches |")
    assert "| real | hahnet |" in rows[0]
    assert rows[1].startswith("| [her2_binary-standin](her2_binary-standin.md)")
    assert "| **drawn** |" in rows[1]
    assert all(row.endswith("| 2026-03-14 |") for row in rows)


def test_the_index_says_which_architectures_are_not_told_apart(multiclass):
    entry = json.loads((multiclass.reports / "brain" / "index-entry.json").read_text())
    assert {entry["best"], *entry["not_told_apart"]} == {"baseline_cnn", "four_block_cnn"}
    assert "not told apart" in (multiclass.reports / "README.md").read_text(encoding="utf-8")


def test_the_comparison_of_two_recipes_leaves_out_a_seed_that_either_lacks(standin):
    run = load(standin.folder)
    assert run.predictions.of("alexnet", TUNED, TEST).numbers == (0, 2)
    gains = analyse(run).gains
    rows = pd.read_csv(standin.reports / "her2_binary-standin" / "results.csv").query("split == 'test'")
    tuned, document = (
        rows.query(f"architecture == 'alexnet' and recipe == '{name}'")["roc_auc"].item()
        for name in ("tuned", "document")
    )
    # The document's mean has all three seeds, the gain only the two shared ones.
    assert gains["alexnet"].mean != pytest.approx(tuned - document, abs=1e-5)
    assert gains["hahnet"].mean > -0.1


def test_the_confusion_matrix_counts_every_test_image_once(multiclass):
    counts = ensemble_confusion(load(multiclass.folder).predictions.of("baseline_cnn", TUNED, TEST))
    assert counts.sum(axis=1).tolist() == [50, 57, 52, 37]


@pytest.mark.parametrize(
    ("domain", "words"),
    [
        ({"kind": "loguniform", "low": 1e-5, "high": 0.01, "log": True}, "1e-05 to 0.01, log scale"),
        ({"kind": "uniform", "low": 0.0, "high": 0.7, "log": False}, "0 to 0.7"),
        ({"kind": "randint", "low": 2, "high": 9, "log": False}, "2 to 8, whole numbers"),
        ({"kind": "choice", "values": [False, "adam", 3]}, "no / adam / 3"),
    ],
)
def test_domains_are_described_in_words(domain, words):
    assert describe_domain(domain) == words


def test_pairs_with_spaces_of_their_own_get_a_column_each(make_run):
    run = load(make_run(stage="declared"))
    with changing(run) as manifest:
        manifest["space"]["lenet"] = {"lr": {"kind": "choice", "values": [0.1]}}
    lines = space_table(run).splitlines()
    assert lines[0] == "| Hyperparameter | lenet | alexnet | hahnet |"
    assert "| lr | always 0.1 | 1e-05 to 0.01, log scale | 1e-05 to 0.01, log scale |" in lines
    assert any(line.startswith("| dropout | \N{EM DASH} | 0 to 0.7") for line in lines)


def test_predictions_without_a_class_are_refused(make_run):
    folder = make_run()
    path = folder.predictions("alexnet-tuned-seed1", "val")
    pd.read_csv(path).drop(columns="p_positive").to_csv(path, index=False)
    with pytest.raises(ResultsError, match="p_positive are missing"):
        load(folder)


def test_seed_runs_scored_on_different_images_are_refused(make_run):
    folder = make_run()
    path = folder.predictions("alexnet-tuned-seed1", "val")
    pd.read_csv(path).iloc[1:].to_csv(path, index=False)
    with pytest.raises(ResultsError, match="same images"):
        load(folder)


def test_predictions_in_another_order_are_the_same_predictions(make_run):
    folder = make_run()
    before = load(folder).predictions.of("alexnet", TUNED, TEST).probabilities
    path = folder.predictions("alexnet-tuned-seed1", "test")
    pd.read_csv(path).iloc[::-1].to_csv(path, index=False)
    assert (load(folder).predictions.of("alexnet", TUNED, TEST).probabilities == before).all()


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "page.md"
    write_atomically(path, "old")

    def fail(_):
        raise OSError("disk full")

    monkeypatch.setattr("study.records.folder.os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, "new")
    assert path.read_text() == "old"


def test_cells_and_alternative_texts_cannot_break_the_markdown():
    assert table(["a", "b"], [["x|y", "line\nbreak"]]).splitlines()[-1] == "| x\\|y | line break |"
    assert table(["a"], []) == ""
    assert image("f.png", "all [Malignant] cells") == "![all (Malignant) cells](f.png)"
