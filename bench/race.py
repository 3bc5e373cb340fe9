"""A whole search in equal wall time: ours, Optuna around a plain loop, stock Ray Tune with a DataLoader.

    uv run python bench/race.py --data ../shared/data/brain_tumor_mri [--minutes 10] [--seed 0 ...] [--only optuna ...]

Brain MRI at 64 px, the baseline CNN of document 003, its space of `search_spaces/brain_tumor.py`, up to 15 epochs a
trial, on a holdout of Training (Testing stays closed). Each gets the whole machine for itself, in turn, and the same
time. The clock of ours starts with its command, with an empty cache: it includes all imports, reading the images, the
search for look-alikes, and the start of Ray. That of the others starts when their images are decoded, split and in
memory, and everything but Ray is imported.

- **ours**: `study.run`, as a user types it. It trains in bfloat16 where the processor computes with it, and its second
  trial is its known-good default (`study/search/initial_trials.py`).
- **optuna**: TPE and a median pruner, both with Optuna's own settings, around `plain.Loop`: our network, batched
  augmentation, losses and fused optimizers, in float32; one trial at a time, with a thread for each core.
- **optuna-helped**: the same in bfloat16, and with our default as its second trial: all that ours has but the search.
- **ray**: `tune.Tuner` with OptunaSearch and ASHA, both with Ray's own settings; a trial a core; a DataLoader with
  torchvision v2's flips, affine changes and colour jitter for each image, in float32. No checkpoints.

The document's recipe is everyone's first trial. Optuna's loop and Ray's processes also have what we tell glibc; they
standardize by 0.2 and 0.2, ours by what it measures; Ray's "strong" lacks gamma and noise. Prints, for each seed, the
best val ROC-AUC that was seen until some times, and when ours had seen the others' last. It is the best of many looks
at val, which more epochs make more of: nothing is said of how the winners would do on other images.
"""

import argparse
import csv
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import torch
from optuna.distributions import FloatDistribution, IntDistribution
from plain import Loop, Problem, leave_ray_its_own_settings, load, macro_auc, make_problem, standard_epochs
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from study import architectures, records
from study.execution.ray_backend import environment
from study.search.initial_trials import first_values
from study.spec import ray_domains
from study.training import losses, optimization

PAIR = "baseline_cnn"
CURVES = Path(__file__).with_name("race_curves.csv")
_SHOWN_S = (60, 120, 200, 300, 600)
Say = Callable[[float], None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, action="append", help="default: 0, 1 and 2")
    parser.add_argument("--only", choices=["ours", *_OPPONENTS], action="append")
    parser.add_argument("--run", nargs=3, metavar=("NAME", "SEED", "SCRATCH"), help="one opponent, in this process")
    options = parser.parse_args()
    if options.run:
        name, seed, scratch = options.run
        _run_opponent(name, int(seed), options.data, Path(scratch))
        return
    for seed in options.seed or range(3):
        for name in options.only or ["ours", *_OPPONENTS]:
            found = _raced(name, seed, options.data.resolve(), 60 * options.minutes)
            _keep(name, seed, found)
            best = max(score for _, score in found)
            print(f"seed {seed}, {name}: {len(found)} epochs, best {best:.4f}", flush=True)
    print(table())


def _raced(name: str, seed: int, data: Path, limit_s: float) -> list[tuple[float, float]]:
    """(seconds, val ROC-AUC) of each epoch of one search."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        if name == "ours":
            command = [sys.executable, "-m", "study.run", "brain_tumor", "--data", str(data), "--holdout"]
            command += ["--architecture", PAIR, "--budget", "standard", "--trials", "5000", "--seed", str(seed)]
            for kind in ("results", "reports", "cache"):
                command += [f"--{kind}", str(scratch / kind)]
            command += ["--ledger", str(scratch / "test-openings.jsonl")]
            started = time.time()
            _stop(subprocess.Popen(command), until=started + limit_s)
            log = records.RunFolder(scratch / "results" / "brain_tumor-holdout").events
            events = [e for e in records.read_events(log) if e["event"] == "epoch"]
            return [(e["time"] - started, e["val_roc_auc"]) for e in events if e["time"] - started <= limit_s]
        # Images decoded and divided, before the clock starts.
        make_problem(data, scratch, pair=PAIR, seed=seed)
        command = [sys.executable, __file__, "--data", str(data), "--run", name, str(seed), str(scratch)]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while not (scratch / "started").exists():
            time.sleep(0.1)
        started = float((scratch / "started").read_text())
        _stop(process, until=started + limit_s)
        rows = [line.split() for line in (scratch / "epochs").read_text().splitlines()]
        return [(float(at) - started, float(score)) for at, score in rows if float(at) - started <= limit_s]


def _stop(process: subprocess.Popen[bytes], *, until: float) -> None:
    """Lets it run until then; what has ended before that has failed."""
    while time.time() < until:
        if process.poll() is not None:
            raise SystemExit(f"ended before its time, with exit code {process.returncode}")
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=120)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _keep(name: str, seed: int, found: list[tuple[float, float]]) -> None:
    """What was better than all before it, for the table and for whoever wants to draw it."""
    rows = list(csv.reader(CURVES.open())) if CURVES.exists() else []
    rows = [row for row in rows if row[:2] != [name, str(seed)]]
    best = 0.0
    for at, score in sorted(found):
        if score > best:
            best = score
            rows.append([name, str(seed), f"{at:.1f}", f"{score:.5f}"])
    rows.append([name, str(seed), "epochs", str(len(found))])
    with CURVES.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def table() -> str:
    """Of what `race_curves.csv` holds."""
    curves: dict[tuple[str, int], list[tuple[float, float]]] = {}
    epochs: dict[tuple[str, int], int] = {}
    for name, seed, at, value in csv.reader(CURVES.open()):
        if at == "epochs":
            epochs[name, int(seed)] = int(value)
        else:
            curves.setdefault((name, int(seed)), []).append((float(at), float(value)))
    times = [f"{at} s" for at in _SHOWN_S]
    lines = [
        f"| seed | search | epochs | {' | '.join(times)} | its best after | ours had that after | of its whole time |",
        f"|{'---|' * (len(times) + 6)}",
    ]
    for (name, seed), curve in sorted(curves.items(), key=lambda item: (item[0][1], item[0][0] != "ours", item[0][0])):
        bests = [max((score for at, score in curve if at <= end), default=float("nan")) for end in _SHOWN_S]
        ended, last = curve[-1]
        reached = min((at for at, score in curves.get(("ours", seed), []) if score >= last), default=float("inf"))
        shares = [f"{ended:.0f} s"] + (
            ["", ""] if name == "ours" else [f"{reached:.0f} s", f"{reached / _SHOWN_S[-1]:.2f}"]
        )
        cells = [str(seed), name, str(epochs[name, seed]), *(f"{best:.4f}" for best in bests), *shares]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _run_opponent(name: str, seed: int, data: Path, scratch: Path) -> None:
    problem = make_problem(data, scratch, pair=PAIR, seed=seed)
    images = load(problem)
    (scratch / "started").write_text(str(time.time()))
    with (scratch / "epochs").open("a", buffering=1) as file:
        _OPPONENTS[name](problem, images, seed, lambda score: print(time.time(), score, file=file))


def _first_point(problem: Problem) -> dict[str, Any]:
    """The document's recipe, moved into the space where it lies outside of it, as stock searchers want it."""
    recipe = problem.recipe.hyperparameters()
    point = {}
    for name, known in ray_domains.distributions(problem.space).items():
        is_range = isinstance(known, FloatDistribution | IntDistribution)
        point[name] = min(max(recipe[name], known.low), known.high) if is_range else recipe[name]
    return point


def _with_optuna(problem: Problem, images: dict[str, Tensor], seed: int, say: Say, *, helped: bool) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    known = ray_domains.distributions(problem.space)

    def objective(trial: optuna.Trial) -> float:
        values = {name: trial._suggest(name, distribution) for name, distribution in known.items()}
        recipe = problem.recipe.with_values(values)
        best, epochs = 0.0, standard_epochs()
        loop = Loop(
            problem, images, recipe, seed=trial.number, epochs=epochs, precision="bfloat16" if helped else "float32"
        )
        for epoch, score in enumerate(loop.scores(epochs), start=1):
            say(score)
            best = max(best, score)
            trial.report(score, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return best

    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed), pruner=optuna.pruners.MedianPruner()
    )
    study.enqueue_trial(_first_point(problem))
    if helped:
        for _, values in first_values(problem.recipe, known, ()):
            study.enqueue_trial(_first_point(problem) | values)
    study.optimize(objective)


class _Slices(Dataset[tuple[Tensor, int]]):
    """One image at a time, as a DataLoader wants them."""

    def __init__(self, images: Tensor, targets: Tensor, level: str) -> None:
        from torchvision.transforms import v2

        self.images, self.targets = images.permute(0, 3, 1, 2).contiguous(), targets.tolist()
        light = [v2.RandomHorizontalFlip(), v2.RandomAffine(10, translate=(0.03, 0.03), scale=(0.95, 1.05))]
        strong = [*light, v2.ColorJitter(brightness=0.15, contrast=0.4)]
        scaled = [v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.2] * 3, [0.2] * 3)]
        self.transform = v2.Compose([*{"none": [], "light": light, "strong": strong}[level], *scaled])

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.images[index]), self.targets[index]


def _train_with_loader(config: dict[str, Any], *, problem: Problem, images: dict[str, Tensor], path: str) -> None:
    """A trial of stock Ray Tune."""
    from ray import tune

    recipe = problem.recipe.with_values(config)
    train = _Slices(images["train"], problem.targets["train"], recipe.augmentation)
    val = _Slices(images["val"], problem.targets["val"], "none")
    loaders = DataLoader(train, recipe.batch_size, shuffle=True), DataLoader(val, 256)
    model = architectures.find(problem.pair).build(recipe, problem.num_classes, images["train"].shape[1])
    model = model.to(memory_format=torch.channels_last)
    optimizer = optimization.make_optimizer(model, recipe)
    loss_of = losses.training_loss(recipe, torch.bincount(problem.targets["train"]).tolist(), torch.device("cpu"))
    for _ in range(standard_epochs()):
        model.train()
        for batch, targets in loaders[0]:
            optimizer.zero_grad()
            loss_of(model(batch), targets).backward()
            optimizer.step()
        model.eval()
        with torch.inference_mode():
            logits = torch.cat([model(batch) for batch, _ in loaders[1]])
        score = macro_auc(problem.targets["val"], logits) if logits.isfinite().all() else 0.5
        with Path(path).open("a") as file:
            print(time.time(), score, file=file)
        tune.report({"val_roc_auc": score})


def _with_ray(problem: Problem, images: dict[str, Tensor], seed: int, _: Say) -> None:
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    leave_ray_its_own_settings()
    # The trials import this folder's modules.
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    ray.init(num_cpus=os.cpu_count(), include_dashboard=False, log_to_driver=False)
    # The trials write the file themselves: it lies beside the cache.
    path = str(problem.pixels.parent.parent / "epochs")
    trainable = tune.with_parameters(_train_with_loader, problem=problem, images=images, path=path)
    tune.Tuner(
        tune.with_resources(trainable, {"cpu": 1}),
        param_space=dict(problem.space),
        tune_config=tune.TuneConfig(
            metric="val_roc_auc",
            mode="max",
            search_alg=OptunaSearch(seed=seed, points_to_evaluate=[_first_point(problem)]),
            scheduler=ASHAScheduler(max_t=standard_epochs()),
            num_samples=-1,
        ),
        run_config=tune.RunConfig(storage_path=str(problem.pixels.parent.parent / "ray"), verbose=0),
    ).fit()


_OPPONENTS: dict[str, Callable[[Problem, dict[str, Tensor], int, Say], None]] = {
    "optuna": lambda *given: _with_optuna(*given, helped=False),
    "optuna-helped": lambda *given: _with_optuna(*given, helped=True),
    "ray": _with_ray,
}


if __name__ == "__main__":
    environment.apply()
    main()
