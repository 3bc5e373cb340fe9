"""A question, the data that answers it, and what is explored to answer it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from study.errors import DeclarationError, UnknownNameError
from study.spec.budget import BUDGETS, Budget
from study.spec.own_images import OwnImages
from study.spec.published import PublishedEpoch, PublishedResult
from study.spec.recipe import HYPERPARAMETERS, Recipe


@dataclass(frozen=True, kw_only=True)
class Study:
    """A question, the data that answers it, and what is explored to answer it.

    Attributes:
        title: one line, shown as the heading of the report.
        document: the source document's number ("001"), or "" for a study of one's own.
        dataset: a name in `study.datasets`, or images of one's own.
        image_size: side in pixels to which images are resized (squares).
        image_sizes: architecture -> another side in pixels, to which its images are resized.
        pairs: architecture -> the document's recipe for it (trial 0 of the pair).
        references: architectures that the document doesn't have, for comparison; each starts from its own recipe in
            `study.architectures`.
        space: hyperparameter -> Ray Tune domain, explored for every pair. A reference that lacks one goes without it.
        pair_space: architecture -> more entries (or other domains) for that pair alone.
        tried: architecture -> other values of its recipe that the document tried, or that are known to be good:
            trials 1, 2, ... of the pair, before the sampler's.
        published: the document's own numbers.
        published_epochs: the document's own table of epochs.
        allow_from_scratch: whether pretrained pairs may be trained from scratch where no weights can be had. On
            drawn images they always may.
        val_fraction: share of the development images that becomes val.
        budgets: budgets that replace those of `BUDGETS` by name.
        notes: what a reader of the report must know about the comparison with the document.
        objective: name of the metric that decides what is best: of epochs, trials, recipes and architectures.
        search: name of the search policy, such as "tpe", "random" or "gp".
        early_stopping: name of what ends trials early, such as "asha", "median" or "none".
    """

    title: str
    dataset: str | OwnImages
    image_size: int
    pairs: Mapping[str, Recipe]
    space: Mapping[str, Any]
    image_sizes: Mapping[str, int] = field(default_factory=dict)
    references: tuple[str, ...] = ()
    pair_space: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tried: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    published: tuple[PublishedResult, ...] = ()
    published_epochs: tuple[PublishedEpoch, ...] = ()
    allow_from_scratch: bool = False
    document: str = ""
    val_fraction: float = 0.15
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    objective: str = "roc_auc"
    search: str = "tpe"
    early_stopping: str = "asha"

    def __post_init__(self) -> None:
        if not self.pairs:
            raise DeclarationError("A study needs at least one pair, but pairs is empty.")
        _require_pixels({"image_size": self.image_size})
        _require_pixels({f"image_sizes[{pair!r}]": size for pair, size in self.image_sizes.items()})
        if not 0 < self.val_fraction < 1:
            raise DeclarationError(f"val_fraction must be in (0, 1), but is {self.val_fraction}.")
        for pair in (*self.pair_space, *self.tried, *self.image_sizes):
            if pair not in self.names:
                raise UnknownNameError("pair", pair, self.names)
        for pair in self.references:
            if pair in self.pairs:
                raise DeclarationError(f"A reference has no recipe in the study, but {pair!r} is in pairs too.")
        for pair in self.names:
            for name in self.space_of(pair):
                if name not in HYPERPARAMETERS:
                    raise UnknownNameError("hyperparameter", name, HYPERPARAMETERS)

    @property
    def dataset_name(self) -> str:
        """What the records call the images."""
        return self.dataset if isinstance(self.dataset, str) else self.dataset.name

    @property
    def names(self) -> tuple[str, ...]:
        """All architectures of the study, those with the document's recipe first."""
        return (*self.pairs, *self.references)

    def space_of(self, pair: str) -> dict[str, Any]:
        """The search space of one pair: hyperparameter -> Ray Tune domain."""
        return {**self.space, **self.pair_space.get(pair, {})}

    def budget(self, name: str) -> Budget:
        """The budget of that name, with the image size filled in: the study's own, or a smaller one of the budget."""
        budget = self._budget(name)
        return replace(budget, image_size=min(budget.image_size or self.image_size, self.image_size))

    def image_sizes_with(self, budget: str) -> dict[str, int]:
        """Architecture -> side in pixels of its images: its own, or the smaller one of the budget of that name."""
        most = self._budget(budget).image_size
        sizes = {pair: self.image_sizes.get(pair, self.image_size) for pair in self.names}
        return {pair: min(most or size, size) for pair, size in sizes.items()}

    def _budget(self, name: str) -> Budget:
        budgets = {**BUDGETS, **self.budgets}
        if name not in budgets:
            raise UnknownNameError("budget", name, budgets)
        return budgets[name]


def _require_pixels(sizes: Mapping[str, object]) -> None:
    for name, size in sizes.items():
        if not isinstance(size, int) or size < 1:
            raise DeclarationError(f"{name} must be a whole number of pixels, but is {size!r}.")
