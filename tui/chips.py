"""Filters with counts, on one line: the one that is on stands out, and each of them can be clicked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widget import Widget

from tui.theme import glyph, state

__all__ = ["Chip", "Chips"]


def _whole(count: int) -> str:
    return f" {count:,}".replace(",", " ")


def _short(count: int) -> str:
    """Not rounded up: `99k` are not a hundred thousand yet."""
    if count >= 1_000_000:
        return f" {count // 100_000 / 10:g}M"
    return f" {count // 1000}k" if count >= 10_000 else _whole(count)


def _some(count: int) -> str:
    return _short(count) if count else ""


def _none(_: int) -> str:
    return ""


Count = Callable[[int], str]
_WAYS: Sequence[tuple[int, Count, bool]] = (
    (3, _whole, True),
    (3, _some, True),
    (2, _some, True),
    (1, _some, True),
    (2, _none, True),
    (2, _short, False),
    (1, _short, False),
)
"""Gap, how a count is written, and whether the words of those that are off are there: the first that fits is taken."""


@dataclass(frozen=True)
class Chip:
    """One filter. `state` says how it is shown (None: without a shape), `name` what is sent when it is clicked."""

    name: str | None
    label: str
    count: int
    state: str | None = None


class Chips(Widget):
    """The line. What does not fit is cut from the end; the one that is on is always whole."""

    DEFAULT_CSS = """
    Chips { height: 1; }
    """

    class Chosen(Message):
        """Somebody clicked a filter."""

        def __init__(self, name: str | None) -> None:
            self.name = name
            super().__init__()

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._chips: Sequence[Chip] = ()
        self._on: str | None = None
        self._spans: list[tuple[int, int, str | None]] = []

    def show(self, chips: Sequence[Chip], on: str | None) -> None:
        """Show these; `on` is the one that is used."""
        if (chips, on) != (self._chips, self._on):
            self._chips, self._on = chips, on
            self.refresh()

    def render(self) -> Text:
        """From the width as it is now. Where not all fits, big counts are cut to thousands and those of nothing left
        out; then it stands closer; then the counts go but for the one that is on, and last the words of the others."""
        width = self.content_size.width
        for gap, counts, words in _WAYS:
            line, spans = self._line(gap, counts, words=words)
            if line.cell_len <= width:
                break
        line.truncate(width)
        self._spans = spans
        return line

    def _line(self, gap: int, counts: Count, *, words: bool) -> tuple[Text, list[tuple[int, int, str | None]]]:
        colours = self.app.theme_variables
        line, spans = Text(), []
        edge = " " if gap > 1 else ""
        for chip in self._chips:
            if line:
                line.append(" " * gap)
            start = line.cell_len
            shown = state(chip.state) if chip.state else None
            mark = f"{glyph(shown)} " if shown is not None else ""
            if chip.name == self._on:
                number = (counts if counts is not _none else _short)(chip.count)
                style = f"bold {colours['background']} on {colours['accent']}"
                line.append(f"{edge}{mark}{chip.label}{number}{edge}", style)
            else:
                label = chip.label if words or shown is None else ""
                line.append(f"{mark}{label}".rstrip(), colours[shown.colour] if shown is not None else colours["muted"])
                line.append(counts(chip.count), colours["muted"])
            spans.append((start, line.cell_len, chip.name))
        return line, spans

    def on_click(self, event: events.Click) -> None:
        """Use the filter under the mouse."""
        found = event.get_content_offset(self)
        for start, end, name in self._spans:
            if found is not None and start <= found.x < end:
                self.post_message(self.Chosen(name))
