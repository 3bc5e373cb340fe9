"""In which order a session writes, where machines share no folder."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from study import records
from study.execution.run_keeper import RunKeeper
from study.records import EventLog, RunFolder
from study.records.run_files import LogMirror, RunFiles

TRIAL = {"trial": "lenet-search0", "pair": "lenet", "kind": records.SEED, "number": 0, "recipe_name": "document"}


class WatchedFiles(RunFiles):
    """Remembers what of the log was stored when a folder was removed."""

    def drop_folder(self, name: str) -> None:
        assert self.storage is not None
        self.removed = (name, b"".join(self.storage.read(piece) for piece in self.storage.sizes("events")))
        super().drop_folder(name)


def test_checkpoints_leave_the_storage_after_the_word_that_their_trial_has_ended(tmp_path: Path) -> None:
    files = WatchedFiles(RunFolder(tmp_path / "run"), str(tmp_path / "storage"))
    log = EventLog(files.folder.events)
    state = records.replay([log.append("started", recipe={}, seed=1, **TRIAL)])
    plan: Any = SimpleNamespace(files=files, folder=files.folder)
    with LogMirror(files) as mirror:
        ended = log.append("completed", trial=TRIAL["trial"], epochs=1, best_epoch=1, best_score=1.0, best_loss=0.1)
        state.apply(ended)
        RunKeeper(plan, mirror).after_end(state.trials[TRIAL["trial"]])
    log.close()
    name, stored = files.removed
    assert name == "checkpoints/lenet-search0"
    assert stored == files.folder.events.read_bytes()
