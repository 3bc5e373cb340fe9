import dataclasses
import re

from study.evaluation.intervals import Interval
from study.report.core.analysis import analyse
from study.report.core.study_run import load
from study.report.overview.summary import question, verdict


def test_the_question_and_a_verdict_of_two_sentences_come_before_the_rest(finished, multiclass):
    blocks = finished.page.split("\n\n")
    assert blocks[1] == (
        '*Question.* Which of lenet, alexnet and hahnet best tells "negative" from "positive", on images that it has '
        "not seen?"
    )
    assert blocks[2].startswith("*Verdict.* hahnet ranks the images best")
    assert len(re.findall(r"\.( |$)", blocks[2])) == 2
    assert all(line.startswith("- ") for line in blocks[3].splitlines())
    assert 'best tells "glioma", "meningioma", "no_tumor" and "pituitary" apart, on' in multiclass.page


def test_decisions_that_are_worth_nothing_stand_in_the_verdict_and_a_fall_from_val_to_test_otherwise(make_run):
    run = load(make_run())
    analysis = analyse(run)
    fall = "Val promises more than test holds: from val to test the ROC-AUC falls by 0.200 for hahnet."
    fallen = dataclasses.replace(
        analysis,
        shifts={"hahnet": Interval(0.2, 0.1, 0.3)},
        advantages=dict.fromkeys(run.pairs, Interval(0.1, 0.05, 0.15)),
    )
    assert verdict(run, fallen).splitlines()[0].endswith(fall)
    assert "\n- Every architecture is more accurate than always answering" in verdict(run, fallen)
    useless = dataclasses.replace(fallen, advantages=fallen.advantages | {"hahnet": Interval(0.0, -0.1, 0.1)})
    assert (
        'hahnet is not distinguishable in accuracy from always answering "positive"'
        in (verdict(run, useless).splitlines()[0])
    )
    assert f"- {fall}\n" in verdict(run, useless)


def test_a_study_of_one_network_asks_how_well_it_does(make_run):
    run = load(make_run(stage="declared", strengths={"lenet": 1.0}))
    assert question(run) == (
        '*Question.* How well does lenet tell "negative" from "positive", on images that it has not seen?'
    )
