"""Text in two columns: what does not fit goes on under its own column, not at the margin."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text
from textual.widgets import Static

__all__ = ["HANG", "Hanging", "hung"]

HANG = "\t"
"""Stands in a line where its text hangs from. Text from elsewhere never has one: it is cleaned."""

_CONSOLE = Console(color_system="truecolor", width=400)
"""Only breaks lines."""


def hung(text: Text, width: int) -> Text:
    """The text in lines of so many cells at the most, the marks taken out."""
    found: list[Text] = []
    for line in text.split("\n", allow_blank=True):
        place = line.plain.find(HANG)
        label, words = (line[:place], line[place + 1 :]) if place >= 0 else (Text(), line)
        room = width - label.cell_len
        if room < 10:
            # Nothing can hang where there is no room.
            label, words, room = Text(), Text.assemble(label, words), max(1, width)
        for number, part in enumerate(words.wrap(_CONSOLE, room)):
            found.append(Text.assemble(label if not number else " " * label.cell_len, part))
    return Text("\n").join(found)


class Hanging(Static):
    """Such a text, drawn for the width as it is now."""

    def get_content_height(self, container: Any, viewport: Any, width: int) -> int:
        """Its lines at that width."""
        return len(self._hung(width).plain.split("\n")) if width else 0

    def render(self) -> Text:
        """For its own width."""
        return self._hung(self.content_size.width)

    def _hung(self, width: int) -> Text:
        content = self.content
        return hung(content if isinstance(content, Text) else Text(str(content)), max(1, width))
