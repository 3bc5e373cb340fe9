"""What a command asks of a study: its options, and what they make of the declaration."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from study import architectures
from study.datasets.images import groups
from study.evaluation.class_weights import resolve_pos_weight
from study.spec import Budget, Study


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says beyond the study's name; see `study.run`.

    `groups` is None where nobody has said what stays together. With `rehearsal` a plan that must not be run is made all
    the same, and says why it must not.
    """

    data: Path | str | None
    results: Path
    cache: Path
    budget: str | None
    trials: int | None
    epochs: int | None
    seeds: int | None
    audit: int | None
    image_size: int | None
    architectures: Sequence[str]
    weights: Sequence[str]
    seed: int
    groups: str | None
    holdout: bool
    ledger: Path
    open_test_again: bool
    skip_unreadable: bool
    fresh: bool
    storage: str
    precision: str | None
    command: str
    rehearsal: bool = False

    @property
    def way(self) -> str:
        """What stays together, one of `groups.WAYS`."""
        return self.groups or groups.DEFAULT


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
    )


def budget_of(study: Study, options: Options, *, stand_in: bool) -> Budget:
    """The budget that was named, or the usual one, with what the command line changes of it."""
    budget = study.budget(options.budget or ("demo" if stand_in else "standard"))
    asked = {
        name: getattr(options, name)
        for name in ("trials", "epochs", "seeds", "audit", "image_size")
        if getattr(options, name) is not None
    }
    return replace(budget, **asked)


def resolved(study: Study, train_counts: Sequence[int]) -> Study:
    """The study with "balanced" turned into a number, so that Optuna and the records know one."""
    pairs = {
        pair: replace(recipe, pos_weight=resolve_pos_weight(recipe.pos_weight, train_counts))
        if recipe.pos_weight == "balanced"
        else recipe
        for pair, recipe in study.pairs.items()
    }
    return replace(study, pairs=pairs)
