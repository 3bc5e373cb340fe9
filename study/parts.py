"""Parts of one's own: single files outside of the package that a study uses, and that are kept with its records.

Whoever goes on with a study, draws its report or asks its winner needs them, on whatever machine, and as they were when
the study began; so their text travels, not their path.
"""

import hashlib
import importlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study.errors import DeclarationError
from study.registry import Kind

if TYPE_CHECKING:
    from study.records.manifest import PartRecord

ARCHITECTURE, METRIC, SEARCH, STOPPING = "architecture", "metric", "search policy", "early stopping"
READER, SECTION = "image reader", "section"
# Where parts of each kind are registered. Imported when one is given: some bring torch, others matplotlib.
_PACKAGES: Mapping[str, str] = {
    ARCHITECTURE: "study.architectures",
    METRIC: "study.evaluation.metrics",
    SEARCH: "study.search.policies",
    STOPPING: "study.search.early_stopping",
    READER: "study.datasets.readers",
    SECTION: "study.report.sections",
}


@dataclass(frozen=True)
class Part:
    """A file of one's own.

    Attributes:
        kind: of part, such as "architecture".
        name: by which it is known: that of the file.
        source: the text of the file.
    """

    kind: str
    name: str
    source: str

    @classmethod
    def read(cls, kind: str, path: Path) -> "Part":
        """The part that a file is.

        Raises:
            DeclarationError: it can't be read.
        """
        try:
            return cls(kind, path.stem, path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise DeclarationError(
                f"A Python file is needed for the {kind}, but {path} can't be read: {error}."
            ) from error

    @property
    def file_name(self) -> str:
        """Of its copy among the records of a run."""
        return f"{self.kind.replace(' ', '-')}-{self.name}.py"

    def record(self) -> dict[str, Any]:
        """For the manifest."""
        return {"kind": self.kind, "name": self.name, "sha256": hashlib.sha256(self.source.encode()).hexdigest()}

    def give(self) -> None:
        """Makes it known to this process.

        Raises:
            DeclarationError: its file can't be run, or defines nothing of that kind.
        """
        kind: Kind = importlib.import_module(_PACKAGES[self.kind]).KIND
        kind.give(self.name, self.source, f"{self.name}.py")


def name_of(given: str) -> str:
    """The name of a part that is given by name or as a file."""
    return Path(given).stem if given.endswith(".py") else given


def own(given: Iterable[tuple[str, str]]) -> list[Part]:
    """Those that are given as files, each once.

    Args:
        given: kind and name, or kind and the path of a Python file, of parts.

    Raises:
        DeclarationError: a file can't be read, or two different ones have the same name.
    """
    found: dict[tuple[str, str], Part] = {}
    for kind, value in given:
        if value.endswith(".py"):
            part = Part.read(kind, Path(value))
            if found.setdefault((kind, part.name), part) != part:
                raise DeclarationError(
                    f"Each {kind} needs a name of its own, but two files are called {part.name}.py. Rename one."
                )
    return list(found.values())


def give_kept(folder: Path, recorded: Iterable["PartRecord"], kinds: Collection[str]) -> None:
    """Makes the parts of a run known to this process.

    Args:
        folder: of their copies among the run's records.
        recorded: what the manifest says of them.
        kinds: that are needed.

    Raises:
        DeclarationError: one is missing, or not what it was.
    """
    for each in recorded:
        if each.kind not in kinds:
            continue
        part = Part(each.kind, each.name, "")
        path = folder / part.file_name
        kept = Part(part.kind, part.name, path.read_text(encoding="utf-8") if path.is_file() else "")
        if kept.record() != each.to_json():
            raise DeclarationError(
                f"What a study was made with must be as it was, but {path} is missing or changed. Restore it from a "
                "backup."
            )
        kept.give()
