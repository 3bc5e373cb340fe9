"""Search policies, one file each, found by file name: `study/search/policies/<name>.py` defines `POLICY`.

`POLICY` is called with a `Problem` and an `EarlyStopping` and returns a `SearchPolicy`. One that decides by itself
which trials go on leaves the early stopping aside.
"""

from collections.abc import Callable

from study import registry
from study.search.policy import EarlyStopping, Problem, SearchPolicy

KIND = registry.Kind(name="search policy", package=__name__, attribute="POLICY")


def find(name: str) -> Callable[[Problem, EarlyStopping], SearchPolicy]:
    """What makes the policy of that name.

    Raises:
        UnknownNameError: there is none.
    """
    made: Callable[[Problem, EarlyStopping], SearchPolicy] = KIND.find(name)
    return made
