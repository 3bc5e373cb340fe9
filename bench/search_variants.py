"""What else our searcher and our rungs could be: the settings that `bench/search.py replay --variants` tries."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from search_methods import Maker
from search_ours import Ours, Settings
from search_replay import METHODS, OURS, RANDOM, STOCK, Numbers, Searched, interval, quartiles

_UNIVARIATE = {"multivariate": False, "group": False}
_STOCK_SAMPLER = {**_UNIVARIATE, "constant_liar": False, "n_startup_trials": 10}

_SETTINGS = {
    "4 random trials first": Settings(sampler={"n_startup_trials": 4}),
    "10 random trials first": Settings(sampler={"n_startup_trials": 10}),
    "16 random trials first": Settings(sampler={"n_startup_trials": 16}),
    "not grouped": Settings(sampler={"group": False}),
    "univariate": Settings(sampler=_UNIVARIATE),
    "no constant liar": Settings(sampler={"constant_liar": False}),
    "the stock sampler's settings": Settings(sampler=_STOCK_SAMPLER),
    "8 candidates a suggestion": Settings(sampler={"n_ei_candidates": 8}),
    "100 candidates a suggestion": Settings(sampler={"n_ei_candidates": 100}),
    "reduction factor 3": Settings(reduction_factor=3),
    "reduction factor 4": Settings(reduction_factor=4),
    "first rung at 3": Settings(grace_divisor=9),
    "first rung at 3, reduction factor 3": Settings(grace_divisor=9, reduction_factor=3),
    "first rung at 9": Settings(grace_divisor=3),
    "first rung at 9, reduction factor 3": Settings(grace_divisor=3, reduction_factor=3),
    "stopped trials told as complete": Settings(stopped_as_complete=True),
    "rounded up at the rungs": Settings(rule="rounded up"),
    "Ray Tune's rule at the rungs": Settings(rule="percentile"),
    "all of stock's": Settings(sampler=_STOCK_SAMPLER, rule="percentile", stopped_as_complete=True),
    "without the known good recipe": Settings(with_default=False),
}

_OTHERS = (RANDOM, OURS, STOCK, "random + stock ASHA")
VARIANTS: Mapping[str, Maker] = {name: METHODS[name] for name in _OTHERS} | {
    name: partial(Ours, settings=settings) for name, settings in _SETTINGS.items()
}
# Of random search's epochs: what is asked for is a third.
SHARE = 0.5


def report(heading: str, found: Mapping[str, Sequence[Searched]]) -> str:
    """What each variant has after a third of the epochs of random search, without trial 0, which all have."""
    lines = [
        f"### Variants of ours, {heading}\n",
        "| variant | random's score reached with a third | share until then: median (quartiles) "
        "| without noise at a third, minus ours x 1000 | the same at half |",
        "|---|---|---|---|---|",
    ]
    random = [s.others_epochs for s in found[RANDOM]]
    total = np.array([len(t.selected) for t in random])
    for name, searched in found.items():
        if name == RANDOM:
            continue
        pairs = [(s.others_epochs.epochs_to(t.selected[-1]), s) for s, t in zip(searched, random, strict=True)]
        shares = np.array([epochs for epochs, _ in pairs]) / total
        third, half = (
            interval(_clean(searched, share) - _clean(found[OURS], share), np.mean) for share in (1 / 3, SHARE)
        )
        lines.append(f"| {name} | {(shares <= 1 / 3).mean():.0%} | {quartiles(shares, 2)} | {third} | {half} |")
    return "\n".join(lines)


def _clean(searched: Sequence[Searched], share: float) -> Numbers:
    """Score without noise of what is selected after a share of the epochs that random search has."""
    traces = [s.others_epochs for s in searched]
    return np.array([t.clean[min(int(len(t.clean) * share / SHARE), len(t.clean)) - 1] for t in traces])
