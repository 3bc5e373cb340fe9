"""What a study leaves on disk: `results/<run>/`, with one append-only event log as the only truth.

The log (`events.jsonl`) holds one JSON object a line, each with `event` and `time` (seconds since 1970):

    declared       manifest                        what is studied, on which data, with which versions (`study.json`)
    started        trial, pair, kind, number, recipe_name, recipe, seed, origin, audited, micro_batch, fold,
                   evaluation_set
    epoch          trial, epoch, lr, train_*, val_* (loss, accuracy, roc_auc, the objective), seconds,
                   seconds_train, seconds_val
    spared         trial, epoch                    early stopping would end it at this rung, but it always goes on
    attempt_failed trial, kind, reason, traceback, epochs (so far), micro_batch (of the next attempt, which goes on from
                   the last checkpoint)
    paused         trial, epoch                    its slot is for others; it may go on from its last checkpoint
    stopped        trial, reason                   ended by early stopping, or paused for good
    completed      trial, epochs, best_epoch, best_score, best_loss, num_parameters, worker (host and process), and
                   files (path -> SHA-256) of what it keeps
    failed         trial, kind, reason, traceback, epochs; the trial is given up
    test_opened    evaluation_set, hash, num_images, trials
                                                   an evaluation set was scored, once, for all of these seed runs;
                                                   "test" is the study's own test split
    finished                                       all scores are known
    explained      trial, pair, seconds            the maps and times of this pair are known, but not yet written

Logs of earlier versions lack what came later: `fold` is then 0, and the evaluation set is "test".

The trials of the tasks that train nothing are called "test" and "explanations". The latter comes after `finished`, also
when a run of an earlier version is given again; its `completed` event has the hash of `explanations.json`.

Everything else in the folder (`study.json`, `trials.csv`, `epochs.csv`, ...) is derived from it and can be rebuilt, but
for the weights and predictions of the seed runs: those are known by their hashes. What explains the networks is known
by its hash, too, and can be made again as long as the weights are there.
"""

from study.records.explanations import Explanation, Explanations, ImageMap, Pixels, read_explanations
from study.records.folder import (
    RunFolder,
    exclusive,
    find_run,
    known_runs,
    sha256_of,
    write_atomically,
    written_whole,
)
from study.records.log import Event, EventLog, read_events
from study.records.manifest import Manifest
from study.records.objective import Objective
from study.records.predictions import (
    Key,
    Predictions,
    PredictionSet,
    read_predictions,
    require_whole_predictions,
)
from study.records.split_names import SPLITS, TEST, TRAIN, VAL
from study.records.state import (
    COMPLETE,
    DOCUMENT,
    EXPLAIN,
    EXPLANATIONS,
    FAILED,
    PAUSED,
    RUNNING,
    SCORE,
    SEARCH,
    SEED,
    STOPPED,
    TUNED,
    StudyState,
    Trial,
    describe_changes,
    load_run,
    replay,
)
from study.records.trial_ids import search_trial_id, seed_trial_id

__all__ = [
    "COMPLETE",
    "DOCUMENT",
    "EXPLAIN",
    "EXPLANATIONS",
    "FAILED",
    "PAUSED",
    "RUNNING",
    "SCORE",
    "SEARCH",
    "SEED",
    "SPLITS",
    "STOPPED",
    "TEST",
    "TRAIN",
    "TUNED",
    "VAL",
    "Event",
    "EventLog",
    "Explanation",
    "Explanations",
    "ImageMap",
    "Key",
    "Manifest",
    "Objective",
    "Pixels",
    "PredictionSet",
    "Predictions",
    "RunFolder",
    "StudyState",
    "Trial",
    "describe_changes",
    "exclusive",
    "find_run",
    "known_runs",
    "load_run",
    "read_events",
    "read_explanations",
    "read_predictions",
    "replay",
    "require_whole_predictions",
    "search_trial_id",
    "seed_trial_id",
    "sha256_of",
    "write_atomically",
    "written_whole",
]
