"""How numbers and lists are written, everywhere in the same way."""

import math
from collections.abc import Mapping, Sequence

from study.evaluation.intervals import Interval

DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EM DASH}"
DOT = " \N{MIDDLE DOT} "


def fraction(value: float | Interval | None) -> str:
    """Three decimals, bounds with two: `0.812 (0.77-0.85)`, or why there are none; a dash for what is missing."""
    if isinstance(value, Interval):
        return f"{fraction(value.mean)}{_bounds(value, scale=1, decimals=2)}"
    return NOTHING if value is None or math.isnan(value) else f"{value:.3f}"


def percent(value: float | Interval | None) -> str:
    """One decimal, bounds with none: `72.4 % (69-76)`, or why there are none; a dash for what is missing."""
    if isinstance(value, Interval):
        return f"{percent(value.mean)}{_bounds(value, scale=100, decimals=0)}"
    return NOTHING if value is None or math.isnan(value) else f"{100 * value:.1f} %"


def shown(value: float | Interval | None, shown_as: str) -> str:
    """As a metric wants to be shown: "percent" or "fraction"."""
    return percent(value) if shown_as == "percent" else fraction(value)


def threshold(value: float) -> str:
    """Three decimals, or as many digits as tell it from 0 and 1: `0.312`, `0.00031`."""
    rounded = f"{value:.3f}"
    return rounded if float(rounded) not in (0, 1) or value in (0, 1) else f"{value:.6g}"


def signed(value: float | Interval) -> str:
    """Three decimals with a sign: `+0.012 (-0.010 to +0.034)`."""
    if isinstance(value, Interval):
        if math.isnan(value.low):
            return signed(value.mean) + _why_none(value)
        return f"{signed(value.mean)} ({signed(value.low)} to {signed(value.high)})"
    if math.isnan(value):
        return NOTHING
    rounded = f"{abs(value):.3f}"
    sign = "" if float(rounded) == 0 else MINUS if value < 0 else "+"
    return sign + rounded


def p_value(value: float) -> str:
    """Three decimals: `0.031`, `< 0.001`; a dash for what is missing."""
    return "< 0.001" if value < 0.001 else fraction(value)


def listing(names: Sequence[str], conjunction: str = "and") -> str:
    """`a`, `a and b` or `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {conjunction} {names[-1]}"


def image_sizes(size_px_of: Mapping[str, int], *, both_sides: bool = False) -> str:
    """Of networks: `64 px`, or `64 px (lenet) and 224 px (resnet18)`; with both sides `64 x 64 px`."""
    networks: dict[int, list[str]] = {}
    for name, size_px in size_px_of.items():
        networks.setdefault(size_px, []).append(name)
    sides = {size_px: f"{size_px} x {size_px} px" if both_sides else f"{size_px} px" for size_px in sorted(networks)}
    if len(sides) == 1:
        return "".join(sides.values())
    return listing([f"{side} ({listing(networks[size_px])})" for size_px, side in sides.items()])


def counted(number: int, noun: str) -> str:
    """`1 image`, `1,200 images`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _bounds(interval: Interval, *, scale: float, decimals: int) -> str:
    if math.isnan(interval.low):
        return _why_none(interval)
    low, high = scale * interval.low, scale * interval.high
    # Coarse bounds may shut out the finer value that they belong to: 0.998 in (1.00-1.00).
    if not round(low, decimals) <= round(scale * interval.mean, decimals + 1) <= round(high, decimals):
        decimals += 1
    return f" ({low:.{decimals}f}{DASH}{high:.{decimals}f})"


def _why_none(interval: Interval) -> str:
    return f" ({interval.note})" if interval.note and not math.isnan(interval.mean) else ""


def clock(seconds: float) -> str:
    """As m:ss, or h:mm:ss from an hour on."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
