"""The lines around every screen: product, studio and health; the modes; the keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from textwrap import wrap

from rich.text import Text
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from tui.theme import bar, glyph, state

__all__ = ["PLACES", "Header", "Hint", "Hints", "Mode", "StatusLine", "put"]


def put(place: Static, text: Text | str) -> None:
    """Show a text, where it is not shown already. The screen is laid out anew only where that may take another number
    of lines: drawing all of it for one word is what a slow line feels."""
    before = place.content
    if before == text and type(before) is type(text):
        return
    height = place.styles.height
    fixed = height is not None and not height.is_auto
    place.update(text, layout=not (fixed or str(before) == str(text)))


class Mode:
    """One of the seven places."""

    def __init__(self, key: str, name: str, title: str) -> None:
        self.key, self.name, self.title = key, name, title


PLACES = (
    Mode("1", "today", "Today"),
    Mode("2", "access", "Access"),
    Mode("3", "runs", "Runs"),
    Mode("4", "mapping", "Mapping"),
    Mode("5", "vendors", "Vendors"),
    Mode("6", "metrics", "Metrics"),
    Mode("7", "mail", "Mail"),
)


Hint = tuple[str, str, bool]
"""A key, what it does, and whether it can do so now."""


class Header(Widget):
    """Two lines: who and how, and where."""

    DEFAULT_CSS = """
    Header { height: 2; padding: 0 1; background: $background; }
    """

    studio: reactive[str] = reactive("")
    health: reactive[tuple[str, str]] = reactive(("ok", ""))
    engine: reactive[tuple[str, str]] = reactive(("", ""))
    """Who sees to it that things happen by themselves, and that in words."""
    badges: reactive[dict[str, int]] = reactive(dict)
    now: reactive[datetime | None] = reactive(None)
    mode: reactive[str] = reactive("today")
    read_only: reactive[bool] = reactive(False)

    class Chosen(Message):
        """Somebody clicked a mode."""

        def __init__(self, mode: str) -> None:
            self.mode = mode
            super().__init__()

    def __init__(self) -> None:
        super().__init__()
        self._spans: list[tuple[int, int, str]] = []

    def render(self) -> Text:
        """Both lines, from the width as it is now."""
        width = self.content_size.width
        colours = self.app.theme_variables
        left = Text.assemble(("◆ hub  ", f"bold {colours['accent']}"), self.studio)
        if self.read_only:
            left.append("  read only", style=f"bold {colours['progress']}")
        shown = state(self.health[0])
        health = Text.assemble((f"{glyph(shown)} ", colours.get(shown.colour, "")), (self.health[1], colours["muted"]))
        health = health if self.health[1] else Text()
        clock = (f"   {self.now:%a %-d %b %H:%M}" if self.now else "", colours["muted"])
        for end in (
            Text.assemble(health, *self._engine(colours, does=True), clock),
            Text.assemble(health, *self._engine(colours), clock),
            Text.assemble(health, *self._engine(colours, does=True)),
            Text.assemble(health, *self._engine(colours)),
            Text.assemble(health, *self._engine(colours, short=True)),
            health,
        ):
            if left.cell_len + end.cell_len + 2 <= width:
                break
        gap = max(1, width - left.cell_len - end.cell_len)
        line = Text.assemble(left, " " * gap, end)
        line.truncate(width)
        return Text("\n").join([line, self._modes(width)])

    def _engine(self, colours: dict[str, str], *, short: bool = False, does: bool = False) -> list[tuple[str, str]]:
        by, words = self.engine
        words = ("engine" if by == "here" else "engine off" if by == "none" else "") if short else words
        if by == "none":
            does_what = [(" runs it here", colours["muted"])] if does else []
            look = (f"   {glyph(state('warning'))} {words}", colours["progress"])
            return [look, (" E", f"bold {colours['accent']}"), *does_what]
        mark = f"{glyph(state('running'))} " if by == "here" else ""
        return [(f"   {mark}{words}", colours["muted"])] if words else []

    def _modes(self, width: int) -> Text:
        """The badges stand off from the one that is on, and everything closer where not all fits."""
        for tight, gap in ((width < 78, " "), (width < 78, ""), (True, "")):
            found = self._line(tight=tight, gap=gap)
            if len(found.plain.rstrip()) <= width:
                break
        found.truncate(width)
        return found

    def _line(self, *, tight: bool, gap: str) -> Text:
        colours = self.app.theme_variables
        found = Text()
        self._spans = []
        for one in PLACES:
            start = found.cell_len
            if one.name == self.mode:
                found.append(f" {one.key} {one.title} ", style=f"bold {colours['background']} on {colours['accent']}")
            else:
                found.append(f" {one.key} ", style=colours["accent"])
                found.append("" if tight else f"{one.title} ")
            count = self.badges.get(one.name, 0)
            if count and one.name == self.mode:
                found.append(gap)
            if count:
                found.append(f"{count} ", style=f"bold {colours['failed' if one.name == 'access' else 'progress']}")
            self._spans.append((start, found.cell_len, one.name))
            found.append("" if tight else gap)
        return found

    def on_click(self, event: events.Click) -> None:
        """Go to the mode under the mouse."""
        if event.y == 1:
            for start, end, name in self._spans:
                if start <= event.x - 1 < end:
                    self.post_message(self.Chosen(name))


class Hints(Widget):
    """The last line: the keys that do something here, best first; what does not fit is dropped from the end, but never
    the way back and the way to all keys."""

    DEFAULT_CSS = """
    Hints { height: 1; padding: 0 1; background: $background; dock: bottom; }
    """

    hints: reactive[tuple[Hint, ...]] = reactive(())
    pinned: reactive[tuple[Hint, ...]] = reactive((("?", "all keys", True),))

    def render(self) -> Text:
        """As many as fit."""
        width = self.content_size.width
        end = self._text(self.pinned)
        found = Text()
        for hint in self.hints:
            more = self._text([hint])
            if found.cell_len + 3 + more.cell_len + 3 + end.cell_len > width:
                break
            found = Text.assemble(found, "   " if found else "", more)
        return Text.assemble(found, " " * max(1, width - found.cell_len - end.cell_len), end)

    def _text(self, hints: Sequence[Hint]) -> Text:
        colours = self.app.theme_variables
        parts = [
            Text.assemble(
                (key if works else f"({key}", f"bold {colours['accent']}" if works else colours["faint"]),
                (f" {what}" if works else f" {what})", colours["muted"] if works else colours["faint"]),
            )
            for key, what, works in hints
        ]
        return Text("   ").join(parts)


class StatusLine(Widget):
    """A line above the keys, there only while it has something to say: how far work is, or why a key did nothing. A
    sentence that is longer takes more lines, up to a third of the screen."""

    DEFAULT_CSS = """
    StatusLine { height: auto; padding: 0 1; background: $panel; dock: bottom; margin-bottom: 1; display: none; }
    StatusLine.says { display: block; }
    """

    text: reactive[str] = reactive("")
    kind: reactive[str] = reactive("planned")
    share: reactive[float | None] = reactive(None)
    """How much of it is done, where that is known."""

    def watch_text(self, before: str, text: str) -> None:
        """Nothing to say, nothing there. The screen is laid out anew only where another number of lines is."""
        self.set_class(bool(text), "says")
        width = self.content_size.width
        if width and len(self._lines(before, width)) != len(self._lines(text, width)):
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """The lines that it takes at that width."""
        return len(self._lines(self.text, width))

    def _lines(self, text: str, width: int) -> list[str]:
        lines = wrap(text, max(10, width - 2)) or [""]
        most = max(2, self.app.size.height // 3)
        return lines if len(lines) <= most else [*lines[: most - 1], f"{lines[most - 1]} …"]

    def render(self) -> Text:
        """Shape, words, and a bar where the end is known."""
        colours = self.app.theme_variables
        shown = state(self.kind)
        width = self.content_size.width
        words = "\n  ".join(self._lines(self.text, width))
        line = Text.assemble((f"{glyph(shown)} ", f"bold {colours[shown.colour]}"), (words, colours["foreground"]))
        if "\n" in words:
            return line
        if self.share is not None and line.cell_len + 14 < width:
            line.append("  ")
            line.append_text(bar(self.share, min(30, width - line.cell_len), colours[shown.colour], colours["faint"]))
        line.truncate(width, overflow="ellipsis")
        return line
