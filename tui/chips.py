"""Filters with counts, on one line: the one that is on stands out, and each of them can be clicked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widget import Widget

from tui.theme import glyph, state

__all__ = ["Chip", "Chips"]

GAP = 3


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
        """From the width as it is now: counts go first where not all fits, then the words of those that are off."""
        width = self.content_size.width
        for counts, words in ((True, True), (False, True), (False, False)):
            line, spans = self._line(counts=counts, words=words)
            if line.cell_len <= width:
                break
        line.truncate(width)
        self._spans = spans
        return line

    def _line(self, *, counts: bool, words: bool) -> tuple[Text, list[tuple[int, int, str | None]]]:
        colours = self.app.theme_variables
        line, spans = Text(), []
        for chip in self._chips:
            if line:
                line.append(" " * GAP)
            start = line.cell_len
            shown = state(chip.state) if chip.state else None
            mark = f"{glyph(shown)} " if shown is not None else ""
            number = f" {chip.count:,}".replace(",", " ")
            if chip.name == self._on:
                line.append(f" {mark}{chip.label}{number} ", f"bold {colours['background']} on {colours['accent']}")
            else:
                label = chip.label if words or shown is None else ""
                line.append(f"{mark}{label}".rstrip(), colours[shown.colour] if shown is not None else colours["muted"])
                line.append(number if counts or not words else "", colours["muted"])
            spans.append((start, line.cell_len, chip.name))
        return line, spans

    def on_click(self, event: events.Click) -> None:
        """Use the filter under the mouse."""
        found = event.get_content_offset(self)
        for start, end, name in self._spans:
            if found is not None and start <= found.x < end:
                self.post_message(self.Chosen(name))
