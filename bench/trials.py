"""What does a trial cost beyond its own training? Ours, Optuna around a plain loop, Ray Tune's two documented ways.

    uv run python bench/trials.py --data ../shared/data/brain_tumor_mri [--trials 8] [--epochs 5] [--repeats 3]

`study.run` searches on a holdout of Training (baseline CNN of document 003, 48 px), in one slot that has all cores.
Then the same recipes are trained for the same epochs by the same network, augmentation, optimizer, precision and number
of threads, images decoded and in memory (`plain.Loop`), and nothing is recorded but the time:

- **loop**: one after the other, in one process.
- **optuna**: the same in `optuna.Study.optimize`, TPE, in memory.
- **tune**: a function trainable of Ray Tune, one trial at a time, which reports each epoch. **reused**: the same with
  `reuse_actors=True`, which is not Ray Tune's default, and is ours.
- **pattern**: what Ray's documentation calls "Hyperparameter Tuning with Ray Tune and Ray Train": a Tune function that
  starts a `TorchTrainer` with one worker, whose reports come through `TuneReportCallback`.

Ray has its own settings in the last three. **search** is from the start of the first epoch to the end of the last
trial, of which **epochs** trained and evaluated; **all** is from the start of the command, or for the others from when
all but Ray is imported and the images are in memory, to the end of the last trial. **a warm trial** is from the end of
the trial before it to its own, less the seconds of its epochs (training and val): the median. **the first one** is from
where **all** begins to the first epoch; of ours from the start of Ray, so that it holds the start of the actor.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import torch
from plain import Loop, Problem, leave_ray_its_own_settings, load, macro_auc, make_problem
from torch import Tensor

from study import records
from study.execution.ray_backend import environment
from study.spec import Recipe

PAIR, SIZE_PX = "baseline_cnn", 48
Recipes = list[tuple[dict[str, Any], int]]


@dataclass(frozen=True)
class Found:
    """Seconds: see the top of the page."""

    everything: float
    search: float
    epochs: float
    warm: list[float]
    first: float

    @classmethod
    def of(cls, trials: list[dict[str, float]], *, begun: float) -> "Found":
        """Of trials with the times of their first epoch's start and of their end, and the seconds of their epochs."""
        ends = [begun, *(trial["end"] for trial in trials)]
        warm = [end - before - t["trained"] for before, end, t in zip(ends[1:], ends[2:], trials[1:], strict=False)]
        trained = sum(trial["trained"] for trial in trials)
        return cls(ends[-1] - begun, ends[-1] - trials[0]["start"], trained, warm, trials[0]["start"] - begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--way", action="append", choices=list(_WAYS), help="besides ours and the loop; default: all")
    parser.add_argument("--run", nargs=3, metavar=("WAY", "FILE", "OUT"), help="one way, in this process")
    options = parser.parse_args()
    if options.run:
        way, file, out = options.run
        _run(way, json.loads(Path(file).read_text()), Path(out), options)
        return
    print("| repeat | way | all, s | search, s | of loop's | epochs, s | a warm trial, s | the first one, s |")
    print(f"|{'---|' * 8}", flush=True)
    for repeat in range(options.repeats):
        with tempfile.TemporaryDirectory() as folder:
            scratch = Path(folder)
            ours, asked = _ours(scratch, options)
            found = {"ours": ours}
            (scratch / "asked.json").write_text(json.dumps(asked))
            for way in ("loop", *(w for w in options.way or _WAYS if w != "loop")):
                found[way] = _other(way, scratch, options)
        for way, each in found.items():
            of_loop = each.search / found["loop"].search
            print(
                f"| {repeat} | {way} | {each.everything:.1f} | {each.search:.1f} | {of_loop:.2f} | {each.epochs:.1f} "
                f"| {statistics.median(each.warm):.3f} | {each.first:.1f} |",
                flush=True,
            )


def _ours(scratch: Path, options: argparse.Namespace) -> tuple[Found, dict[str, Any]]:
    """What our search took, and what it trained."""
    command = [sys.executable, "-m", "study.run", "brain_tumor", "--data", str(options.data), "--holdout"]
    command += ["--architecture", PAIR, "--image-size", str(SIZE_PX), "--seeds", "1", "--budget", "demo"]
    command += ["--trials", str(options.trials), "--epochs", str(options.epochs)]
    command += ["--cpus-per-trial", str(os.cpu_count()), "--ledger", str(scratch / "test-openings.jsonl")]
    for kind in ("results", "reports", "cache"):
        command += [f"--{kind}", str(scratch / kind)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    begun, ray_begun = time.time(), 0.0
    assert process.stderr is not None
    for line in process.stderr:
        ray_begun = time.time() if "Starting Ray" in line else ray_begun
    if process.wait():
        raise SystemExit(f"study.run ended with exit code {process.returncode}")
    folder = records.RunFolder(scratch / "results" / "brain_tumor-holdout")
    state = records.load_run(folder)
    searched = sorted(state.of_kind(records.SEARCH), key=lambda t: t.result["time"])
    trials = [
        {
            "start": t.epochs[0]["time"] - t.epochs[0]["seconds"],
            "end": t.result["time"],
            "trained": sum(epoch["seconds"] for epoch in t.epochs),
        }
        for t in searched
    ]
    found = Found.of(trials, begun=begun)
    asked = {
        "precision": state.manifest.precision,
        "trials": [(t.recipe.hyperparameters(), len(t.epochs)) for t in searched],
    }
    return replace(found, first=trials[0]["start"] - ray_begun), asked


def _other(way: str, scratch: Path, options: argparse.Namespace) -> Found:
    out = scratch / f"{way}.jsonl"
    command = [sys.executable, __file__, "--data", str(options.data), "--run", way]
    command += [str(scratch / "asked.json"), str(out)]
    ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if ended.returncode:
        raise SystemExit(f"{way} ended with exit code {ended.returncode}:\n{ended.stderr}")
    begun, *trials = (json.loads(line) for line in out.read_text().splitlines())
    return Found.of(trials, begun=begun)


def _run(way: str, asked: dict[str, Any], out: Path, options: argparse.Namespace) -> None:
    problem = make_problem(options.data, out.parent, pair=PAIR, size_px=SIZE_PX)
    images = load(problem)
    # What the first optimizer and the first score of a process import is no part of a trial.
    leave_ray_its_own_settings()
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])
    macro_auc(torch.tensor([0, 1, 2, 3]), torch.eye(4))
    _write(out, time.time())
    _WAYS[way](problem, images, asked, out)


def _write(out: Path, what: Any) -> None:
    with out.open("a") as file:
        file.write(json.dumps(what) + "\n")


def _train(
    problem: Problem, images: dict[str, Tensor], asked: dict[str, Any], number: int, out: Path,
    report: Callable[[float], None],
) -> float:  # fmt: skip
    recipe, epochs = asked["trials"][number]
    torch.set_num_threads(os.cpu_count() or 1)
    start = time.time()
    trained, score = 0.0, 0.0
    loop = Loop(problem, images, Recipe(**recipe), seed=number, epochs=epochs, precision=asked["precision"])
    begun_s = time.perf_counter()
    for score in loop.scores(epochs):
        trained += time.perf_counter() - begun_s
        report(score)
        begun_s = time.perf_counter()
    _write(out, {"start": start, "end": time.time(), "trained": trained})
    return score


def _loop(problem: Problem, images: dict[str, Tensor], asked: dict[str, Any], out: Path) -> None:
    for number in range(len(asked["trials"])):
        _train(problem, images, asked, number, out, lambda _: None)


def _optuna(problem: Problem, images: dict[str, Tensor], asked: dict[str, Any], out: Path) -> None:
    def objective(trial: optuna.Trial) -> float:
        # What a search of this space would draw; what is trained are the same recipes as everywhere.
        trial.suggest_float("lr", 1e-4, 1e-2, log=True)
        trial.suggest_float("dropout", 0.0, 0.7)
        trial.suggest_categorical("batch_size", [16, 32, 64])
        epochs = iter(range(1, 1000))
        return _train(problem, images, asked, trial.number, out, lambda score: trial.report(score, next(epochs)))

    optuna.create_study(direction="maximize").optimize(objective, n_trials=len(asked["trials"]))


def _tune(
    problem: Problem, images: dict[str, Tensor], asked: dict[str, Any], out: Path, *, reused: bool = False
) -> None:
    from ray import tune

    def trainable(config: dict[str, Any], data: dict[str, Any]) -> None:
        _train(problem=data["problem"], images=data["images"], asked=asked, number=config["number"], out=out,
               report=lambda score: tune.report({"score": score}))  # fmt: skip

    cores = os.cpu_count() or 1
    given = tune.with_parameters(trainable, data={"problem": problem, "images": images})
    _fit(tune.with_resources(given, {"cpu": cores}), asked, out, cpus=cores, reused=reused)


def _pattern(problem: Problem, images: dict[str, Tensor], asked: dict[str, Any], out: Path) -> None:
    import ray
    from ray import train
    from ray.train.torch import TorchTrainer
    from ray.tune.integration.ray_train import TuneReportCallback

    cores = os.cpu_count() or 1
    ray.init(num_cpus=cores + 1, include_dashboard=False, log_to_driver=False)
    data = ray.put({"problem": problem, "images": images})

    def in_worker(config: dict[str, Any]) -> None:
        held = ray.get(config["data"][0])
        _train(held["problem"], held["images"], asked, config["number"], out,
               lambda score: train.report({"score": score}))  # fmt: skip

    def driver(config: dict[str, Any]) -> None:
        TorchTrainer(
            in_worker,
            train_loop_config={"number": config["number"], "data": [data]},
            scaling_config=train.ScalingConfig(num_workers=1, resources_per_worker={"CPU": cores}),
            run_config=train.RunConfig(
                name=f"trial{config['number']}",
                storage_path=str(out.parent / "train"),
                callbacks=[TuneReportCallback()],
            ),
        ).fit()

    from ray import tune

    _fit(tune.with_resources(driver, {"cpu": 1}), asked, out, cpus=cores + 1)


def _fit(trainable: Any, asked: dict[str, Any], out: Path, *, cpus: int, reused: bool = False) -> None:
    import ray
    from ray import tune

    if not ray.is_initialized():
        ray.init(num_cpus=cpus, include_dashboard=False, log_to_driver=False)
    results = tune.Tuner(
        trainable,
        param_space={"number": tune.grid_search(list(range(len(asked["trials"]))))},
        tune_config=tune.TuneConfig(max_concurrent_trials=1, reuse_actors=reused),
        run_config=tune.RunConfig(storage_path=str(out.parent / "tune"), verbose=0),
    ).fit()
    if results.errors:
        raise SystemExit(str(results.errors[0]))


_WAYS = {
    "loop": _loop,
    "optuna": _optuna,
    "tune": _tune,
    "reused": partial(_tune, reused=True),
    "pattern": _pattern,
}


if __name__ == "__main__":
    environment.apply()
    # Ray's workers import this folder's modules.
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    main()
