"""Trials and predictions of an outer cross-validation's folds, and of the logs that knew none."""

from pathlib import Path
from typing import Any

import pytest
from manifests import manifest_json, pair_json

from study import records
from study.records import DOCUMENT, SEARCH, SEED, TEST, TUNED, VAL, EventLog, Key, RunFolder
from study.records.tables import trials_table


def started(trial: str, kind: str, number: int, fold: int | None, *, recipe_name: str = SEARCH) -> dict[str, Any]:
    """A `started` event; one of an earlier version where no fold is given."""
    event = {
        "trial": trial,
        "pair": "lenet",
        "kind": kind,
        "number": number,
        "recipe_name": recipe_name,
        "seed": number,
    }
    return event | {"recipe": {"lr": 0.1 + number}} | ({} if fold is None else {"fold": fold})


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Of a run in which fold 0 is as an earlier version wrote it: trial 1 wins in fold 0, and trial 0 in fold 1."""
    found = RunFolder(tmp_path / "run")
    log = EventLog(found.events)
    log.append("declared", manifest=manifest_json(pairs={"lenet": pair_json()}))
    for fold, scores in ((1, (0.9, 0.6)), (None, (0.7, 0.8))):
        for number, score in enumerate(scores):
            trial = records.search_trial_id("lenet", number, fold or 0)
            log.append("started", **started(trial, SEARCH, number, fold))
            log.append("epoch", trial=trial, epoch=1, val_roc_auc=score, seconds=1.0)
            log.append("completed", trial=trial, epochs=1, best_score=score, best_loss=0.5)
    for recipe_name, fold in ((DOCUMENT, 1), (DOCUMENT, None), (TUNED, None)):
        trial = records.seed_trial_id("lenet", recipe_name, 0, fold or 0)
        log.append("started", **started(trial, SEED, 0, fold, recipe_name=recipe_name))
        log.append("completed", trial=trial, epochs=1)
    log.close()
    return found


def keep_answers(folder: RunFolder, trial: str, split: str, positive: float) -> None:
    path = folder.predictions(trial, split)
    path.parent.mkdir(exist_ok=True)
    classes = records.load_run(folder).manifest.dataset.classes
    others = (1 - positive) / (len(classes) - 1)
    columns = ",".join(f"p_{name}" for name in classes)
    values = ",".join([*[f"{others}"] * (len(classes) - 1), f"{positive}"])
    path.write_text(f"path,group,split,target,{columns}\na.png,a,{split},0,{values}\n")


def ids(trials: list[records.Trial]) -> list[str]:
    return [trial.id for trial in trials]


def test_the_ids_of_fold_0_are_those_that_trials_have_always_had_and_other_folds_have_their_own() -> None:
    assert records.search_trial_id("lenet", 3) == "lenet-search3"
    assert records.seed_trial_id("lenet", TUNED, 2) == "lenet-tuned-seed2"
    assert records.search_trial_id("lenet", 3, fold=1) == "lenet-fold1-search3"
    assert records.seed_trial_id("lenet", TUNED, 2, fold=1) == "lenet-fold1-tuned-seed2"


def test_a_trial_is_of_the_fold_that_the_log_says_and_of_fold_0_in_logs_that_knew_none(folder: RunFolder) -> None:
    state = records.load_run(folder)
    assert state.folds == (0, 1)
    assert ids(state.of_kind(SEARCH, "lenet", fold=0)) == ["lenet-search0", "lenet-search1"]
    assert ids(state.of_kind(SEARCH, "lenet", fold=1)) == ["lenet-fold1-search0", "lenet-fold1-search1"]
    assert ids(state.of_kind(SEARCH, "lenet")) == [
        "lenet-search0", "lenet-search1", "lenet-fold1-search0", "lenet-fold1-search1",
    ]  # fmt: skip


def test_each_fold_has_a_finalist_of_its_own(folder: RunFolder) -> None:
    state = records.load_run(folder)
    finalists = [state.finalist("lenet"), state.finalist("lenet", fold=1)]
    assert [trial.id for trial in finalists if trial] == ["lenet-search1", "lenet-fold1-search0"]
    assert ids(state.seed_runs("lenet", TUNED)) == ["lenet-tuned-seed0"]
    # There the document's recipe won.
    assert ids(state.seed_runs("lenet", TUNED, fold=1)) == ["lenet-fold1-document-seed0"]


def test_the_table_of_trials_has_a_column_for_the_fold_where_there_is_more_than_one(folder: RunFolder) -> None:
    table = trials_table(records.load_run(folder), SEARCH)
    assert list(table["fold"]) == [0, 0, 1, 1]
    assert list(table["number"]) == [0, 1, 0, 1]
    events = [each for each in records.read_events(folder.events) if "fold1" not in each.get("trial", "")]
    assert "fold" not in trials_table(records.replay(events), SEARCH)


def test_predictions_are_found_by_architecture_recipe_split_and_fold(folder: RunFolder) -> None:
    keep_answers(folder, "lenet-document-seed0", VAL, 0.2)
    keep_answers(folder, "lenet-tuned-seed0", VAL, 0.4)
    keep_answers(folder, "lenet-fold1-document-seed0", VAL, 0.8)
    found = records.read_predictions(folder, records.load_run(folder))
    assert list(found.by_key) == [
        Key("lenet", TUNED, VAL), Key("lenet", TUNED, VAL, fold=1),
        Key("lenet", DOCUMENT, VAL), Key("lenet", DOCUMENT, VAL, fold=1),
    ]  # fmt: skip
    assert found.of("lenet", TUNED, VAL).probabilities[0, 0, -1] == 0.4
    assert found.of("lenet", TUNED, VAL, fold=1).probabilities[0, 0, -1] == 0.8
    assert list(found.by_architecture(DOCUMENT, VAL)) == ["lenet"]
    assert found.by_architecture(DOCUMENT, VAL)["lenet"].probabilities[0, 0, -1] == 0.2
    assert found.get("lenet", TUNED, TEST) is None
    assert found.get("lenet", TUNED, VAL, fold=2) is None
    with pytest.raises(KeyError):
        found.of("lenet", TUNED, TEST)


def test_predictions_of_an_evaluation_set_count_once_the_log_says_that_it_was_opened(folder: RunFolder) -> None:
    for name in (TEST, "elsewhere"):
        keep_answers(folder, "lenet-tuned-seed0", name, 0.4)
    log = EventLog(folder.events)
    log.append("test_opened", evaluation_set="elsewhere", hash="a" * 64, num_images=1, trials=["lenet-tuned-seed0"])
    state = records.load_run(folder)
    assert not state.test_opened
    assert list(records.read_predictions(folder, state).by_key) == [Key("lenet", TUNED, "elsewhere")]
    # As earlier versions wrote it.
    log.append("test_opened", num_images=1, trials=["lenet-tuned-seed0"])
    log.close()
    state = records.load_run(folder)
    assert state.test_opened["num_images"] == 1
    assert [key.split for key in records.read_predictions(folder, state).by_key] == ["elsewhere", TEST]
