"""What is run of a declared study: which architectures, with which budget; and whether its space can be searched."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from study import architectures, parts
from study.datasets import Dataset
from study.errors import DeclarationError, UnknownNameError
from study.evaluation.class_weights import resolve_pos_weight
from study.planning.image_sizes import asked_sizes
from study.planning.options import Options
from study.spec import Budget, Study, ray_domains
from study.spec.budget import LEAST_IMAGE_SIZE_PX

_BINARY_ONLY, _MULTICLASS_ONLY = "pos_weight", "class_weight_power"


def with_architectures(study: Study, names: Sequence[str]) -> Study:
    """The study with these architectures only (all of its own where none is named), each with a recipe and a space.

    Those for which it declares no recipe start from their own, and go without what the shared space has for others.
    """
    names = names or study.names
    spaces = {}
    for name in names:
        unknown = set(architectures.NETWORK_HYPERPARAMETERS) - set(architectures.find(name).hyperparameters)
        own = study.pair_space.get(name, {})
        entries = study.space_of(name).items()
        spaces[name] = {k: v for k, v in entries if name in study.pairs or k in own or k not in unknown}
    return replace(
        study,
        pairs={name: study.pairs.get(name, architectures.find(name).recipe) for name in names},
        references=(),
        space={},
        pair_space=spaces,
        tried={name: study.tried[name] for name in names if name in study.tried},
        image_sizes={name: size for name, size in study.image_sizes.items() if name in names},
    )


def require_networks(studies: Iterable[Study], options: Options) -> None:
    """Checks that each network that an option names is in at least one study.

    Raises:
        UnknownNameError: there is no such network in what is to be run.
    """
    known = options.architecture_names or list(dict.fromkeys(pair for study in studies for pair in study.names))
    of_weights = [given.partition("=")[0] for given in options.weights if "=" in given]
    for pair in (*of_weights, *asked_sizes(options.image_size).of_each):
        if pair not in known:
            raise UnknownNameError("network in what is to be run called", pair, known)


def with_choices(study: Study, options: Options) -> Study:
    """The study with the objective, the search and the early stopping that the options ask for."""
    return replace(
        study,
        objective=parts.name_of(options.objective or study.objective),
        search=parts.name_of(options.search or study.search),
        early_stopping=parts.name_of(options.early_stopping or study.early_stopping),
    )


def budget_of(study: Study, options: Options, *, stand_in: bool) -> Budget:
    """The budget that was named, or the usual one, with what the options change of it."""
    budget = study.budget(_budget_name(options, stand_in=stand_in))
    given = {
        "trials": options.trials,
        "epochs": options.epochs,
        "seeds": options.seeds,
        "audit": options.audit,
        "image_size": asked_sizes(options.image_size).of_all,
    }
    return replace(budget, **{name: value for name, value in given.items() if value is not None})


def image_sizes_of(study: Study, options: Options, *, stand_in: bool) -> dict[str, int]:
    """Architecture -> side in pixels of its images: as asked for, else as declared, which the budget may limit.

    Raises:
        DeclarationError: one is too small.
    """
    asked = asked_sizes(options.image_size)
    declared = study.image_sizes_with(_budget_name(options, stand_in=stand_in))
    sizes = {pair: asked.of(pair, declared=size) for pair, size in declared.items()}
    for pair, size in sizes.items():
        if size < LEAST_IMAGE_SIZE_PX:
            raise DeclarationError(
                f"The images of a network must have {LEAST_IMAGE_SIZE_PX} px a side or more, but those of {pair!r} "
                f"have {size} px. Declare more in image_sizes, or give --image-size {pair}=PX."
            )
    return sizes


def _budget_name(options: Options, *, stand_in: bool) -> str:
    return options.budget or ("demo" if stand_in else "standard")


def resolved(study: Study, train_counts: Sequence[int]) -> Study:
    """The study with "balanced" turned into a number, so that Optuna and the records know one."""
    pairs = {
        pair: replace(recipe, pos_weight=resolve_pos_weight(recipe.pos_weight, train_counts))
        if recipe.pos_weight == "balanced"
        else recipe
        for pair, recipe in study.pairs.items()
    }
    return replace(study, pairs=pairs)


def check_space(study: Study, dataset: Dataset) -> None:
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
