"""The exceptions that a user can meet: one message each, with the rule, the value that broke it and the remedy."""

import difflib
from collections.abc import Iterable


class StudyError(Exception):
    """Something that the user can mend. Commands print it on stderr without a traceback and exit with code 2."""


class UnknownNameError(StudyError):
    """A study, dataset, architecture or hyperparameter that does not exist."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        super().__init__(f"There is no {kind} {name!r}.{hint} Known: {', '.join(known)}.")


class DeclarationError(StudyError):
    """A study file, a recipe, a search space or a budget that can't be run as it stands."""


class DataError(StudyError):
    """Images, labels or splits that don't fit what the dataset or the study asks for."""


class EngineLostError(StudyError):
    """Ray's own processes ended under a study. All records are kept and the same command goes on: exit code 130."""


class StorageError(StudyError):
    """A shared file system that can't be reached, read or written."""


class ResultsError(StudyError):
    """A results folder that belongs to another declaration, is in use or is damaged."""
