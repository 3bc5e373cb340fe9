"""One look at a test split, as the ledger and the manifests of later runs hold it."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Opening:
    """One look at a test split.

    Attributes:
        test_hash: of the split's contents and labels.
        run: name of the run.
        created: when that run was declared; with its name it tells it from all others.
        opened: when the split was opened, UTC, ISO 8601.
        num_images: of the split.
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
