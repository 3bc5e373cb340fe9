"""Whole hyperparameter studies of medical image classifiers, from one command to a report."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from study.winner import Winner

__all__ = ["load_winner"]


def load_winner(name: str, results: str | Path = "results", *, architecture: str = "", device: str = "cpu") -> "Winner":
    """The best network of a finished study; see `study.winner.load_winner`."""
    # Imported late: torch takes seconds to import, and the report does without it.
    from study import winner

    return winner.load_winner(name, results, architecture=architecture, device=device)
