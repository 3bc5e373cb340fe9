"""The ledger of test openings: which test split was scored when, and by which run.

It lies outside of all results, so that neither `--fresh` nor another `--results` makes it forget. A test split is
known by the contents and labels of its images. Each further look at it makes the figures a little less trustworthy, so
the second one is made on request only, and said.

It is a file of one machine. Where runs have a storage that several machines share, each opening stands there, too: a
run that moves to another machine finds what it did before, and so does any other one with this storage.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from study.records.locks import file_lock
from study.records.log import EventLog, read_events
from study.records.opening import Opening
from study.records.storage import Storage

_EVENT = "test_opened"
# In a storage; not in the folder of a run, which --fresh deletes.
_FOLDER = "test-openings"


@dataclass(frozen=True)
class Ledger:
    """Where openings are written down.

    Attributes:
        path: of this machine's file.
        storage: shared by several machines, where there is one.
    """

    path: Path
    storage: Storage | None = None

    def openings(self, test_hash: str, *, besides: tuple[str, str] = ("", "")) -> list[Opening]:
        """The openings of a test split, oldest first, without those of one run (its name and when it was declared).

        Raises:
            ResultsError: the ledger is damaged.
            StorageError: it can't be reached.
        """
        found = {
            (opening.run, opening.created): opening for opening in [*self._here(test_hash), *self._there(test_hash)]
        }
        found.pop(besides, None)
        return sorted(found.values(), key=lambda opening: opening.opened)

    def add(self, opening: Opening) -> None:
        """Writes an opening down, once: a run that is interrupted while it scores the split looks at it again."""
        run = (opening.run, opening.created)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with file_lock(self.path.with_name(f"{self.path.name}.lock")):
            if run not in {(o.run, o.created) for o in self._here(opening.test_hash)}:
                log = EventLog(self.path)
                log.append(_EVENT, **asdict(opening))
                log.close()
        if self.storage is not None and run not in {(o.run, o.created) for o in self._there(opening.test_hash)}:
            # A name of its own: objects of S3 are replaced, not appended to.
            name = hashlib.sha256(json.dumps(run).encode()).hexdigest()[:16]
            content = json.dumps(asdict(opening)).encode()
            self.storage.put_bytes(content, f"{_FOLDER}/{opening.test_hash}/{name}.json")

    def _here(self, test_hash: str) -> list[Opening]:
        lines = [each for each in read_events(self.path) if each["event"] == _EVENT and each["test_hash"] == test_hash]
        return [Opening(**{k: v for k, v in line.items() if k not in ("event", "time")}) for line in lines]

    def _there(self, test_hash: str) -> list[Opening]:
        if self.storage is None:
            return []
        names = self.storage.sizes(f"{_FOLDER}/{test_hash}")
        return [Opening(**json.loads(self.storage.read(name))) for name in names]
