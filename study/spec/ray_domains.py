"""Search spaces: Ray Tune's domains, described for the records and turned into Optuna's distributions."""

from collections.abc import Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from ray import tune
from ray.tune.search.optuna import OptunaSearch
from ray.tune.search.sample import Categorical, Domain, Float, Integer, LogUniform

from study.errors import DeclarationError
from study.spec.declaration import Study


def domain(kind: str, values: Sequence[Any]) -> Any:
    """A domain of Ray Tune: kind "choice", "uniform" or "loguniform", with the values or the two ends."""
    return tune.choice(list(values)) if kind == "choice" else getattr(tune, kind)(*values)


def is_domain(value: Any) -> bool:
    """Whether it is one of Ray Tune's domains."""
    return isinstance(value, Domain)


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
