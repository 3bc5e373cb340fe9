"""What a search's records say of the search itself: what more trials bring, what rungs tell, what mattered.

All functions are of plain arrays and deterministic. Optuna's global generator is never used.
"""

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import create_trial

from study.evaluation.intervals import Interval

Floats = npt.NDArray[np.float64]
Space = Mapping[str, Mapping[str, Any]]

MIN_TRIALS_FOR_TAU = 4

# The best third, which a rung lets go on, are then the five that Optuna's documentation asks for.
MIN_TRIALS_FOR_IMPORTANCE = 13

_NUM_RESAMPLES = 2_000
_BEST = 1 / 3
_SHUFFLES = 99
_CHANCE = 0.05

# Optuna tells on standard error of each study that is made.
optuna.logging.set_verbosity(optuna.logging.ERROR)


def expected_best(scores: npt.ArrayLike) -> Floats:
    """The expected best of n trials, for n = 1 to N: the mean maximum over all subsets of n of the N scores.

    This is the U-statistic of Tang et al., Showing Your Work Doesn't Always Work (ACL 2020), which is unbiased where
    trials are independent draws. The estimator of Dodge et al. (EMNLP 2019) draws with replacement and is too low. No
    interval is given: all subsets shrink to the same N trials, so their spread goes to 0 where least is known.

    With the scores in ascending order, C(i, n) / C(N, n) of the subsets have their maximum among the lowest i. That
    follows from n - 1 by a factor of at most 1, so nothing overflows, and a sum of gaps between scores loses no digits.

    Args:
        scores: float (N,), finite, higher is better; N of 0 gives an empty array.

    Returns:
        float (N,), never decreasing; the first is the mean, the last the maximum.
    """
    ascending = np.sort(np.asarray(scores, dtype=np.float64))
    num = len(ascending)
    gaps, lowest = np.diff(ascending), np.arange(1, num)
    share_within = lowest / max(1, num)
    best = np.empty(num)
    for drawn in range(1, num + 1):
        best[drawn - 1] = ascending[-1] - share_within @ gaps
        share_within = share_within * np.maximum(0, lowest - drawn) / max(1, num - drawn)
    return best


def rank_correlation(first: npt.ArrayLike, final: npt.ArrayLike, *, seed: int = 0, level: float = 0.95) -> Interval:
    """Kendall's tau-b between two scores of the same trials, with its percentile bootstrap interval over trials.

    A trial that is drawn twice makes a pair that is tied in both, which tau-b leaves out, so copies raise nothing.
    Where all trials agree, so does every resample, and the bootstrap would claim certainty. The bound is then the one
    of Clopper and Pearson (1934) for the N // 2 disjoint pairs of trials, which are independent.

    Args:
        first: float (N,).
        final: float (N,), in the same order.
        seed: of the resampling.
        level: of the interval.

    Returns:
        All NaN with fewer than `MIN_TRIALS_FOR_TAU` trials, or where one score is the same for all.
    """
    nan = float("nan")
    one, other = (np.asarray(values, dtype=np.float64) for values in (first, final))
    num = len(one)
    if num < MIN_TRIALS_FOR_TAU:
        return Interval(nan, nan, nan)
    signs = [np.sign(values[:, None] - values[None, :]) for values in (one, other)]
    tau = float(_tau_b(signs, np.ones((1, num)))[0])
    if math.isnan(tau):
        return Interval(nan, nan, nan)
    if abs(tau) > 1 - 1e-9:
        bound = 2 * ((1 - level) / 2) ** (1 / (num // 2)) - 1
        return Interval(1.0, bound, 1.0) if tau > 0 else Interval(-1.0, -1.0, -bound)
    counts = np.random.default_rng(seed).multinomial(num, np.full(num, 1 / num), size=_NUM_RESAMPLES)
    resampled = _tau_b(signs, counts.astype(np.float64))
    low, high = np.quantile(resampled[np.isfinite(resampled)], [(1 - level) / 2, (1 + level) / 2])
    return Interval(tau, float(low), float(high))


def _tau_b(signs: Sequence[Floats], weights: Floats) -> Floats:
    """Tau-b (R,) from the signs of both scores' differences (N, N) and how often each trial was drawn (R, N)."""
    first, final = signs
    agreeing, apart, apart_other = (
        ((weights @ pairs) * weights).sum(axis=1) for pairs in (first * final, first**2, final**2)
    )
    scale = np.sqrt(apart * apart_other)
    tau = np.full(len(weights), np.nan)
    np.divide(agreeing, scale, out=tau, where=scale > 0)
    return tau


@dataclass(frozen=True)
class Share:
    """How much of what sets the best trials apart lies in one hyperparameter.

    Attributes:
        value: in [0, 1]; those of all hyperparameters add up to 1.
        above_chance: its importance is larger than in 95 % of shufflings of the scores, as chance alone makes it for
            one hyperparameter in 20.
    """

    value: float
    above_chance: bool


@dataclass(frozen=True)
class Importance:
    """Which hyperparameters the scores depend on.

    Attributes:
        shares: hyperparameter -> share, in the order of the space, without those that have one value only; {} with
            fewer than `MIN_TRIALS_FOR_IMPORTANCE` trials, or where the best third can't be told from the rest.
        num_trials: with a finite score and all values within the space.
    """

    shares: dict[str, Share]
    num_trials: int


def importance(space: Space, recipes: Sequence[Mapping[str, Any]], scores: Sequence[float]) -> Importance:
    """How important each hyperparameter is for being among the best third, of scores at the same fidelity.

    PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023) as in Optuna: how far the density of the best third lies from
    that of all trials. It compares trials with trials as they were drawn, while functional ANOVA (Hutter, Hoos and
    Leyton-Brown, ICML 2014) fits a forest that must guess where the search, which is not uniform, has not looked. And
    it is fast enough to be repeated with shuffled scores, which tells what chance alone gives: with tens of trials
    that is a lot. It is weak for choices of two or three values.

    Args:
        space: hyperparameter -> its domain, as in a manifest: kind, and values or low, high and log.
        recipes: hyperparameter -> value of each trial; others than those of the space are ignored.
        scores: of these trials, after the same number of epochs each, higher is better. Those that are not finite are
            left out.
    """
    domains = {name: distribution for name, domain in space.items() if not (distribution := _of(domain)).single()}
    known = [
        (encoded, float(score))
        for recipe, score in zip(recipes, scores, strict=True)
        if math.isfinite(score) and (encoded := _encoded(space, domains, recipe)) is not None
    ]
    values = np.array([score for _, score in known])
    if len(known) < MIN_TRIALS_FOR_IMPORTANCE or not domains or not _has_best_third(values):
        return Importance({}, len(known))
    study = optuna.create_study(direction="maximize")
    study.add_trials([create_trial(params=recipe, distributions=dict(domains), value=score) for recipe, score in known])
    found = _ped_anova(study, domains, values)
    random = np.random.default_rng(0)
    shuffled = np.array([_ped_anova(study, domains, random.permutation(values)) for _ in range(_SHUFFLES)])
    reached_by_chance = (1 + (shuffled >= found).sum(axis=0)) / (_SHUFFLES + 1)
    total = found.sum()
    return Importance(
        {
            name: Share(float(value / total) if total > 0 else 0.0, bool(chance <= _CHANCE))
            for name, value, chance in zip(domains, found, reached_by_chance, strict=True)
        },
        len(known),
    )


def _has_best_third(scores: Floats) -> bool:
    """False if so many trials share one score that the best third of them, ties included, are all."""
    return bool(np.sort(scores)[-math.ceil(_BEST * len(scores))] > scores.min())


def _ped_anova(study: optuna.Study, names: Iterable[str], scores: Floats) -> Floats:
    """The divergence of each hyperparameter for these scores of the study's trials, in the order of the names."""
    with warnings.catch_warnings():
        # That lower is better, of which Optuna warns each time, is what the sign is for.
        warnings.simplefilter("ignore")
        found = PedAnovaImportanceEvaluator(target_quantile=_BEST).evaluate(
            study, params=list(names), target=lambda trial: -float(scores[trial.number])
        )
    return np.array([found[name] for name in names])


def _of(domain: Mapping[str, Any]) -> BaseDistribution:
    """Optuna's distribution of a domain; a choice becomes the positions of its values, which may be of any type."""
    if "values" in domain:
        return CategoricalDistribution(range(len(domain["values"])))
    log = bool(domain["log"])
    if "randint" in domain["kind"]:
        # Ray Tune leaves the upper bound of integers out of the range.
        return IntDistribution(domain["low"], domain["high"] - 1, log=log)
    return FloatDistribution(domain["low"], domain["high"], log=log)


def _encoded(space: Space, domains: Mapping[str, BaseDistribution], recipe: Mapping[str, Any]) -> dict[str, Any] | None:
    """A recipe's values as the distributions hold them; None where one lies outside the space."""
    encoded = {}
    for name, distribution in domains.items():
        value = recipe.get(name)
        if value is None:
            return None
        if isinstance(distribution, CategoricalDistribution):
            if value not in space[name]["values"]:
                return None
            encoded[name] = space[name]["values"].index(value)
        elif isinstance(distribution, FloatDistribution | IntDistribution):
            if not distribution.low <= value <= distribution.high:
                return None
            encoded[name] = value
    return encoded
