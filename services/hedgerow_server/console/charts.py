"""The geometry of charts that the templates draw as SVG. Lengths are per cent of the chart's width or height."""

import math
from collections.abc import Sequence

import msgspec

_GAP = 0.2  # of a bar's width


class Bar(msgspec.Struct, frozen=True):
    """One bar from the ground up; `mark` is how much of its height, from the ground, is marked."""

    x: float
    width: float
    height: float
    mark: float


class Bars(msgspec.Struct, frozen=True):
    """Bars side by side. `top` is the value at the upper edge."""

    bars: tuple[Bar, ...]
    top: float


def bars(values: Sequence[float], marks: Sequence[float] = ()) -> Bars:
    """Bars of values of at least 0, and how much of each is marked."""
    top = rounded_up(max(values, default=0))
    step = 100 / max(1, len(values))
    drawn = [
        Bar(
            round(place * step + step * _GAP / 2, 3),
            round(step * (1 - _GAP), 3),
            round(100 * value / top, 3),
            round(100 * (marks[place] if marks else 0) / top, 3),
        )
        for place, value in enumerate(values)
    ]
    return Bars(tuple(drawn), top)


def rounded_up(value: float) -> float:
    """The least of 1, 2, 4, 5 and 10 times a power of ten that is not less; 1 for 0. Halves of it are short, too."""
    if value <= 0:
        return 1
    power = 10.0 ** math.floor(math.log10(value))
    return next((step * power for step in (1, 2, 4, 5, 10) if step * power >= value * (1 - 1e-12)), value)


class Stretch(msgspec.Struct, frozen=True):
    """A part of a line: where it begins and how long it is."""

    x: float
    width: float


def stretch(start: float, length: float, whole: float) -> Stretch:
    """Part of something; at least as long as can be seen, and never beyond the end."""
    if whole <= 0:
        return Stretch(0, 0)
    x = min(max(100 * start / whole, 0), 99.5)
    return Stretch(round(x, 3), round(min(max(100 * length / whole, 0.5), 100 - x), 3))


def row(lengths: Sequence[float]) -> tuple[Stretch, ...]:
    """Parts one after the other that fill the line."""
    whole, at, drawn = sum(lengths), 0.0, []
    for length in lengths:
        drawn.append(Stretch(round(100 * at / whole, 3), round(100 * length / whole, 3)) if whole else Stretch(0, 0))
        at += length
    return tuple(drawn)
