"""The upper part of what is shown of a class or a rider: a title, numbers, and how it goes over the weeks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.text import Text
from textual.widget import Widget

from tui.chart import Line, chart, scale
from tui.theme import state

__all__ = ["Card", "Seen"]

TALL, SHORT, LOWEST = 9, 6, 16
"""Lines of the chart in tall and in short windows, and below how many lines of a window there is none."""


@dataclass(frozen=True)
class Seen:
    """What is to be drawn. `trouble` stands above everything; `lines` may be empty: then `nothing` says why."""

    title: Text
    numbers: Sequence[Text] = ()
    trouble: Sequence[Text] = ()
    heading: str = ""
    lines: Sequence[Line] = ()
    ticks: Sequence[tuple[float, str]] = ()
    nothing: str = ""
    notes: Sequence[Text] = field(default_factory=tuple)


class Card(Widget):
    """It is as high as what it has to say."""

    DEFAULT_CSS = """
    Card { height: auto; background: $panel; padding: 1 2; }
    Card.flat { padding: 0 2; }
    """

    def __init__(self) -> None:
        super().__init__(id="card")
        self._seen: Seen | None = None

    def show(self, seen: Seen | None) -> None:
        """Show this; the layout is made again only where it is of another height."""
        before = len(self._text(80))
        self._seen = seen
        self.set_class(self.screen.has_class("short"), "flat")
        self.refresh(layout=len(self._text(80)) != before)

    def get_content_height(self, container: Any, viewport: Any, width: int) -> int:
        """As many lines as there are at this width."""
        return max(1, len(self._text(width)))

    def render(self) -> Text:
        """From the width as it is now."""
        return Text("\n").join(self._text(self.content_size.width))

    def _text(self, width: int) -> list[Text]:
        colours, seen = self.app.theme_variables, self._seen
        if seen is None:
            return [Text("")]
        short = self.screen.has_class("short")
        # What is wrong is told whole, on as many lines as it takes.
        found = [part for line in seen.trouble for part in line.wrap(self.app.console, max(1, width))]
        if seen.trouble and not short:
            found.append(Text())
        found += [_cut(seen.title, width)]
        if seen.numbers:
            found.append(_fitting(seen.numbers, width))
        found += [_cut(note, width) for note in seen.notes]
        lowest = self.app.size.height < LOWEST
        if not lowest and (seen.lines or seen.nothing):
            found += [] if short else [Text()]
            values = [value for line in seen.lines for value in line.values if value is not None]
            axis = scale(values)
            from_ = f", from {axis.text(axis.low)}" if values and axis.low else ""
            found.append(
                _cut(Text.assemble((seen.heading, "bold"), (from_ if values else "", colours["muted"])), width)
            )
            if values:
                height = SHORT if short else TALL
                found += chart(seen.lines, width=width, height=height, ticks=seen.ticks, axis=axis, colours=colours)
            else:
                look = state("planned")
                found.append(_cut(Text(seen.nothing, style=colours[look.colour]), width))
        return found


def _cut(text: Text, width: int) -> Text:
    text = text.copy()
    text.truncate(max(1, width), overflow="ellipsis")
    text.no_wrap = True
    return text


def _fitting(numbers: Sequence[Text], width: int) -> Text:
    """As many as fit whole."""
    line = Text(no_wrap=True)
    for number in numbers:
        if line and line.cell_len + 3 + number.cell_len > width:
            break
        line = Text.assemble(line, "   " if line else "", number)
    return _cut(line, width)
