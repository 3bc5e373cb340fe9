"""Kills a study again and again, and looks at what is left: is anything lost, repeated or decided differently?

    uv run python bench/chaos.py --data ../shared/data/brain_tumor_mri [--kills 30] [--forget-rungs]

Runs a search of two networks on a holdout of the Training images (`bench/holdout.py`), once undisturbed to learn how
many epochs it takes, then with `kill -9` of the driver, of a trial actor or of Ray's own raylet, at moments drawn
uniformly over those epochs. A killed driver, and one whose raylet was killed, is started again with the same command.
Then:

- every event that was in the log at a kill is still there, so no trial that had ended is lost;
- each pair has exactly its trials, and none failed;
- the rungs that a new driver starts with are those that the log tells of, counted here by other code; every trial that
  was stopped was not among the best third of those before it at its rung, and every other one was;
- a trial that was live at a kill repeats no more than its last epoch;
- there are never more than two checkpoints of a trial, and none of a trial that has ended;
- the study is finished, and nothing is missing in its report.

With `--forget-rungs` the drivers start with empty rungs, as Ray Tune's own restore does: the bench must then fail.
"""

import argparse
import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from study import records

DRIVER, ACTOR, RAYLET = "driver", "trial actor", "raylet"
KINDS = (DRIVER, ACTOR, RAYLET)
_RESTARTED = (DRIVER, RAYLET)
_ENDS = ("stopped", "completed", "failed")


@dataclass
class Kill:
    """One kill, and what came of it.

    Attributes:
        kind: what is killed.
        after_epochs: of the whole search; the kill comes once so many are in the log.
        delay_s: further wait, so that kills fall anywhere within an epoch.
        live: trials that were in flight.
        ended: trials that had ended.
        exit_code: of the driver; None where it went on.
        back_s: from the kill to the next epoch in the log.
        log: its content at the kill.
        faults: what was found wrong in the folder.
    """

    kind: str
    after_epochs: float
    delay_s: float
    live: list[str] = field(default_factory=list)
    ended: int = 0
    exit_code: int | None = None
    back_s: float = float("nan")
    log: bytes = b""
    faults: list[str] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--expect", type=int, metavar="EPOCHS", help="of the search; without it, one runs undisturbed")
    parser.add_argument("--forget-rungs", action="store_true")
    options = parser.parse_args()
    from holdout import make_holdout

    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        data = make_holdout(options.data, scratch / "data")
        arguments = ["brain_tumor", "--data", str(data), "--cache", str(scratch / "cache"), "--image-size", "32"]
        arguments += ["--architecture", "baseline_cnn", "--architecture", "four_block_cnn"]
        arguments += ["--trials", str(options.trials), "--epochs", str(options.epochs), "--seeds", "1"]
        if options.expect is None:
            print("undisturbed ...", flush=True)
            whole = torment(arguments, scratch / "whole", [])
            print(best_scores(whole.folder))
        num_epochs = options.expect or len(searched_epochs(whole.folder))
        kills = draw_kills(options.kills, num_epochs, random.Random(options.seed))
        print(f"{num_epochs} epochs of search; now with {len(kills)} kills ...", flush=True)
        tormented = torment(arguments, scratch / "tormented", kills, forget_rungs=options.forget_rungs)
        faults = tormented.faults(options.trials)
        print(table(tormented))
        print(best_scores(tormented.folder))
    print("\n".join(f"FAULT: {fault}" for fault in faults) or "No fault was found.")
    return 1 if faults else 0


def best_scores(folder: records.RunFolder) -> str:
    """The finalists' val ROC-AUC."""
    state = records.load_run(folder)
    finalists = {pair: state.finalist(pair) for pair in state.manifest.pairs}
    return ", ".join(f"{pair} {trial.best_score:.4f}" for pair, trial in finalists.items() if trial is not None)


def draw_kills(num: int, num_epochs: int, generator: random.Random) -> list[Kill]:
    """Kills of each kind in turn, uniform over the epochs of a search (but its last tenth, which may not come)."""
    moments = sorted(generator.uniform(0, 0.9 * num_epochs) for _ in range(num))
    kinds = [KINDS[i % len(KINDS)] for i in range(num)]
    generator.shuffle(kinds)
    return [Kill(kind, moment, generator.uniform(0, 0.5)) for kind, moment in zip(kinds, moments, strict=True)]


@dataclass
class Tormented:
    """A study that was killed and went on.

    Attributes:
        folder: its records.
        kills: in the order in which they came.
        rungs: for each start of a driver: the log's length in bytes, and the rungs that it began with.
    """

    folder: records.RunFolder
    reports: Path
    kills: list[Kill]
    rungs: list[tuple[int, dict[str, Any]]]

    def faults(self, num_trials: int) -> list[str]:
        """What is not as it should be; empty if all is well."""
        content = self.folder.events.read_bytes()
        state = records.load_run(self.folder)
        found = [f"{kill.kind}: {fault}" for kill in self.kills for fault in kill.faults]
        found += [f"{k.kind}: the log is not what it was" for k in self.kills if not content.startswith(k.log)]
        for pair in state.manifest.pairs:
            states = [t.state for t in state.of_kind(records.SEARCH, pair)]
            if len(states) != num_trials or records.FAILED in states or records.RUNNING in states:
                found.append(f"{pair}: {len(states)} trials instead of {num_trials}, {sorted(set(states))}")
        for size, rungs in self.rungs:
            expected = rungs_of(content[:size], state.manifest)
            if rungs != expected:
                found.append(f"a driver began with other rungs than the log tells of: {rungs} instead of {expected}")
        found += wrong_decisions(list(records.read_events(self.folder.events)), state.manifest)
        found += [f"{trial}: {num} epochs repeated at once" for trial, num in redone(self.folder) if num > 1]
        found += self._report_faults(state)
        return found

    def _report_faults(self, state: records.StudyState) -> list[str]:
        if not state.finished:
            return ["the study is not finished"]
        run = self.folder.root.name
        with (self.reports / run / "results.csv").open() as file:
            rows = {(row["architecture"], row["recipe"], row["split"]) for row in csv.DictReader(file)}
        missing = {(pair, "tuned", "test") for pair in state.manifest.pairs} - rows
        says = "What is missing" in (self.reports / f"{run}.md").read_text()
        return ["the report is not complete"] if missing or says else []


def torment(
    arguments: list[str], scratch: Path, kills: list[Kill], *, forget_rungs: bool = False, run: str = "brain_tumor"
) -> Tormented:
    """Runs a study to its end, with these kills on its way."""
    folder, reports = records.RunFolder(scratch / "results" / run), scratch / "reports"
    rungs_file = scratch / "rungs.jsonl"
    command = [sys.executable, __file__, "drive", str(rungs_file), str(int(forget_rungs))]
    command += [*arguments, "--results", str(scratch / "results"), "--reports", str(reports)]
    command += ["--ledger", str(scratch / "test-openings.jsonl")]
    scratch.mkdir(parents=True, exist_ok=True)
    waiting, done = list(kills), []
    with (scratch / "driver.txt").open("w") as output:
        process = _start(command, output)
        while process.poll() is None:
            time.sleep(0.05)
            if done and done[-1].back_s != done[-1].back_s:
                _see_whether_it_is_back(folder, done[-1])
            elif waiting and _is_due(folder, waiting[0]):
                kill = waiting.pop(0)
                if not _carry_out(kill, process, folder):
                    waiting.insert(0, kill)
                    continue
                done.append(kill)
                if kill.kind in _RESTARTED:
                    kill.exit_code = process.wait(timeout=120)
                    process = _start(command, output)
    if process.returncode != 0:
        raise SystemExit(f"the driver ended with {process.returncode}: {(scratch / 'driver.txt').read_text()[-2000:]}")
    if waiting:
        raise SystemExit(f"{len(waiting)} kills could not be carried out before the search ended")
    rungs = [json.loads(line) for line in rungs_file.read_text().splitlines()]
    return Tormented(folder, reports, done, [(each["size"], each["rungs"]) for each in rungs])


def _start(command: list[str], output: Any) -> subprocess.Popen[bytes]:
    # Ray gives its workers a lower priority than the driver's; on a busy machine they would starve.
    environment = os.environ | {"RAY_worker_niceness": "0"}
    return subprocess.Popen(command, stdout=output, stderr=output, env=environment)


def searched_epochs(folder: records.RunFolder) -> set[tuple[str, int]]:
    """Trial and number of each epoch of the search."""
    return {
        (e["trial"], e["epoch"])
        for e in records.read_events(folder.events)
        if e["event"] == "epoch" and "search" in e["trial"]
    }


def _is_due(folder: records.RunFolder, kill: Kill) -> bool:
    return len(searched_epochs(folder)) >= kill.after_epochs


def _see_whether_it_is_back(folder: records.RunFolder, kill: Kill) -> None:
    whole = folder.events.read_bytes()[len(kill.log) :]
    times = [json.loads(line)["time"] for line in whole.split(b"\n")[:-1] if b'"event": "epoch"' in line]
    if times:
        kill.back_s = times[0] - kill.delay_s


def _carry_out(kill: Kill, process: subprocess.Popen[bytes], folder: records.RunFolder) -> bool:
    """Kills, unless there is nothing to kill at the moment."""
    time.sleep(kill.delay_s)
    victims = {DRIVER: [process.pid], ACTOR: [], RAYLET: []} | _ray_processes(process.pid)
    state = records.replay(records.read_events(folder.events))
    kill.live = sorted(t.id for t in state.trials.values() if t.state == records.RUNNING)
    if process.poll() is not None or not victims[kill.kind] or not kill.live:
        return False
    os.kill(victims[kill.kind][int(kill.delay_s * 1000) % len(victims[kill.kind])], signal.SIGKILL)
    # From here on `delay_s` holds the moment of the kill, which `back_s` is counted from.
    kill.delay_s = time.time()
    if kill.kind in _RESTARTED:
        process.wait(timeout=120)
    content = folder.events.read_bytes()
    kill.log = content[: content.rfind(b"\n") + 1]
    kill.ended = sum(t.state != records.RUNNING for t in state.trials.values())
    kill.faults = _checkpoint_faults(folder)
    return True


def _checkpoint_faults(folder: records.RunFolder) -> list[str]:
    faults = []
    for each in sorted((folder.root / "checkpoints").glob("*")):
        num = len(list(each.glob("epoch-*")))
        if num > 2:
            faults.append(f"{num} checkpoints of {each.name}")
    return faults


def _ray_processes(driver: int) -> dict[str, list[int]]:
    """The raylet and the busy trial actors that a driver has started."""
    found: dict[str, list[int]] = {ACTOR: [], RAYLET: []}
    for pid, words in _descendants(driver):
        # Ray's agents have such titles, too.
        if words.startswith("ray::ImplicitFunc"):
            found[ACTOR].append(pid)
        elif "raylet/raylet" in words.split("\0")[0]:
            found[RAYLET].append(pid)
    return found


def _descendants(pid: int) -> Iterator[tuple[int, str]]:
    parents, words = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            words[int(folder.name)] = (folder / "cmdline").read_text()
        except (OSError, IndexError):
            continue  # It has just ended.
    for child in parents:
        above = child
        while above in parents and above != pid:
            above = parents[above]
        if above == pid and child != pid:
            yield child, words.get(child, "")


def rungs_of(log: bytes, manifest: records.Manifest) -> dict[str, dict[str, dict[str, float]]]:
    """Pair -> rung -> trial -> best score so far, counted anew from a log."""
    best: dict[str, float] = {}
    found: dict[str, dict[str, dict[str, float]]] = {pair: {} for pair in manifest.pairs}
    for line in log.split(b"\n")[:-1]:
        event = json.loads(line)
        if event["event"] == "epoch" and "-search" in event["trial"]:
            trial, pair = event["trial"], event["trial"].rpartition("-search")[0]
            best[trial] = max(best.get(trial, float("-inf")), event["val_roc_auc"])
            if event["epoch"] in manifest.pairs[pair].rungs:
                found[pair].setdefault(str(event["epoch"]), {}).setdefault(trial, best[trial])
    return found


def wrong_decisions(events: list[records.Event], manifest: records.Manifest) -> list[str]:
    """Trials that were stopped though they were among the best third at their rung, or went on though they weren't."""
    best: dict[str, float] = {}
    at_rung: dict[tuple[str, int], dict[str, float]] = {}
    should_stop: dict[str, int] = {}
    faults = []
    for event in events:
        trial = str(event.get("trial", ""))
        pair = trial.rpartition("-search")[0]
        if "-search" not in trial or event["event"] not in ("epoch", "stopped"):
            continue
        if event["event"] == "stopped":
            if should_stop.pop(trial, None) is None:
                faults.append(f"{trial} was stopped though it was among the best third")
            continue
        if trial in should_stop and event["epoch"] > should_stop[trial] and not trial.endswith("-search0"):
            faults.append(f"{trial} went on past rung {should_stop.pop(trial)} though it was not among the best third")
        best[trial] = max(best.get(trial, float("-inf")), event["val_roc_auc"])
        if event["epoch"] in manifest.pairs[pair].rungs:
            others = at_rung.setdefault((pair, event["epoch"]), {})
            if trial not in others:
                num_better = sum(score >= best[trial] for score in others.values())
                others[trial] = best[trial]
                if num_better >= max(1, len(others) // manifest.reduction_factor):
                    should_stop[trial] = event["epoch"]
    return faults


def redone(folder: records.RunFolder) -> list[tuple[str, int]]:
    """Trial and number of epochs that it repeated, for each time that it was begun again."""
    last: dict[str, int] = {}
    begun_again: set[str] = set()
    found = []
    for event in records.read_events(folder.events):
        trial = str(event.get("trial", ""))
        if event["event"] == "started" and trial in last:
            begun_again.add(trial)
        elif event["event"] == "epoch":
            if trial in begun_again:
                found.append((trial, last[trial] + 1 - int(event["epoch"])))
                begun_again.discard(trial)
            last[trial] = int(event["epoch"])
    return found


def table(tormented: Tormented) -> str:
    """One row a kill, in markdown."""
    lines = [
        "| kill | of | trials ended | live | exit code | next epoch after, s |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    for number, kill in enumerate(tormented.kills, start=1):
        code = "goes on" if kill.exit_code is None else str(kill.exit_code)
        lines.append(f"| {number} | {kill.kind} | {kill.ended} | {len(kill.live)} | {code} | {kill.back_s:.1f} |")
    counts = {kind: sum(kill.kind == kind for kill in tormented.kills) for kind in KINDS}
    repeats = [num for _, num in redone(tormented.folder)]
    lines.append(
        f"\n{counts}; {len(repeats)} times a trial went on after a kill, and repeated "
        f"{repeats.count(0)} times no recorded epoch, {repeats.count(1)} times one, "
        f"{sum(num > 1 for num in repeats)} times more; {len(tormented.rungs)} starts of a driver"
    )
    return "\n".join(lines)


def drive(rungs_file: Path, *, forget_rungs: bool, arguments: list[str]) -> int:
    """`study.run` itself, which also writes down the rungs that its controller begins with."""
    from study import run
    from study.execution.ray_backend import environment

    environment.apply()
    from study.execution.study_controller import StudyController

    begin = StudyController.begin

    def begin_and_tell(self: StudyController, *trackers: Any) -> None:
        size = self.log.path.stat().st_size
        begin(self, *trackers)
        rungs: dict[str, dict[str, dict[str, float]]] = {pair: {} for pair in self.histories}
        for pair, history in self.histories.items():
            best: dict[str, float] = {}
            for report in history.reports:
                best[report.trial] = max(best.get(report.trial, float("-inf")), report.score)
                if report.epoch in self.state.manifest.pairs[pair].rungs:
                    rungs[pair].setdefault(str(report.epoch), {}).setdefault(report.trial, best[report.trial])
        with rungs_file.open("a") as file:
            file.write(json.dumps({"size": size, "rungs": rungs}) + "\n")

    StudyController.begin = begin_and_tell  # type: ignore[method-assign]
    if forget_rungs:
        StudyController._replay_reports = lambda _self: None  # type: ignore[method-assign]
    return run.main(arguments)


if __name__ == "__main__":
    if sys.argv[1:2] == ["drive"]:
        sys.exit(drive(Path(sys.argv[2]), forget_rungs=sys.argv[3] == "1", arguments=sys.argv[4:]))
    sys.exit(main())
