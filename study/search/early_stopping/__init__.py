"""Early stopping, one file each, found by name: `study/search/early_stopping/<name>.py` defines `EARLY_STOPPING`."""

from collections.abc import Callable

from study import registry
from study.search.policy import EarlyStopping, Problem

KIND = registry.Kind(name="early stopping", package=__name__, attribute="EARLY_STOPPING")


def find(name: str) -> Callable[[Problem], EarlyStopping]:
    """What makes the early stopping of that name.

    Raises:
        UnknownNameError: there is none.
    """
    made: Callable[[Problem], EarlyStopping] = KIND.find(name)
    return made
