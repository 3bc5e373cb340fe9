"""What does a trial cost beyond its own seconds when there are very many? Trials that only sleep, many at a time.

    uv run python bench/throughput.py [--trials 1000] [--slots 16] [--seconds 1.0] [--pairs 4]
    uv run python bench/throughput.py --grow

Everything but the training is real: the searcher, the rungs, the event log with its fsyncs, the Optuna journal, the
progress lines (into a file), Ray Tune and its reused actors. The clock starts when every slot's actor has
ended a trial, and with the next trial that is dealt. The ideal is trials x seconds / slots.

`--grow` asks what one more trial costs the driver after 100, 1,000 and 10,000 trials of one pair, without Ray: the log
of so many trials is written, replayed, and gone on with for twenty trials. Memory is what the process holds more than
before (RssAnon).
"""

import argparse
import cProfile
import io
import json
import os
import pstats
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from study.execution.ray_backend import environment

environment.apply()

import ray  # noqa: E402  (reads its environment when it is imported)
from ray import tune  # noqa: E402
from small_manifest import small_manifest  # noqa: E402

from study import records  # noqa: E402
from study.execution.multi_study_controller import MultiStudyController  # noqa: E402
from study.execution.ray_backend.experiment import run_on_tune  # noqa: E402
from study.execution.study_controller import StudyController  # noqa: E402
from study.execution.task import TASK, SearchTask, Task, encoded  # noqa: E402
from study.planning.resources import Slots  # noqa: E402
from study.planning.workload import Running  # noqa: E402
from study.search import Problem, SearchPolicy, make_policy  # noqa: E402
from study.spec import (  # noqa: E402
    Budget,
    Recipe,
    ray_domains,
)
from study.tracking.console import Progress  # noqa: E402
from study.tracking.optuna_journal import Journal  # noqa: E402

SPACE = {
    "lr": tune.loguniform(1e-5, 1e-2),
    "dropout": tune.uniform(0.0, 0.7),
    "batchnorm": tune.choice([False, True]),
    "augmentation": tune.choice(["none", "light", "strong"]),
    "pos_weight": tune.loguniform(0.2, 5.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--warm-up", type=int, default=500, help="trials that the start of the actors may take")
    parser.add_argument("--profile", action="store_true", help="where the driver's time goes; costs some itself")
    parser.add_argument("--grow", action="store_true", help="what one more trial costs the driver after very many")
    options = parser.parse_args()
    if options.grow:
        for num_trials in (100, 1000, 10000):
            _grow(num_trials)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = records.RunFolder(Path(scratch) / "run")
        ray.init(num_cpus=options.slots, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        profile = cProfile.Profile()
        if options.profile:
            profile.enable()
        _run(folder, options)
        profile.disable()
        ray.shutdown()
        _say(folder, options)
        if options.profile:
            pstats.Stats(profile).sort_stats("cumulative").print_stats(60)


def _run(folder: records.RunFolder, options: argparse.Namespace) -> None:
    names = [f"pair{i}" for i in range(options.pairs)]
    # Actors that start early end many trials before the last one is there.
    num_trials = options.trials + options.warm_up
    budget = Budget(trials=-(-num_trials // options.pairs), epochs=1, seeds=1)
    log = records.EventLog(folder.events)
    manifest = small_manifest(dict.fromkeys(names, ()))
    state = records.replay([log.append("declared", manifest=manifest.to_json())])
    spaces = {name: ray_domains.distributions(SPACE) for name in names}
    journal = Journal(folder.optuna_journal, spaces, state)
    with (folder.root / "progress.txt").open("w") as stream:
        progress = Progress(budget, len(names), stream)

        controller = StudyController(
            log=log,
            state=state,
            recipes=dict.fromkeys(names, Recipe()),
            searches={name: _policy(name, budget) for name in names},
            first=dict.fromkeys(names, ()),
            budget=budget,
        )
        controller.begin([journal, progress])
        run_on_tune(
            MultiStudyController({"run": controller}),
            tune.with_parameters(sleep, seconds=options.seconds),
            folders={"run": folder},
            slots=Slots(num=options.slots, cpus=1, gpus=0),
            running=Running(),
        )
    journal.close()
    log.close()


def _policy(name: str, budget: Budget) -> SearchPolicy:
    problem = Problem(
        architecture=name,
        distributions=ray_domains.distributions(SPACE),
        trials=budget.trials,
        epochs=budget.epochs,
        grace=budget.epochs,
    )
    return make_policy(problem, search="tpe", stopping="asha")


def _grow(num_trials: int) -> None:
    names, budget = ["pair0"], Budget(trials=num_trials + 100, epochs=3, seeds=1)
    spaces = {"pair0": ray_domains.distributions(SPACE)}
    generator = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as scratch:
        folder = records.RunFolder(Path(scratch))
        path = folder.events
        _write_log(path, num_trials, generator)
        before = _own_mebibytes()
        begun_s = time.perf_counter()
        log = records.EventLog(path)
        state = records.replay(records.read_events(path))
        controller = StudyController(
            log=log,
            state=state,
            recipes=dict.fromkeys(names, Recipe()),
            searches={"pair0": _policy("pair0", budget)},
            first={"pair0": ()},
            budget=budget,
        )
        controller.begin([Progress(budget, 1, io.StringIO())])
        replayed_s = time.perf_counter()
        suggested_s, costs = 0.0, []
        for turn in range(21):
            start_s = time.perf_counter()
            task = controller.next_task()
            assert task is not None
            dealt_s = time.perf_counter()
            if turn == 0:
                first_s = dealt_s - start_s
                continue
            suggested_s += dealt_s - start_s
            score = float(generator.random())
            for epoch in (1, 2, 3):
                if controller.on_report(task.id, _epoch(epoch, score)):
                    break
            else:
                controller.on_report(task.id, {"event": "completed", "best_loss": 0.5})
            costs.append(time.perf_counter() - start_s)
        log.close()
        held = _own_mebibytes() - before
        Journal(folder.optuna_journal, spaces, state).close()
        sizes = [f"{file.stat().st_size / 2**20:.1f} MiB of {file.name}" for file in (path, folder.optuna_journal)]
    print(
        f"after {num_trials:,} trials of one pair: {1000 * np.median(costs):.0f} ms for one more, of which "
        f"{1000 * suggested_s / len(costs):.0f} ms its suggestion and start; replaying the log "
        f"{replayed_s - begun_s:.1f} s, the first suggestion after it {first_s:.1f} s; "
        f"{held:.0f} MiB of memory, {' and '.join(sizes)}"
    )


def _own_mebibytes() -> float:
    (line,) = (each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("RssAnon"))
    return int(line.split()[1]) / 1024


def _epoch(number: int, score: float) -> dict[str, Any]:
    return {"event": "epoch", "epoch": number, "val_roc_auc": score, "val_loss": 1 - score, "seconds": 1.0}


def _write_log(path: Path, num_trials: int, generator: np.random.Generator) -> None:
    manifest = small_manifest({"pair0": (1,)})
    events: list[dict[str, Any]] = [{"event": "declared", "manifest": manifest.to_json()}]
    recipe = Recipe()
    for number in range(num_trials):
        trial = f"pair0-search{number}"
        values = {"lr": float(10 ** generator.uniform(-5, -2)), "dropout": float(generator.uniform(0, 0.7))}
        values |= {"pos_weight": float(generator.uniform(0.2, 5)), "batchnorm": bool(generator.integers(2))}
        known = {"pair": "pair0", "kind": "search", "number": number, "recipe_name": "search", "seed": 0}
        searched = recipe.with_values(values).hyperparameters()
        events.append({"event": "started", "trial": trial, "recipe": searched, **known})
        epochs = 3 if generator.random() < 1 / 3 or number == 0 else 1
        events += [{**_epoch(epoch, float(generator.random())), "trial": trial} for epoch in range(1, epochs + 1)]
        end = {"event": "completed", "best_loss": 0.5} if epochs == 3 else {"event": "stopped", "reason": "rung"}
        events.append({**end, "trial": trial})
    lines = [json.dumps({"time": float(second), **event}) + "\n" for second, event in enumerate(events)]
    path.write_text("".join(lines))


def sleep(config: dict[str, Any], seconds: float) -> None:
    """A trial that learns nothing."""
    task: Task = config[TASK]
    if isinstance(task, SearchTask):
        time.sleep(seconds)
        score = float(np.random.default_rng(task.number).random())
        tune.report(
            encoded({"event": "epoch", "epoch": 1, "val_roc_auc": score, "val_loss": 1 - score, "seconds": seconds})
        )
    report = {"event": "completed", "epochs": 1, "best_epoch": 1, "best_score": 0.5, "best_loss": 0.5, "seconds": 0.0}
    tune.report(encoded(report | {"worker": os.getpid()}))


def _say(folder: records.RunFolder, options: argparse.Namespace) -> None:
    state = records.load_run(folder)
    trials = [t for t in state.trials.values() if t.kind == records.SEARCH]
    started = {e["trial"]: e["time"] for e in records.read_events(folder.events) if e["event"] == "started"}
    first_ends: dict[int, float] = {}
    for trial in sorted(trials, key=lambda t: t.result["time"]):
        first_ends.setdefault(trial.result["worker"], trial.result["time"])
    warm_s = max(first_ends.values())
    measured = [t for t in trials if started[t.id] >= warm_s][: options.trials]
    if len(first_ends) < options.slots or len(measured) < options.trials:
        raise SystemExit(f"{len(first_ends)} actors, {len(measured)} trials when all were warm: give more --warm-up")
    start_s = min(started[t.id] for t in measured)
    ends = np.array([t.result["time"] for t in measured])
    wall_s = float(ends.max() - start_s)
    ideal_s = len(measured) * options.seconds / options.slots
    ordered = np.sort(ends)
    tenth = max(1, len(ordered) // 10)
    rates = [f"{tenth / (ordered[i + tenth - 1] - ordered[i]):.1f}" for i in range(0, len(ordered) - tenth + 1, tenth)]
    overheads = [t.result["time"] - started[t.id] - options.seconds for t in measured]
    print(
        f"{len(measured)} trials of {options.seconds:g} s in {options.slots} slots, {options.pairs} pairs: "
        f"{wall_s:.1f} s, ideal {ideal_s:.1f} s, ratio {wall_s / ideal_s:.3f}\n"
        f"a trial from dealt to recorded beyond its sleep: median {np.median(overheads):.3f} s, "
        f"95th percentile {np.quantile(overheads, 0.95):.3f} s\n"
        f"trials ended per second, in tenths of the run: {', '.join(rates)} "
        f"(ideal {options.slots / options.seconds:g})\n"
        f"results folder: {sum(p.stat().st_size for p in folder.root.rglob('*') if p.is_file()) / 2**20:.1f} MiB"
    )


if __name__ == "__main__":
    main()
