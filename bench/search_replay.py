"""Searches a problem with each method and each seed, and says in tables what came of it."""

import functools
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from search_methods import Maker, Method, Played, Stock, play, random_sampler, simulated
from search_ours import Ours, Settings
from search_problems import Problem, Space, Synthetic
from search_surrogate import Surrogate

BRAIN, SYNTHETIC = "brain", "synthetic"
NUM_TRIALS = 48
RANDOM, TPE, OURS, STOCK = "random, full budget", "Optuna TPE, full budget", "ours", "stock OptunaSearch + ASHA"
_FULL_BUDGET = (RANDOM, TPE)
_NUM_RESAMPLES = 2000

Numbers = NDArray[np.float64]


def _random(problem: Space, seed: int) -> Method:
    return Stock(problem, seed, random_sampler(seed), asha=False)


def _tpe(problem: Space, seed: int) -> Method:
    return Stock(problem, seed, asha=False, best_so_far=True)


def _stock_best(problem: Space, seed: int) -> Method:
    return Stock(problem, seed, best_so_far=True)


def _stock_default(problem: Space, seed: int) -> Method:
    return Stock(problem, seed, with_default=True)


def _stock_rungs(problem: Space, seed: int) -> Method:
    return Stock(problem, seed, rungs={})


def _ours_without(problem: Space, seed: int) -> Method:
    return Ours(problem, seed, Settings(with_default=False))


def _random_asha(problem: Space, seed: int) -> Method:
    return Stock(problem, seed, random_sampler(seed))


METHODS: Mapping[str, Maker] = {
    RANDOM: _random,
    TPE: _tpe,
    OURS: Ours,
    "ours, without the known good recipe": _ours_without,
    STOCK: Stock,
    "stock, with the known good recipe": _stock_default,
    "stock, best score so far reported": _stock_best,
    "stock, with Ray Tune's own rungs": _stock_rungs,
    "random + stock ASHA": _random_asha,
}


@dataclass(frozen=True)
class Trace:
    """What a search would give out if it were ended after each of its epochs.

    Attributes:
        selected: best score of the trials that have run at full budget; 0 before the first.
        seen: best score of any epoch.
        clean: score without noise of the trial that `selected` belongs to.
    """

    selected: Numbers
    seen: Numbers
    clean: Numbers

    def epochs_to(self, target: float, *, seen: bool = False) -> float:
        """Epochs until a score is reached; infinite if it never is."""
        reached = np.flatnonzero((self.seen if seen else self.selected) >= target)
        return float(reached[0] + 1) if len(reached) else np.inf


@dataclass(frozen=True)
class Searched:
    """One method on one seed: with as many trials as random search has, and with as many epochs.

    `others` is without trial 0, the document's recipe: where that is hard to beat, all methods have it at once.
    """

    trials: Trace
    epochs: Trace
    others_trials: Trace
    others_epochs: Trace


def trace(played: Played, clean: Numbers, numbers: range) -> Trace:
    """The trace of the trials with these numbers; the epochs of others are not counted."""
    best = dict.fromkeys(numbers, 0.0)
    selected, seen, score_clean = [], [], []
    finalist, highest, top = -1, 0.0, 0.0
    for number, score, complete in zip(played.trials, played.scores, played.complete, strict=True):
        if number not in best:
            continue
        best[number] = max(best[number], score)
        top = max(top, score)
        if complete and best[number] > highest:
            finalist, highest = number, best[number]
        selected.append(highest)
        seen.append(top)
        score_clean.append(clean[finalist] if finalist >= 0 else 0.5)
    return Trace(np.array(selected), np.array(seen), np.array(score_clean))


def search(seed: int, problem_name: str, methods: Mapping[str, Maker], share: float) -> dict[str, Searched]:
    """All methods on one seed, for a share of random search's epochs."""
    problem = problem_of(problem_name, seed)
    found = {}
    for name, make in methods.items():
        num_trials, num_epochs = None, round(share * NUM_TRIALS * problem.epochs)
        if name in _FULL_BUDGET:
            num_trials, num_epochs = NUM_TRIALS, NUM_TRIALS * problem.epochs
        played = play(make(problem, seed), simulated(problem, seed), num_epochs=num_epochs, num_trials=num_trials)
        clean = np.array([problem.curve(values).max() for values in played.values])
        of = partial(trace, played, clean)
        num = len(played.values)
        found[name] = Searched(of(range(NUM_TRIALS)), of(range(num)), of(range(1, NUM_TRIALS)), of(range(1, num)))
    return found


@functools.cache
def _surrogate() -> Surrogate:
    return Surrogate()


def problem_of(name: str, seed: int) -> Problem:
    """The problem that the searches of a seed are given."""
    return _surrogate() if name == BRAIN else Synthetic(seed)


def search_all(
    problem_name: str, methods: Mapping[str, Maker], seeds: range, processes: int, share: float = 1.0
) -> dict[str, list[Searched]]:
    """Method -> one search a seed."""
    found: dict[str, list[Searched]] = {name: [] for name in methods}
    task = partial(search, problem_name=problem_name, methods=methods, share=share)
    with ProcessPoolExecutor(processes) as pool:
        for number, results in enumerate(pool.map(task, seeds), start=1):
            for name, result in results.items():
                found[name].append(result)
            print(f"\r{problem_name}: seed {number}/{len(seeds)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return found


def report(problem_name: str, found: Mapping[str, Sequence[Searched]]) -> str:
    """All tables of one problem."""
    problem = problem_of(problem_name, 0)
    parts = [
        f"### {problem.name}, {len(found[RANDOM])} seeds; highest score without noise {problem.optimum:.4f}",
        _finals(found, problem.optimum),
        f"Epochs until the score of random search's finalist ({NUM_TRIALS} trials at full budget) is reached, as a "
        "share of random search's epochs.",
        _speeds(found),
        "Ours minus another method, x 1000 (median over seeds, with its 95 % bootstrap interval).",
        _differences(found),
    ]
    return "\n\n".join(parts)


def _finals(found: Mapping[str, Sequence[Searched]], optimum: float) -> str:
    lines = [
        "| method | given | epochs | score of its finalist | without noise | regret x 1000 |",
        "|---|---|---|---|---|---|",
    ]
    for given, attribute in ((f"{NUM_TRIALS} trials", "trials"), ("equal epochs", "epochs")):
        for name, searched in found.items():
            if attribute == "epochs" and name in _FULL_BUDGET:
                continue
            traces = [getattr(s, attribute) for s in searched]
            clean = np.array([t.clean[-1] for t in traces])
            lines.append(
                f"| {name} | {given} | {np.median([len(t.selected) for t in traces]):.0f} "
                f"| {quartiles([t.selected[-1] for t in traces])} | {quartiles(clean)} "
                f"| {np.median(optimum - clean) * 1000:.1f} |"
            )
    return "\n".join(lines)


def _speeds(found: Mapping[str, Sequence[Searched]]) -> str:
    lines = [
        f"| method | counted | median (its 95 % interval) | quartiles | never with {NUM_TRIALS} trials "
        "| never with equal epochs | of any epoch | against the epochs until random search had it |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for counted, prefix in (("all trials", ""), ("without trial 0", "others_")):
        random = [getattr(s, f"{prefix}epochs") for s in found[RANDOM]]
        target = [t.selected[-1] for t in random]
        total = np.array([len(t.selected) for t in random])
        found_at = np.array([t.epochs_to(x) for t, x in zip(random, target, strict=True)])
        for name, searched in found.items():
            if name == RANDOM:
                continue
            trials = np.array([_reach(s, f"{prefix}trials", x) for s, x in zip(searched, target, strict=True)])
            epochs = np.array([_reach(s, f"{prefix}epochs", x) for s, x in zip(searched, target, strict=True)])
            seen = [_reach(s, f"{prefix}epochs", x, seen=True) for s, x in zip(searched, target, strict=True)]
            lines.append(
                f"| {name} | {counted} | {_middle_interval(epochs / total)} | {_middle(epochs / total, 0.25):.2f} to "
                f"{_middle(epochs / total, 0.75):.2f} | {np.isinf(trials).mean():.0%} "
                f"| {np.isinf(epochs).mean():.0%} | {_middle(np.array(seen) / total):.2f} "
                f"| {_middle(epochs / found_at):.2f} |"
            )
    return "\n".join(lines)


def _reach(searched: Searched, attribute: str, target: float, *, seen: bool = False) -> float:
    one: Trace = getattr(searched, attribute)
    return one.epochs_to(target, seen=seen)


def _differences(found: Mapping[str, Sequence[Searched]]) -> str:
    lines = [
        "| ours minus | given | score of its finalist | without noise | mean without noise |",
        "|---|---|---|---|---|",
    ]
    for given, attribute in ((f"{NUM_TRIALS} trials", "trials"), ("equal epochs", "epochs")):
        for name, searched in found.items():
            if name == OURS:
                continue
            pairs = [(getattr(a, attribute), getattr(b, attribute)) for a, b in zip(found[OURS], searched, strict=True)]
            scores = np.array([a.selected[-1] - b.selected[-1] for a, b in pairs])
            clean = np.array([a.clean[-1] - b.clean[-1] for a, b in pairs])
            lines.append(
                f"| {name} | {given} | {interval(scores, np.median)} | {interval(clean, np.median)} "
                f"| {interval(clean, np.mean)} |"
            )
    return "\n".join(lines)


def interval(values: Numbers, statistic: object) -> str:
    of = np.median if statistic is np.median else np.mean
    rng = np.random.default_rng(0)
    drawn = of(rng.choice(values, (_NUM_RESAMPLES, len(values))), axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{of(values) * 1000:+.1f} ({low * 1000:+.1f} to {high * 1000:+.1f})"


def _middle_interval(values: Numbers) -> str:
    drawn = np.random.default_rng(0).choice(values, (_NUM_RESAMPLES, len(values)))
    low, high = np.quantile(np.quantile(drawn, 0.5, axis=1, method="higher"), [0.025, 0.975], method="higher")
    return f"{_middle(values):.2f} ({low:.2f} to {high:.2f})"


def quartiles(values: Sequence[float] | Numbers, digits: int = 4) -> str:
    low, middle, high = (_middle(values, q) for q in (0.25, 0.5, 0.75))
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _middle(values: Sequence[float] | Numbers, quantile: float = 0.5) -> float:
    """A quantile that can bear infinities: the value next above, no interpolation."""
    return float(np.quantile(values, quantile, method="higher"))
