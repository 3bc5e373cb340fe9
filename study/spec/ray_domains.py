"""Search spaces: Ray Tune's domains, checked, described for the records and turned into Optuna's distributions."""

from typing import Any

from optuna.distributions import BaseDistribution
from ray.tune.search.optuna import OptunaSearch
from ray.tune.search.sample import Categorical, Domain, Float, Integer, LogUniform

from study import architectures
from study.datasets import Dataset
from study.errors import DeclarationError, UnknownNameError
from study.spec import Study

_BINARY_ONLY, _MULTICLASS_ONLY = "pos_weight", "class_weight_power"


def check(study: Study, dataset: Dataset) -> None:
    """Raises DeclarationError if a space can't be explored: its domains, names or values don't fit."""
    for pair, recipe in study.pairs.items():
        known = architectures.find(pair).hyperparameters
        for name, domain in study.space_of(pair).items():
            if not isinstance(domain, Domain):
                raise DeclarationError(
                    f"A search space maps names to Ray Tune domains such as tune.uniform(0, 1), but {name!r} of "
                    f"{pair!r} is {domain!r}."
                )
            if name in architectures.NETWORK_HYPERPARAMETERS and name not in known:
                raise UnknownNameError(f"hyperparameter of the architecture {pair!r} called", name, known)
            if name == (_MULTICLASS_ONLY if dataset.binary else _BINARY_ONLY):
                raise DeclarationError(
                    f"{_BINARY_ONLY} is for two classes and {_MULTICLASS_ONLY} for more, but {name!r} of {pair!r} "
                    f"is searched with {len(dataset.classes)} classes."
                )
            for value in corner_values(domain):
                recipe.with_values({name: value})
        for values in study.tried.get(pair, ()):
            recipe.with_values(values)


def distributions(space: dict[str, Domain]) -> dict[str, BaseDistribution]:
    """Optuna's distributions of a space."""
    converted: dict[str, BaseDistribution] = OptunaSearch.convert_search_space(space)
    return converted


def describe(space: dict[str, Domain]) -> dict[str, dict[str, Any]]:
    """A space as plain data, for the records: kind, and values or bounds."""
    return {name: _describe(domain) for name, domain in space.items()}


def _describe(domain: Domain) -> dict[str, Any]:
    if isinstance(domain, Categorical):
        return {"kind": "choice", "values": list(domain.categories)}
    if isinstance(domain, Float | Integer):
        is_log = isinstance(domain.get_sampler(), LogUniform)
        kind = ("log" if is_log else "") + ("uniform" if isinstance(domain, Float) else "randint")
        return {"kind": kind, "low": domain.lower, "high": domain.upper, "log": is_log}
    raise DeclarationError(f"A domain must be a choice, a float or an integer range, but is {domain!r}.")


def possible_values(study: Study, pair: str, name: str) -> list[Any]:
    """What a hyperparameter of a pair can be: in its recipe, as tried, all choices or the ends of its range."""
    domain = study.space_of(pair).get(name)
    searched = corner_values(domain) if domain is not None else []
    tried = [values[name] for values in study.tried.get(pair, ()) if name in values]
    return [getattr(study.pairs[pair], name), *searched, *tried]


def corner_values(domain: Domain) -> list[Any]:
    """All values of a choice, the lowest and the highest of a range."""
    description = _describe(domain)
    if description["kind"] == "choice":
        return list(description["values"])
    # Integer ranges of Ray Tune leave their upper bound out.
    return [description["low"], description["high"] - (1 if isinstance(domain, Integer) else 0)]
