"""One look at a test split, or another evaluation set, as the ledger and the manifests of later runs hold it."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Opening:
    """One look at a test split, or at another evaluation set.

    Attributes:
        test_hash: of the contents and labels of its images, see `EvaluationSet.hash`.
        run: name of the run.
        created: when that run was declared; with its name it tells it from all others.
        opened: when it was opened, UTC, ISO 8601.
        num_images: of the set.
        num_networks: seed runs that were scored.
    """

    test_hash: str
    run: str
    created: str
    opened: str
    num_images: int
    num_networks: int


def now() -> str:
    """The time, as an opening holds it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
