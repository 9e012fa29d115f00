"""Where the words of a mail are written. What a template shows is coloured; what it can't show is marked."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from rich.style import Style
from rich.text import Text
from textual.widgets import TextArea

from hub.notify.language import FILTERS

__all__ = ["SourceEditor", "coloured"]

_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}")
_NAME = re.compile(r"[A-Za-z_]\w*")
_LITERAL = re.compile(r"'[^']*'|\"[^\"]*\"")
_WORDS = frozenset(
    (
        *("if", "elif", "else", "endif", "and", "or", "not", "is", "in", "defined", "none"),
        *("true", "false", "True", "False", "None"),
        *FILTERS,
    )
)
"""What stands between the braces and is no value."""


def coloured(line: str, known: Collection[str], colours: dict[str, str], *, subject: bool = False) -> Text:
    """A line of a template. A name that there is not is bold and underlined, so that no colour has to say it."""
    text = Text(line, end="", no_wrap=True)
    if subject and line.lower().startswith("subject:"):
        text.stylize(f"bold {colours['muted']}", 0, len("subject:"))
    for tag in _TAG.finditer(line):
        kind = tag[0][1]
        text.stylize(colours[{"{": "info", "%": "progress", "#": "faint"}[kind]], tag.start(), tag.end())
        if kind == "#":
            continue
        inside = _LITERAL.sub(lambda found: " " * len(found[0]), tag[0])
        for name in _NAME.finditer(inside):
            if name[0] not in known and name[0] not in _WORDS:
                start = tag.start() + name.start()
                text.stylize(f"bold underline {colours['failed']}", start, start + len(name[0]))
    return text


class SourceEditor(TextArea):
    """The text of a template."""

    DEFAULT_CSS = """
    SourceEditor, SourceEditor:focus {
        border: none; padding: 0 1; background: $panel; height: 1fr; scrollbar-size-vertical: 1;
    }
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(soft_wrap=True, show_line_numbers=False, tab_behavior="focus", **options)
        # The line of the cursor would lose its colours.
        self.highlight_cursor_line = False
        self.cursor_blink = False
        self.known: frozenset[str] = frozenset()
        self.is_file = True
        """Whether it begins with a subject, as the text does and the HTML part doesn't."""

    def get_line(self, line_index: int) -> Text:
        """A line in colours."""
        line = self.document.get_line(line_index)
        found = coloured(line, self.known, self.app.theme_variables, subject=self.is_file and line_index == 0)
        # What stands below everything else: the colour of plain text.
        found.stylize_before(Style(color=self.app.theme_variables["foreground"]))
        return found

    def put(self, text: str, known: Collection[str], *, is_file: bool) -> None:
        """Show another text; the cursor goes to its begin."""
        self.known, self.is_file = frozenset(known), is_file
        if text != self.text:
            self.load_text(text)
        # After the empty line below the subject, where most of what is written stands.
        self.move_cursor((min(2, self.document.line_count - 1) if is_file else 0, 0))
        self.call_after_refresh(self.scroll_to, 0, 0, animate=False)
        self._line_cache.clear()
        self.refresh()
