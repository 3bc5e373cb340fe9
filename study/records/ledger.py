"""The ledger of test openings: which test split was scored when, and by which run.

It lies outside of all results, so that neither `--fresh` nor another `--results` makes it forget. A test split is
known by the contents and labels of its images. Each further look at it makes the figures a little less trustworthy, so
the second one is made on request only, and said.
"""

import fcntl
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from study.records.log import EventLog, read_events

_EVENT = "test_opened"


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


def openings(ledger: Path, test_hash: str, *, besides: tuple[str, str] = ("", "")) -> list[Opening]:
    """The openings of a test split, oldest first, without those of one run (its name and when it was declared).

    Raises:
        ResultsError: the ledger is damaged.
    """
    lines = [event for event in read_events(ledger) if event["event"] == _EVENT and event["test_hash"] == test_hash]
    found = [Opening(**{k: v for k, v in event.items() if k not in ("event", "time")}) for event in lines]
    return [opening for opening in found if (opening.run, opening.created) != besides]


def add(ledger: Path, opening: Opening) -> None:
    """Writes an opening down, once: a run that is interrupted while it scores the split looks at it again."""
    ledger.parent.mkdir(parents=True, exist_ok=True)
    with ledger.with_name(f"{ledger.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = openings(ledger, opening.test_hash)
        if (opening.run, opening.created) not in {(o.run, o.created) for o in known}:
            log = EventLog(ledger)
            log.append(_EVENT, **asdict(opening))
            log.close()
