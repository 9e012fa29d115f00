"""Charts as numbers: where bars, points and lines of an SVG stand. The pages write them down.

Places along the width are shares of it, so that a chart is as wide as the screen while its letters keep their size.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["HEIGHT", "Chart", "Mark", "Stroke", "bars", "curve"]

HEIGHT = 180
"""Height of the plot; labels of the axis stand below it."""

_BAR = 0.62
"""Share of a bar's room that it fills."""
_MOST_LABELS = 5
MANY = 30


@dataclass(frozen=True)
class Mark:
    """One value: the room it has along the width (`left`, `width`, in percent), its middle, and its top in pixels."""

    left: float
    width: float
    middle: float
    top: float
    label: str
    text: str
    known: bool
    axis: bool

    @property
    def bar_left(self) -> float:
        """Where its bar begins."""
        return round(self.left + self.width * (1 - _BAR) / 2, 3)

    @property
    def bar_width(self) -> float:
        """How wide its bar is."""
        return round(self.width * _BAR, 3)


@dataclass(frozen=True)
class Stroke:
    """A piece of a line, from one value to the next."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True)
class Chart:
    """A chart. `ticks` are heights in pixels with the value that they stand for."""

    marks: tuple[Mark, ...]
    strokes: tuple[Stroke, ...]
    ticks: tuple[tuple[float, float], ...]

    @property
    def dot(self) -> float:
        """How large a point is, so that many don't hide the line."""
        return 4 if len(self.marks) <= MANY else 2.5


Value = tuple[str, str, float | None]
"""What stands below it, what is read out, and how much it is."""


def bars(values: Sequence[Value], *, whole: bool = False) -> Chart:
    """A chart that starts at zero. `whole`: there is nothing between two whole numbers."""
    return _chart(values, floor=0.0, line=False, whole=whole)


def curve(values: Sequence[Value], *, whole: bool = False) -> Chart:
    """A chart of single values with a line from each to the next; it starts near the lowest one."""
    known = [value for _, _, value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    return _chart(values, floor=max(0.0, low - max((high - low) / 2, high * 0.05)), line=True, whole=whole)


def _chart(values: Sequence[Value], *, floor: float, line: bool, whole: bool) -> Chart:
    known = [value for _, _, value in values if value is not None]
    ticks = _ticks(floor, max(known, default=0.0), whole=whole)
    low, high = ticks[0], ticks[-1]
    room = 100 / max(len(values), 1)
    every = math.ceil(len(values) / _MOST_LABELS)
    marks = tuple(
        Mark(
            left=round(index * room, 3),
            width=round(room, 3),
            middle=round((index + 0.5) * room, 3),
            top=_height(value if value is not None else low, low, high),
            label=label,
            text=text,
            known=value is not None,
            axis=(len(values) - 1 - index) % every == every // 2,
        )
        for index, (label, text, value) in enumerate(values)
    )
    seen = [mark for mark in marks if mark.known]
    strokes = tuple(Stroke(a.middle, a.top, b.middle, b.top) for a, b in itertools.pairwise(seen))
    return Chart(marks, strokes if line else (), tuple((_height(tick, low, high), tick) for tick in ticks))


def _height(value: float, low: float, high: float) -> float:
    return round(HEIGHT - (value - low) / (high - low) * HEIGHT, 2)


def _ticks(low: float, high: float, *, whole: bool) -> list[float]:
    """A few round numbers, from at most `low` to at least `high`."""
    span = max(high - low, 1e-9) if high > 0 else 1.0
    power = 10.0 ** math.floor(math.log10(span / 3))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= span / 4)
    if whole:
        step = math.ceil(step)
    first, last = math.floor(low / step), math.ceil(max(high, low + step) / step - 1e-9)
    return [number * step for number in range(first, max(last, first + 1) + 1)]
