"""Seed runs of a finished study are scored on images that are none of the study's own."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from study import records
from study.cli.study_selection import find_study
from study.execution.task import ScoreTask
from study.execution.worker.scoring import score
from study.planning.evaluation_set import EvaluationSet
from study.planning.make_plan import make_plan
from study.planning.options import Options
from study.planning.plan import Plan
from study.planning.resources import Slots
from study.planning.workload import Running
from study.records import COMPLETE, SEED, TEST, TUNED, RunFolder
from study.records.ledger import Ledger
from study.report import draw_report


@pytest.fixture
def plan(finished_run: Path, tiny_images: Path, tiny_study: Path, tmp_path: Path) -> Plan:
    """Of a copy of a finished run."""
    shutil.copytree(finished_run / "tiny", tmp_path / "tiny")
    options = Options(
        data=tiny_images, results=tmp_path, cache=tmp_path / "cache", ledger=tmp_path / "test-openings.jsonl",
        trials=5, epochs=4, seeds=2, groups="duplicates",
    )  # fmt: skip
    return make_plan("tiny", find_study(str(tiny_study)), options)


@pytest.fixture
def elsewhere(plan: Plan, tmp_path: Path) -> EvaluationSet:
    """The pictures of the study's test split in another order and under other names, in a pixel array of their own."""
    test = plan.evaluation_set(TEST).samples
    shuffled = test.sample(frac=1, random_state=0)
    pixels = tmp_path / "elsewhere.npy"
    np.save(pixels, np.load(plan.store.path)[shuffled["row"]])
    samples = shuffled[["group", "target", "sha256"]].assign(
        path=[f"ward/{path}" for path in shuffled["path"]], row=range(len(shuffled))
    )
    return EvaluationSet(name="elsewhere", samples=samples, pixels=dict.fromkeys(plan.manifest.pairs, pixels))


def scored(plan: Plan, evaluation_set: EvaluationSet) -> list[dict[str, Any]]:
    """Scores all finished seed runs and records it, as a controller would; what the worker reports."""
    state = records.load_run(plan.folder)
    seed_runs = {t.id: (t.pair, t.recipe) for t in state.of_kind(SEED) if t.state == COMPLETE}
    task = ScoreTask(
        run=plan.run, id=f"score-{evaluation_set.name}", seed=0, evaluation_set=evaluation_set.name, seed_runs=seed_runs
    )
    reports: list[dict[str, Any]] = []
    workload = plan.workload(Slots(num=1, cpus=1, gpus=0), Running())
    score(task, evaluation_set, workload, reports.append, beat=lambda: None)
    log = records.EventLog(plan.folder.events)
    log.append("started", **task.record())
    for report in reports:
        log.append(report["event"], trial=task.id, **{name: each for name, each in report.items() if name != "event"})
    log.close()
    return reports


def test_what_seed_runs_answer_to_another_evaluation_set_is_kept_beside_their_other_predictions(
    plan: Plan, elsewhere: EvaluationSet
) -> None:
    opened, completed = scored(plan, elsewhere)
    trials = {trial.id for trial in records.load_run(plan.folder).of_kind(SEED)}
    assert {name: opened[name] for name in ("event", "evaluation_set", "hash", "num_images", "trials")} == opened
    assert (opened["evaluation_set"], opened["num_images"]) == ("elsewhere", len(elsewhere))
    assert opened["trials"] == sorted(trials)
    assert set(completed["files"]) == {f"predictions/{trial}-elsewhere.csv" for trial in trials}
    for trial in trials:
        # The same pictures: the same answers.
        known = pd.read_csv(plan.folder.predictions(trial, TEST)).set_index("path")
        found = pd.read_csv(plan.folder.predictions(trial, "elsewhere")).set_index("path")
        assert set(found["split"]) == {"elsewhere"}
        assert list(found.index) == list(elsewhere.samples["path"])
        found.index = found.index.str.removeprefix("ward/")
        pd.testing.assert_frame_equal(found.drop(columns="split"), known.drop(columns="split").loc[found.index])


def test_the_records_then_hold_both_and_the_report_of_the_study_is_what_it_was(
    plan: Plan, elsewhere: EvaluationSet, tmp_path: Path
) -> None:
    page = draw_report(plan.folder, tmp_path / "before").with_suffix(".md").read_text()
    scored(plan, elsewhere)
    state = records.load_run(plan.folder)
    assert list(state.opened) == [TEST, "elsewhere"]
    assert state.test_opened["num_images"] == len(plan.evaluation_set(TEST))
    predictions = records.read_predictions(plan.folder, state)
    records.require_whole_predictions(plan.folder, state)
    both = [predictions.by_architecture(TUNED, name) for name in (TEST, "elsewhere")]
    assert list(both[0]) == list(both[1]) == list(state.manifest.pairs)
    assert draw_report(plan.folder, tmp_path / "after").with_suffix(".md").read_text() == page


def test_images_that_were_looked_at_before_are_not_new_under_another_name_but_with_other_labels(
    plan: Plan, elsewhere: EvaluationSet
) -> None:
    assert plan.manifest.test_hash == plan.evaluation_set(TEST).hash == elsewhere.hash
    others = elsewhere.samples.assign(target=np.roll(elsewhere.samples["target"], 1))
    assert EvaluationSet(name=TEST, samples=others, pixels=elsewhere.pixels).hash != elsewhere.hash


def test_the_opening_of_the_own_test_split_is_in_the_log_and_in_the_ledger_by_one_hash(
    finished_run: Path, plan: Plan
) -> None:
    opened = records.load_run(RunFolder(finished_run / "tiny")).test_opened
    own = plan.evaluation_set(TEST)
    assert (opened["evaluation_set"], opened["hash"], opened["num_images"]) == (TEST, own.hash, len(own))
    (opening,) = Ledger(finished_run / "test-openings.jsonl").openings(own.hash)
    assert (opening.run, opening.num_images, opening.num_networks) == ("tiny", len(own), len(opened["trials"]))
