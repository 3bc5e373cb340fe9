"""Studies in processes of their own that are killed, frozen and interrupted: nothing is lost, and the user is told."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from study import records
from study.command import DONE, INTERRUPTED
from study.records import RunFolder

ROOT = Path(__file__).parents[1]
Start = Callable[..., subprocess.Popen[str]]

# Each starts Ray anew, some several times; another test's process may have the other core.
pytestmark = pytest.mark.timeout(1800)
# Epochs of a tenth of a second: slow enough to be hit.
STUDY = '''
"""A study that takes a while."""
from ray import tune
from study.spec import Recipe, Study

STUDY = Study(
    title="Slow",
    dataset="brain_tumor_mri",
    image_size=64,
    pairs={"lenet": Recipe(batch_size=4), "four_block_cnn": Recipe(batch_size=4)},
    space={"lr": tune.loguniform(1e-4, 1e-2), "dropout": tune.uniform(0.0, 0.5)},
)
'''


@pytest.fixture(scope="session")
def chaos() -> ModuleType:
    """bench/chaos.py, of which this is the short version."""
    spec = importlib.util.spec_from_file_location("chaos", ROOT / "bench" / "chaos.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its dataclasses look themselves up there.
    sys.modules["chaos"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def arguments(tiny_images: Path, tmp_path: Path) -> list[str]:
    """Of `study.run`, but for the folders of results and reports."""
    study = tmp_path / "slow.py"
    study.write_text(STUDY)
    budget = ["--trials", "6", "--epochs", "9", "--seeds", "1"]
    return [str(study), "--data", str(tiny_images), "--cache", str(tmp_path / "cache"), *budget]


@pytest.mark.parametrize("forget_rungs", [False, True], ids=["", "forgetting the rungs, which must not go unnoticed"])
def test_a_study_that_is_killed_three_times_ends_as_it_should(
    chaos: ModuleType, arguments: list[str], tmp_path: Path, forget_rungs: bool
) -> None:
    kinds = [chaos.RAYLET] if forget_rungs else [chaos.DRIVER, chaos.ACTOR, chaos.RAYLET]
    kills = [chaos.Kill(kind, 12 + 6 * number, 0.05) for number, kind in enumerate(kinds)]
    tormented = chaos.torment(arguments, tmp_path / "run", kills, forget_rungs=forget_rungs, run="slow")
    faults = tormented.faults(num_trials=6)
    if forget_rungs:
        assert any("other rungs" in fault for fault in faults)
    else:
        assert faults == []
        assert [kill.exit_code for kill in tormented.kills] == [-signal.SIGKILL, None, INTERRUPTED]


@pytest.fixture
def start(arguments: list[str], tmp_path: Path) -> Iterator[Start]:
    """Starts `study.run` with further arguments; what of it still runs at the end of the test is killed."""
    started = []

    def started_with(*more: str) -> subprocess.Popen[str]:
        results = tmp_path / "results"
        folders = ["--results", str(results), "--reports", str(results / "reports")]
        process = subprocess.Popen(
            [sys.executable, "-m", "study.run", *arguments, *folders, *more],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"RAY_worker_niceness": "0"},
        )
        started.append(process)
        return process

    yield started_with
    for process in started:
        process.kill()
        process.communicate()


def wait_for_epochs(process: subprocess.Popen[str], folder: RunFolder, num: int) -> None:
    while sum(e["event"] == "epoch" for e in records.read_events(folder.events)) < num:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_interruption_says_what_is_kept_and_how_to_go_on(
    arguments: list[str], start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    folder = RunFolder(tmp_path / "results" / "slow")
    process = start("--fresh")
    wait_for_epochs(process, folder, 8)
    process.send_signal(number)
    _, said = process.communicate(timeout=240)
    assert process.returncode == INTERRUPTED
    state = records.load_run(folder)
    live = [t for t in state.trials.values() if t.state == records.RUNNING]
    for trial in live:
        kept = f"goes on after epoch {len(trial.epochs)}" if trial.epochs else "begins anew"
        assert f"{trial.id} {kept}" in said
    assert f"{len(state.trials) - len(live)} ended trials are kept" in said
    (command,) = [line for line in said.splitlines() if f"python -m study.run {arguments[0]}" in line]
    # With it, what is kept would be deleted.
    assert "--fresh" not in command
    assert "Traceback" not in said
    assert (tmp_path / "results" / "reports" / "slow.md").exists()


def test_ctrl_c_is_answered_in_words_while_libraries_are_imported() -> None:
    program = (
        "import signal, sys\n"
        "class Impatient:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == sys.argv[1]: signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Impatient())\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from study.run import main\n"
        "sys.exit(main(['her2_binary']))"
    )
    for module in ("study.cli.arguments", "pandas", "torch"):
        done = subprocess.run([sys.executable, "-c", program, module], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == INTERRUPTED
        assert done.stderr.splitlines()[-1].startswith("Interrupted; ")
        assert "Traceback" not in done.stderr


def test_sigterm_is_answered_in_words_while_ray_starts(start: Start) -> None:
    process = start()
    assert process.stderr is not None
    said = ""
    while "Starting Ray" not in said:
        said += process.stderr.readline()
    time.sleep(3)
    process.send_signal(signal.SIGTERM)
    said += process.communicate(timeout=120)[1]
    assert process.returncode == INTERRUPTED, said
    assert "nterrupted" in said
    assert "SIGTERM received" not in said
    assert "Traceback" not in said


def test_a_worker_that_is_frozen_is_ended_and_its_trial_goes_on(
    chaos: ModuleType, start: Start, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "results" / "slow")
    process = start("--hang-after", "15")
    wait_for_epochs(process, folder, 12)
    frozen = chaos._ray_processes(process.pid)[chaos.ACTOR][0]
    os.kill(frozen, signal.SIGSTOP)
    _, said = process.communicate(timeout=600)
    assert process.returncode == DONE, said
    state = records.load_run(folder)
    attempts = [(t.id, attempt["kind"]) for t in state.trials.values() for attempt in t.attempts]
    assert [kind for _, kind in attempts] == ["hung"]
    assert f"{attempts[0][0]}: no word from its worker" in said
    assert {t.state for t in state.of_kind(records.SEARCH)} <= {records.COMPLETE, records.STOPPED}
