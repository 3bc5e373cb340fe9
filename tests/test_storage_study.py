"""A study on a storage of S3, whose driver dies with its disk."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from study import records
from study.command import DONE
from study.records import RunFolder
from study.records.storage import Storage

ROOT = Path(__file__).parents[1]
NUM_SLOTS = 2
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Two folders for temporary files; names of sockets are in there, and have to be short."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for number in ("1", "2"):
            (Path(folder) / number).mkdir()
        yield Path(folder)


def test_a_study_goes_on_from_its_storage_after_the_driver_died_with_its_disk(
    bucket: str, tiny_images: Path, tiny_study: Path, tmp_path: Path, scratch: Path
) -> None:
    images = Storage(bucket).within("images")
    for path in tiny_images.rglob("*.*"):
        images.put(path, path.relative_to(tiny_images).as_posix())

    def start(number: int) -> tuple[subprocess.Popen[str], RunFolder]:
        machine = tmp_path / f"machine{number}"
        machine.mkdir()
        budget = ["--slots", str(NUM_SLOTS), "--trials", "4", "--epochs", "6", "--seeds", "1", "--image-size", "64"]
        folders = ["--results", f"{machine}/results", "--reports", f"{machine}/reports", "--cache", f"{machine}/cache"]
        command = [sys.executable, "-m", "study.run", str(tiny_study), "--data", images.uri]
        command += [*budget, *folders, "--ledger", f"{machine}/ledger.jsonl", "--storage", bucket]
        # What trial actors keep on their machine's disk is lost with it, too.
        environment = os.environ | {"RAY_worker_niceness": "0", "TMPDIR": str(scratch / str(number))}
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=environment)
        return process, RunFolder(machine / "results" / "tiny")

    storage = Storage(bucket).within("tiny")
    first, folder = start(1)
    deadline = time.monotonic() + 240
    while sum(e["event"] == "epoch" for e in records.read_events(folder.events)) < 14:
        assert first.poll() is None, first.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # The log reaches the storage within seconds.
    time.sleep(3)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert first.stderr is not None
    first.stderr.close()
    before = b"".join(storage.read(name) for name in storage.sizes("events"))
    assert before.count(b'"epoch"') >= 14
    shutil.rmtree(tmp_path / "machine1")
    shutil.rmtree(scratch / "1")

    second, folder = start(2)
    _, said = second.communicate(timeout=400)
    assert second.returncode == DONE, said
    assert folder.events.read_bytes().startswith(before)
    state = records.load_run(folder)
    assert state.finished
    assert len(state.of_kind(records.SEARCH)) == 8
    for trial in state.of_kind(records.SEARCH):
        epochs = [event["epoch"] for event in trial.epochs]
        assert epochs == list(range(1, len(epochs) + 1))
    # Trials that were in flight went on from their checkpoints: of each, the epoch whose checkpoint was not yet there
    # was trained again, and no other one. In the seconds that the stored log is behind, more epochs are trained than
    # there are checkpoints; what it lacks of them stands in the newest one.
    epochs_logged = [(e["trial"], e["epoch"]) for e in records.read_events(folder.events) if e["event"] == "epoch"]
    repeated = [trial for (trial, _), num in Counter(epochs_logged).items() if num > 1]
    assert len(repeated) == len(set(repeated)) <= NUM_SLOTS
    for trial in state.trials.values():
        assert folder.damaged(trial.result.get("files", {})) == []
    # All of it is in the storage, and no checkpoint is left there.
    assert b"".join(storage.read(name) for name in storage.sizes("events")) == folder.events.read_bytes()
    assert "study.json" in storage.sizes()
    assert storage.within("checkpoints").sizes() == {}
    # Nor on the machine of the trials, also of those that were stopped early.
    assert list((scratch / "2").glob("medical-image-study-*/tiny-*"))
    assert list((scratch / "2").rglob("epoch-*.pt")) == []
    assert "Which of" in (tmp_path / "machine2" / "reports" / "tiny.md").read_text()
