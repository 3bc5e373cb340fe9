import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
from rendered import rendered

from study.records import TEST, TUNED, Key, PredictionSet
from study.report.core.study_run import load
from study.report.sections import misclassified


def section_of(page):
    """From the section's heading to the next one."""
    part = page.split("## Where they go wrong\n", 1)[1]
    return part.split("\n## ", 1)[0]


def rows_under(part, heading):
    """The cells of the table beneath a heading of the section."""
    beneath = re.split(r"\n###? ", part.split(heading, 1)[1])[0]
    lines = [line for line in beneath.splitlines() if line.startswith("|")]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.fixture
def ensemble(finished):
    """hahnet's test images with the true class and the mean probability of "positive"."""
    tables = [pd.read_csv(finished.folder.predictions(f"hahnet-tuned-seed{number}", "test")) for number in range(3)]
    return tables[0][["path", "target"]].assign(positive=np.mean([table["p_positive"] for table in tables], axis=0))


def test_the_confused_classes_are_counted_on_the_best_ensemble(finished, ensemble):
    missed = int(((ensemble["target"] == 1) & (ensemble["positive"] < 0.5)).sum())
    alarms = int(((ensemble["target"] == 0) & (ensemble["positive"] >= 0.5)).sum())
    part = section_of(finished.page)
    assert part.strip().startswith(
        f"What to see: the ensemble of hahnet decides {missed + alarms} of 220 test images wrongly; most often"
    )
    counts = {(row[0], row[1]): row[2] for row in rows_under(part, "What to see")}
    assert counts == {("positive", "negative"): str(missed), ("negative", "positive"): str(alarms)}


def test_the_most_confident_mistakes_come_first_and_by_path(finished, ensemble):
    answer = ensemble["positive"] >= 0.5
    confidence = ensemble["positive"].where(answer, 1 - ensemble["positive"])
    wrong = ensemble[answer != (ensemble["target"] == 1)].assign(confidence=confidence)
    expected = wrong.sort_values("confidence", ascending=False, kind="stable").head(10)
    rows = rows_under(section_of(finished.page), "### The most confident mistakes")
    assert [row[0] for row in rows] == list(expected["path"])
    assert [row[3] for row in rows] == [f"{value:.3f}" for value in expected["confidence"]]


def test_a_label_that_was_swapped_is_the_first_to_look_at(multiclass):
    run = load(multiclass.folder)
    key = Key("baseline_cnn", TUNED, TEST)
    changed = dict(run.predictions.by_key)
    sure = np.array([0.997, 0.001, 0.001, 0.001])
    for pair in run.pairs:
        old = run.predictions.of(pair, TUNED, TEST)
        targets, probabilities = old.targets.copy(), old.probabilities.copy()
        targets[7], probabilities[:, 7] = 3, sure
        changed[Key(pair, TUNED, TEST)] = dataclasses.replace(old, targets=targets, probabilities=probabilities)
    run = dataclasses.replace(run, predictions=PredictionSet(changed))
    rows = rows_under(rendered(misclassified, run), "### Labels to look at again")
    assert rows[0] == [str(changed[key].paths[7]), "test", "pituitary (0.001)", "glioma (0.997)"]
    assert len(rows) == 10


def test_the_list_of_labels_says_that_it_corrects_nothing(finished):
    words = section_of(finished.page)
    assert re.search(r"suspects the labels of \d+ of 276 images of val and test", words)
    assert "never a correction" in words


def test_an_architecture_without_mistakes_has_no_table_of_them(make_run):
    run = load(make_run(strengths={"lenet": 60.0}))
    part = rendered(misclassified, run)
    assert "What to see: the ensemble of lenet decides all 220 test images rightly." in part
    assert "most confident mistakes" not in part
    assert "suspects the labels of 0 of 276 images" in part


def test_before_test_nothing_is_said_of_mistakes(make_run):
    run = load(make_run(stage="seeds"))
    assert rendered(misclassified, run) == ""
