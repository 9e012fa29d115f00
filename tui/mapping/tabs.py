"""The line that names the mapping tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widget import Widget

__all__ = ["Tabs"]


class Tabs(Widget):
    """The six tables, and how much is not saved."""

    DEFAULT_CSS = """
    Tabs { height: 2; padding: 0 1; }
    """

    class Chosen(Message):
        """Somebody clicked a table."""

        def __init__(self, place: int) -> None:
            self.place = place
            super().__init__()

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names, self.here = names, 0
        self.badges: dict[str, int] = {}
        self.unsaved = 0
        self._spans: list[tuple[int, int]] = []

    def render(self) -> Text:
        """In one line."""
        colours = self.app.theme_variables
        found, self._spans = Text(), []
        tight = self.content_size.width < 84
        for place, name in enumerate(self.names):
            start = found.cell_len
            style = f"bold underline {colours['accent']}" if place == self.here else colours["foreground"]
            found.append(f"[{name}]" if place == self.here else name, style=style)
            if self.badges.get(name):
                found.append(f" {self.badges[name]}", style=f"bold {colours['progress']}")
            self._spans.append((start, found.cell_len))
            found.append(" " if tight else "  ")
        if self.unsaved:
            found.append(f"{'' if tight else '   '}✎ {self.unsaved} unsaved", style=f"bold {colours['progress']}")
        return found

    def on_click(self, event: events.Click) -> None:
        """Go to the table under the mouse."""
        for place, (start, end) in enumerate(self._spans):
            if start <= event.x - 1 < end:
                self.post_message(self.Chosen(place))
