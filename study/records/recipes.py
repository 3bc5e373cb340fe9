"""Recipes at the edge of the records: JSON objects in the log and in checkpoints, `Recipe` everywhere else."""

from collections.abc import Mapping
from typing import Any

from study.errors import DeclarationError, ResultsError
from study.spec import HYPERPARAMETERS, Recipe


def recipe_from_json(values: Mapping[str, Any]) -> Recipe:
    """A recipe as any version of the program wrote it; `Recipe.hyperparameters` is the way back.

    Args:
        values: hyperparameter -> value. One that the version that wrote it didn't know has its default, which
            changes nothing.

    Raises:
        ResultsError: this version doesn't know a hyperparameter, or a value can't be one.
    """
    if unknown := [name for name in values if name not in HYPERPARAMETERS]:
        raise ResultsError(
            f"A recorded recipe must have hyperparameters of this version of the program, but one has {unknown[0]!r}, "
            "so a later version wrote it: read it with that one."
        )
    try:
        return Recipe(**values)
    except DeclarationError as error:
        raise ResultsError(
            f"A recorded recipe must be one that can be trained, but: {error} Restore events.jsonl from a backup, or "
            "start again with --fresh."
        ) from error
