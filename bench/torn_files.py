"""Cuts every kind of file of a results folder at random places: does a study go on rightly, or say what is wrong?

    uv run python bench/torn_files.py [--cuts 20] [--case WORDS]...

Draws brain slices, runs a small study to its end and another one until it is killed, on one slot, so that the same
trials
must come out of every resume. Then copies a folder, cuts one kind of file, and gives the same command again. It must
either end with the same trials and predictions as the undisturbed study, or exit with code 2 and one message; anything
else is a fault.
"""

import argparse
import contextlib
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from study import records, run
from study.command import DONE, USER_ERROR
from study.datasets.synthetic import brain_mri
from study.execution.ray_backend import environment

environment.apply()

from study.execution.ray_backend.cluster import ray_session  # noqa: E402  (Ray reads its environment when it is imported)

_CLASS_FOLDERS = ("glioma_tumor", "meningioma_tumor", "no_tumor", "pituitary_tumor")
_STUDY = """
from ray import tune
from study.spec import Recipe, Study

STUDY = Study(
    title="Torn",
    dataset="brain_tumor_mri",
    image_size=16,
    pairs={"lenet": Recipe(batch_size=8), "four_block_cnn": Recipe(batch_size=8, dropout=0.1)},
    space={"lr": tune.loguniform(1e-4, 1e-2), "dropout": tune.uniform(0.0, 0.5)},
)
"""
_DERIVED = ("study.json", "trials.csv", "seed_runs.csv", "epochs.csv", "splits.csv", "optuna.journal")
Files = Callable[[Path], list[Path]]


@dataclass(frozen=True)
class Case:
    """One kind of file, in a finished or in a killed study."""

    name: str
    finished: bool
    files: Files


def _all(pattern: str) -> Files:
    return lambda folder: sorted(folder.glob(pattern))


CASES = (
    Case("events.jsonl, killed", False, _all("events.jsonl")),
    Case("events.jsonl, finished", True, _all("events.jsonl")),
    Case("newest checkpoint, killed", False, lambda folder: sorted(folder.glob("checkpoints/*/*.pt"))[-1:]),
    Case("all checkpoints, killed", False, _all("checkpoints/*/*.pt")),
    Case("all derived files, killed", False, lambda folder: [folder / name for name in _DERIVED]),
    Case("all derived files, finished", True, lambda folder: [folder / name for name in _DERIVED]),
    Case("weights, before the test", False, _all("weights/*.pt")),
    Case("weights, finished", True, _all("weights/*.pt")),
    Case("predictions, before the test", False, _all("predictions/*.csv")),
    Case("predictions, finished", True, _all("predictions/*.csv")),
    Case("explanations.json, finished", True, _all("explanations.json")),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", action="append", default=[], metavar="WORDS", help="only kinds with these words")
    options = parser.parse_args()
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name))
        bench.prepare()
        print("| cut | same as undisturbed | message, exit code 2 | faults |\n|---|---:|---:|---:|")
        generator = random.Random(options.seed)
        with ray_session():
            for case in (c for c in CASES if not options.case or any(words in c.name for words in options.case)):
                found = [bench.try_cut(case, generator) for _ in range(options.cuts)]
                counts = Counter("fault" if each.startswith("FAULT") else each.partition(":")[0] for each in found)
                print(f"| {case.name} | {counts['same']} | {counts['message']} | {counts['fault']} |", flush=True)
                faults += [f"{case.name}: {each}" for each in found if each.startswith("FAULT")]
    print("\n".join(sorted(set(faults))))
    return 1 if faults else 0


class Bench:
    """The studies that are cut, and the command that goes on with them."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.study = scratch / "torn.py"
        self.finished, self.killed, self.untested = (scratch / n / "torn" for n in ("finished", "killed", "untested"))

    def arguments(self, results: Path) -> list[str]:
        """Of the command, for these results."""
        arguments = [str(self.study), "--data", str(self.scratch / "mri"), "--cache", str(self.scratch / "cache")]
        arguments += ["--trials", "5", "--epochs", "6", "--seeds", "2", "--cpus-per-trial", "2"]
        arguments += ["--ledger", str(results / "test-openings.jsonl")]
        return [*arguments, "--results", str(results), "--reports", str(results / "reports")]

    def prepare(self) -> None:
        """Runs the study to its end, and twice until it is killed: in the search, and before the test."""
        self.study.write_text(_STUDY)
        counts = {"Training": dict.fromkeys(_CLASS_FOLDERS, 12), "Testing": dict.fromkeys(_CLASS_FOLDERS, 5)}
        brain_mri.draw_brain_tumor_mri(self.scratch / "mri", counts=counts, seed=3, size_px=48)
        self._run(self.finished.parent, until=None)
        self._run(self.killed.parent, until=20)
        shutil.copytree(self.finished, self.untested)
        log = records.RunFolder(self.untested).events
        lines = log.read_bytes().splitlines(keepends=True)
        test = next(i for i, line in enumerate(lines) if b'"trial": "test"' in line)
        log.write_bytes(b"".join(lines[:test]))

    def _run(self, results: Path, until: int | None) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "study.run", *self.arguments(results)], stderr=subprocess.DEVNULL
        )
        log = records.RunFolder(results / "torn").events
        while process.poll() is None:
            time.sleep(0.02)
            epochs = [e for e in records.read_events(log) if e["event"] == "epoch"]
            if until is not None and len(epochs) >= until and list(log.parent.glob("checkpoints/*/*.pt")):
                process.send_signal(signal.SIGKILL)
        process.wait()

    def try_cut(self, case: Case, generator: random.Random) -> str:
        """Cuts files of a copy and gives the command: "same", "message: ..." or "FAULT: ..."."""
        copy = self.scratch / "copy" / "torn"
        shutil.rmtree(copy.parent, ignore_errors=True)
        source = self.finished if case.finished else self.killed
        shutil.copytree(self.untested if "before the test" in case.name else source, copy)
        files = [path for path in case.files(copy) if path.exists()]
        if not files:
            return "FAULT: there was nothing to cut"
        for path in files if "all " in case.name else [generator.choice(files)]:
            os.truncate(path, generator.randrange(path.stat().st_size))
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            code = run.main(self.arguments(copy.parent))
        if code == USER_ERROR:
            message = said.getvalue().strip().splitlines()[-1]
            return f"message: {message}" if "Traceback" not in said.getvalue() else f"FAULT: {said.getvalue()[-300:]}"
        if code != DONE:
            return f"FAULT: exit code {code}: {said.getvalue()[-300:]}"
        return self._compare(copy)

    def _compare(self, copy: Path) -> str:
        for name in ("trials.csv", "seed_runs.csv"):
            one, other = (pd.read_csv(folder / name).drop(columns="seconds") for folder in (self.finished, copy))
            if not one.equals(other):
                return f"FAULT: {name} differs: {_difference(one, other)}"
        for name in ("study.json", "splits.csv"):
            if not (copy / name).exists():
                return f"FAULT: there is no {name}"
        if (copy / "splits.csv").read_bytes() != (self.finished / "splits.csv").read_bytes():
            return "FAULT: splits.csv differs"
        for path in (self.finished / "predictions").glob("*.csv"):
            if path.read_bytes() != (copy / "predictions" / path.name).read_bytes():
                return f"FAULT: {path.name} differs"
        return "same"


def _difference(one: pd.DataFrame, other: pd.DataFrame) -> str:
    if one.shape != other.shape or list(one.columns) != list(other.columns):
        return f"{one.shape} rows and columns against {other.shape}"
    return str(one.compare(other).to_dict("index"))


if __name__ == "__main__":
    sys.exit(main())
