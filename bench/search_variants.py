"""What else our searcher and our rungs could be: the settings that `bench/search.py replay --variants` tries."""

from collections.abc import Mapping
from functools import partial

from search_methods import Maker, Ours, Settings, Values

# What is known to be good for small networks, whatever the study.
_KNOWN_GOOD: Values = {
    "lr": 1e-3,
    "optimizer": "adamw",
    "batch_size": 32,
    "weight_decay": 1e-4,
    "dropout": 0.25,
    "batchnorm": True,
    "augmentation": "light",
    "class_weight_power": 0.5,
    "kernel_size": 3,
    "dense_units": 128,
}
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
    "reduction factor 2": Settings(reduction_factor=2),
    "reduction factor 4": Settings(reduction_factor=4),
    "first rung at 5": Settings(grace_divisor=5),
    "first rung at 1": Settings(grace_divisor=27),
    "stopped trials told as complete": Settings(stopped_as_complete=True),
    "Ray Tune's rule at the rungs": Settings(percentile=True),
    "all of stock's": Settings(sampler=_STOCK_SAMPLER, percentile=True, stopped_as_complete=True),
    "a known good recipe as trial 1": Settings(first=(_KNOWN_GOOD,)),
}

VARIANTS: Mapping[str, Maker] = {f"ours, {name}": partial(Ours, settings=s) for name, s in _SETTINGS.items()}
