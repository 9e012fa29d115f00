"""A table for a hundred thousand rows: an array of ids in order, and only the rows around the screen read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

__all__ = ["Column", "IdTable"]

PAGE = 64


@dataclass(frozen=True)
class Column:
    """One column. Its width is declared, never measured; `grow` takes what is left over. Columns with a `drop` go
    first, the highest number before the others, when the table is narrow."""

    key: str
    title: str
    width: int
    grow: bool = False
    drop: int = 0
    right: bool = False


Cells = Mapping[str, Text | str]
Load = Callable[[Sequence[str]], Awaitable[Mapping[str, Cells]]]


class IdTable(ScrollView, can_focus=True):
    """Rows by id. The cursor belongs to an id, not to a place: new rows never move it."""

    DEFAULT_CSS = """
    IdTable { height: 1fr; background: $surface; scrollbar-size-vertical: 1; overflow-x: hidden; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("home,g", "end(0)", "first", show=False),
        Binding("end,G", "end(1)", "last", show=False),
        Binding("enter", "open", "open", show=False),
    ]

    cursor: reactive[int] = reactive(0)

    class Moved(Message):
        """The cursor is on another id (None: the table is empty)."""

        def __init__(self, table: IdTable, row: str | None) -> None:
            self.table, self.row = table, row
            super().__init__()

        @property
        def control(self) -> IdTable:
            """The table."""
            return self.table

    class Opened(Message):
        """Somebody wants to see more of a row."""

        def __init__(self, table: IdTable, row: str) -> None:
            self.table, self.row = table, row
            super().__init__()

        @property
        def control(self) -> IdTable:
            """The table."""
            return self.table

    def __init__(self, columns: Sequence[Column], load: Load, *, empty: str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self.columns, self._load, self.empty = tuple(columns), load, empty
        self.ids: Sequence[str] = ()
        self._at: dict[str, int] | None = None
        self._rows: dict[str, Cells] = {}
        self._asked: set[int] = set()

    # ── what is in it ─────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def row(self) -> str | None:
        """The id under the cursor."""
        return self.ids[self.cursor] if self.ids else None

    def show(self, ids: Sequence[str], *, keep: bool = True) -> None:
        """Show these ids in this order. The cursor stays with its id where that is still there (`keep`), else with
        its place."""
        before = self.row
        self.ids, self._at = ids, None
        self._asked.clear()
        self.virtual_size = Size(self.size.width, len(ids) + 1)
        place = self.cursor
        if keep and before is not None and (found := self._place_of(before)) is not None:
            place = found
        self.set_reactive(IdTable.cursor, max(0, min(place, len(ids) - 1)))
        self._into_view()
        self.refresh()
        if self.row != before:
            self.post_message(self.Moved(self, self.row))

    def forget(self, rows: Sequence[str] | None = None) -> None:
        """Read these rows again (all of them: None), and repaint only what is on screen of them."""
        for row in rows if rows is not None else list(self._rows):
            self._rows.pop(row, None)
            place = self._place_of(row) if rows is not None else None
            if place is not None:
                self._asked.discard(place // PAGE)
        if rows is None:
            self._asked.clear()
        self.refresh()

    def _place_of(self, row: str) -> int | None:
        if self._at is None:
            self._at = {one: place for place, one in enumerate(self.ids)}
        return self._at.get(row)

    async def _read(self, page: int) -> None:
        wanted = self.ids[page * PAGE : (page + 1) * PAGE]
        found = await self._load(wanted)
        self._rows.update(found)
        if len(self._rows) > 40 * PAGE:
            near = set(self.ids[max(0, self.cursor - 4 * PAGE) : self.cursor + 4 * PAGE])
            self._rows = {row: cells for row, cells in self._rows.items() if row in near or row in found}
            self._asked = {page}
        first = page * PAGE - self.scroll_offset.y + 1
        self.refresh(Region(0, max(0, first), self.size.width, min(self.size.height, PAGE + 1)))

    # ── how it is drawn ───────────────────────────────────────────────────────────────────────────────────────────

    def _widths(self) -> list[tuple[Column, int]]:
        """The columns that fit, with their widths."""
        room = self.size.width - 2 - self.scrollbar_size_vertical
        kept = list(self.columns)
        while len(kept) > 1 and sum(column.width + 2 for column in kept) > room:
            worst = max(kept, key=lambda column: column.drop)
            if worst.drop == 0:
                break
            kept.remove(worst)
        left = max(0, room - sum(column.width + 2 for column in kept))
        growing = [column for column in kept if column.grow]
        share = left // len(growing) if growing else 0
        return [(column, column.width + (share if column.grow else 0)) for column in kept]

    def render_line(self, y: int) -> Strip:
        """The title line stays; below it the rows."""
        colours = self.app.theme_variables
        width = self.size.width
        if y == 0:
            text = Text("  ")
            for column, size in self._widths():
                text.append_text(_fit(Text(column.title, style=colours["muted"]), size, right=column.right))
                text.append("  ")
            return _strip(text, width, Style.parse(f"on {colours['surface']}"))
        place = self.scroll_offset.y + y - 1
        if place >= len(self.ids):
            text = Text(f"  {self.empty}" if not self.ids and y == 2 else "", style=colours["muted"])
            return _strip(text, width, Style.parse(f"on {colours['surface']}"))
        here = place == self.cursor
        ground = colours["row"] if here and self.has_focus else colours["panel"] if here else colours["surface"]
        text = Text.assemble(("▌ " if here and self.has_focus else "  ", colours["accent"]))
        cells = self._rows.get(self.ids[place])
        if cells is None:
            self._want(place)
            text.append("…", style=colours["faint"])
        else:
            for column, size in self._widths():
                value = cells.get(column.key, "")
                cell = value.copy() if isinstance(value, Text) else Text(value)
                text.append_text(_fit(cell, size, right=column.right))
                text.append("  ")
        return _strip(text, width, Style.parse(f"{colours['foreground']} on {ground}"))

    def _want(self, place: int) -> None:
        page = place // PAGE
        if page not in self._asked:
            self._asked.add(page)
            self.run_worker(self._read(page), group="rows", exit_on_error=False)

    # ── moving ────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _visible(self) -> int:
        return max(1, self.size.height - 1)

    def watch_cursor(self, before: int, after: int) -> None:
        """Keep it in view, and repaint the two lines that changed."""
        scrolled = self._into_view()
        if not scrolled:
            for place in (before, after):
                line = place - self.scroll_offset.y + 1
                self.refresh(Region(0, line, self.size.width, 1))
        self.post_message(self.Moved(self, self.row))

    def _into_view(self) -> bool:
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True)
        elif self.cursor >= top + self._visible:
            self.scroll_to(y=self.cursor - self._visible + 1, animate=False, force=True)
        else:
            return False
        return True

    def _go(self, place: int) -> None:
        if self.ids:
            self.cursor = max(0, min(place, len(self.ids) - 1))

    def action_move(self, by: int) -> None:
        """One row up or down."""
        self._go(self.cursor + by)

    def action_page(self, by: int) -> None:
        """One page up or down."""
        self._go(self.cursor + by * self._visible)

    def action_end(self, last: int) -> None:
        """The first or the last row."""
        self._go(len(self.ids) - 1 if last else 0)

    def action_open(self) -> None:
        """More about this row."""
        if self.row is not None:
            self.post_message(self.Opened(self, self.row))

    def on_click(self, event: events.Click) -> None:
        """Choose the row under the mouse; a second click opens it."""
        place = self.scroll_offset.y + event.y - 1
        if event.y == 0 or place >= len(self.ids):
            return
        again = place == self.cursor
        self._go(place)
        if again:
            self.action_open()

    def on_resize(self) -> None:
        """Another width: everything is drawn anew."""
        self.virtual_size = Size(self.size.width, len(self.ids) + 1)
        self._into_view()

    def on_focus(self) -> None:
        """The cursor shows that the keys come here."""
        self.refresh()

    def on_blur(self) -> None:
        """And that they don't."""
        self.refresh()


def _fit(text: Text, width: int, *, right: bool = False) -> Text:
    if text.cell_len > width:
        text.truncate(max(0, width - 1))
        text.append("…")
    space = " " * max(0, width - text.cell_len)
    return Text.assemble(space, text) if right else Text.assemble(text, space)


def _strip(text: Text, width: int, ground: Style) -> Strip:
    segments = [
        Segment(part.text, ground + part.style if part.style else ground)
        for part in text.render(_CONSOLE)
        if part.text != "\n"
    ]
    return Strip(segments).adjust_cell_length(width, ground)


from rich.console import Console  # noqa: E402 - only to turn text into segments

_CONSOLE = Console(color_system="truecolor", width=400)
