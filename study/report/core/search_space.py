"""The hyperparameters that a study explores, and where a value lies among those that it may have."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from study.report.core.markdown import value as written
from study.report.core.study_run import Run

# How far beyond the end of its range a value is drawn that lies outside, such as a document's own.
_BEYOND = 0.07


@dataclass(frozen=True)
class Explored:
    """One hyperparameter, over all pairs of a study.

    Attributes:
        values: in their order, if it is chosen from a list; () for a range.
        low: lowest value of the range; NaN for a list.
        high: highest value of the range, itself included; NaN for a list.
        log: whether the range is explored on a log scale.
    """

    values: tuple[Any, ...] = ()
    low: float = math.nan
    high: float = math.nan
    log: bool = False

    def position(self, value: Any) -> float:
        """From 0, the first or lowest value, to 1; a little beyond for numbers outside, NaN for what isn't known."""
        if self.values:
            return self.values.index(value) / (len(self.values) - 1) if value in self.values else math.nan
        if not isinstance(value, int | float):
            return math.nan
        if not self.low <= value <= self.high:
            return -_BEYOND if value < self.low else 1 + _BEYOND
        low, high, at = (math.log(x) if self.log else float(x) for x in (self.low, self.high, value))
        return (at - low) / (high - low)

    @property
    def ticks(self) -> dict[float, str]:
        """Position -> what stands there: all values of a list, the ends of a range."""
        return {self.position(value): written(value) for value in self.values or (self.low, self.high)}

    @property
    def words(self) -> str:
        """What it may be, from position 0 to 1: `adam / sgd` or `0.0001 to 0.1`."""
        return (" / " if self.values else " to ").join(self.ticks.values())


def explored(run: Run) -> dict[str, Explored]:
    """Hyperparameter -> what any pair may have, in the order of the spaces; without those that are one value only."""
    domains: dict[str, list[Mapping[str, Any]]] = {}
    for pair in run.pairs:
        for name, domain in run.manifest.space.get(pair, {}).items():
            domains.setdefault(name, []).append(domain)
    found = {name: _joined(each) for name, each in domains.items()}
    return {name: each for name, each in found.items() if len(each.values) > 1 or each.low < each.high}


def ends(domain: Mapping[str, Any]) -> tuple[float, float]:
    """The lowest and the highest value of a range; Ray Tune leaves the upper bound of integers out of it."""
    return domain["low"], domain["high"] - ("randint" in domain["kind"])


def _joined(domains: Sequence[Mapping[str, Any]]) -> Explored:
    """One domain for all pairs: where they differ, their lists or ranges are joined."""
    if all("values" in domain for domain in domains):
        return Explored(values=tuple(dict.fromkeys(value for domain in domains for value in domain["values"])))
    bounds = [bound for domain in domains for bound in (domain.get("values") or ends(domain))]
    return Explored(low=min(bounds), high=max(bounds), log=any(domain.get("log") for domain in domains))
