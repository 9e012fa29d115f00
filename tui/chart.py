"""A small chart of lines over time, drawn with braille dots or with ASCII; and one that is a line of text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from tui.theme import is_ascii

__all__ = ["Line", "Scale", "chart", "scale", "spark"]

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of a braille character, by row and column of the dot."""

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Line:
    """Values at equal distances, None where there is none. A second line is `dashed`, so that no colour has to tell
    them apart; the label stands at its end."""

    label: str
    values: Sequence[float | None]
    colour: str
    dashed: bool = False


@dataclass(frozen=True)
class Scale:
    """The ends of the y axis. One that does not begin at 0 has to be said."""

    low: float
    high: float
    step: float

    def text(self, value: float) -> str:
        """A number on the axis."""
        return f"{value:.0f}" if self.step >= 1 and self.step == int(self.step) else f"{value:.1f}"


def scale(values: Sequence[float]) -> Scale:
    """Round ends around the values; at 0 where that is not far below."""
    if not values:
        return Scale(0.0, 1.0, 1.0)
    low, high = min(values), max(values)
    if low >= 0 and low <= high * 0.4:
        low = 0.0
    reach = max(high - low, abs(high) * 0.1, 0.4)
    power = 10.0 ** math.floor(math.log10(reach / 3))
    step = next(one * power for one in STEPS if one * power >= reach / 3)
    first = math.floor(low / step) * step
    last = math.ceil(high / step) * step
    return Scale(first, last if last > first else first + step, step)


def chart(
    lines: Sequence[Line],
    *,
    width: int,
    height: int,
    ticks: Sequence[tuple[float, str]],
    axis: Scale,
    colours: Mapping[str, str],
) -> list[Text]:
    """The chart in `height` lines of text and one more for the time axis. `ticks` say what stands where on that, from 0
    (the first value) to 1 (the last)."""
    labels = max(len(axis.text(axis.low)), len(axis.text(axis.high)))
    ends = min(14, max((len(line.label) for line in lines), default=0) + 1)
    plot = max(4, width - labels - 2 - ends)
    cells = _Ascii(plot, height) if is_ascii() else _Braille(plot, height)
    for number, line in enumerate(lines):
        cells.draw(line, axis, number)
    marks = _marks(axis, height)
    said = _ends(lines, axis, height, ends)
    faint, rows = colours["faint"], []
    for row in range(height):
        text = Text(no_wrap=True)
        text.append(f"{marks.get(row, ''):>{labels}} ", style=colours["muted"])
        text.append("┤" if row in marks else "│", style=faint)
        for column in range(plot):
            sign, whose = cells.at(row, column)
            text.append(sign, style=lines[whose].colour if whose is not None else faint)
        if row in said:
            line = said[row]
            text.append(f" {line.label[: ends - 1]}", style=line.colour)
        rows.append(text)
    return [*rows, _time(ticks, labels, plot, colours)]


def _marks(axis: Scale, height: int) -> dict[int, str]:
    """The numbers beside the axis, by row: as many steps as there is room for."""
    steps = round((axis.high - axis.low) / axis.step)
    every = max(1, math.ceil(steps / max(1, (height - 1) // 2)))
    found: dict[int, str] = {}
    for step in range(0, steps + 1, every):
        value = axis.low + step * axis.step
        found.setdefault(_row(value, axis, height), axis.text(value))
    return found


def _row(value: float, axis: Scale, height: int) -> int:
    return round((height - 1) * (1 - (value - axis.low) / (axis.high - axis.low)))


def _ends(lines: Sequence[Line], axis: Scale, height: int, width: int) -> dict[int, Line]:
    """The names of the lines, each beside its last value; none on top of another."""
    found: dict[int, Line] = {}
    for line in lines:
        last = next((value for value in reversed(line.values) if value is not None), None)
        if last is None or width < 2:
            continue
        wanted = _row(last, axis, height)
        near = sorted(range(height), key=lambda row: abs(row - wanted))
        found[next(row for row in near if row not in found)] = line
    return found


def _time(ticks: Sequence[tuple[float, str]], labels: int, plot: int, colours: Mapping[str, str]) -> Text:
    line, end = [" "] * plot, -1
    for place, word in ticks:
        start = round(place * (plot - 1))
        if start > end and start + len(word) <= plot:
            line[start : start + len(word)] = word
            end = start + len(word)
    return Text.assemble((f"{'':>{labels}} └", colours["faint"]), ("".join(line).rstrip(), colours["muted"]))


class _Cells:
    """What is drawn: for each cell a sign and the number of the line that it belongs to."""

    across, down = 1, 1

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height

    def draw(self, line: Line, axis: Scale, number: int) -> None:
        """Draw a line; one that came before stays on top."""
        wide, tall = self.width * self.across - 1, self.height * self.down - 1
        last = max(1, len(line.values) - 1)

        def place(at: int, value: float) -> tuple[float, float]:
            return at * wide / last, tall * (1 - (value - axis.low) / (axis.high - axis.low))

        before: tuple[float, float] | None = None
        for at, value in enumerate(line.values):
            here = place(at, value) if value is not None else None
            if here is not None:
                self._between(before or here, here, line.dashed, number)
            before = here

    def _between(self, one: tuple[float, float], other: tuple[float, float], dashed: bool, number: int) -> None:
        steps = max(1, round(max(abs(other[0] - one[0]), abs(other[1] - one[1]))))
        for step in range(steps + 1):
            x, y = (a + (b - a) * step / steps for a, b in zip(one, other, strict=True))
            if not dashed or self._stroke(round(x)):
                self.dot(round(x), round(y), number, thick=not dashed)

    def _stroke(self, x: int) -> bool:
        raise NotImplementedError

    def dot(self, x: int, y: int, number: int, *, thick: bool) -> None:
        """A dot."""
        raise NotImplementedError

    def at(self, row: int, column: int) -> tuple[str, int | None]:
        """The sign of a cell, and whose it is."""
        raise NotImplementedError


class _Braille(_Cells):
    across, down = 2, 4

    def __init__(self, width: int, height: int) -> None:
        super().__init__(width, height)
        self._bits: dict[tuple[int, int], tuple[int, int]] = {}

    def _stroke(self, x: int) -> bool:
        return x % 4 < 2

    def dot(self, x: int, y: int, number: int, *, thick: bool) -> None:
        for down in (y, y + 1 if y + 1 < self.height * 4 else y - 1) if thick else (y,):
            cell = (down // 4, x // 2)
            bits, owner = self._bits.get(cell, (0, number))
            if owner == number:
                # Where two lines cross, the first one is seen whole.
                self._bits[cell] = (bits | DOTS[down % 4][x % 2], owner)

    def at(self, row: int, column: int) -> tuple[str, int | None]:
        bits, number = self._bits.get((row, column), (0, None))
        return (chr(0x2800 + bits), number) if bits else (" ", None)


class _Ascii(_Cells):
    def __init__(self, width: int, height: int) -> None:
        super().__init__(width, height)
        self._signs: dict[tuple[int, int], tuple[str, int]] = {}

    def _stroke(self, x: int) -> bool:
        return x % 3 < 2

    def dot(self, x: int, y: int, number: int, *, thick: bool) -> None:
        self._signs.setdefault((y, x), ("*" if thick else "-", number))

    def at(self, row: int, column: int) -> tuple[str, int | None]:
        return self._signs.get((row, column), (" ", None))


def spark(values: Sequence[float | None], width: int) -> str:
    """The last values in one line, from the lowest to the highest; a value that is not there is a gap."""
    shown = list(values)[-width:]
    known = [value for value in shown if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    reach = high - low
    signs = [
        " " if value is None else BARS[round((value - low) / reach * 7)] if reach > 0 else BARS[3] for value in shown
    ]
    return "".join(signs).rjust(width)
