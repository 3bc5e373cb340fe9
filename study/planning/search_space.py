"""Whether a declared search space can be explored."""

from study import architectures
from study.datasets import Dataset
from study.errors import DeclarationError, UnknownNameError
from study.spec import Study, ray_domains

_BINARY_ONLY, _MULTICLASS_ONLY = "pos_weight", "class_weight_power"


def check(study: Study, dataset: Dataset) -> None:
    """Raises DeclarationError if a space can't be explored: its domains, names or values don't fit."""
    for pair, recipe in study.pairs.items():
        known = architectures.find(pair).hyperparameters
        for name, domain in study.space_of(pair).items():
            if not ray_domains.is_domain(domain):
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
            for value in ray_domains.corner_values(domain):
                recipe.with_values({name: value})
        for values in study.tried.get(pair, ()):
            recipe.with_values(values)
