"""A table for a hundred thousand rows: an array of ids in order, and only the rows around the screen read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
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

from tui.jobs import deferred
from tui.words import printable

__all__ = ["Column", "IdTable"]

PAGE = 64


@dataclass(frozen=True)
class Column:
    """One column. Its width is declared, never measured; `grow` takes what is left over. Columns with a `drop` go
    first, the highest number before the others, when the table is narrow. Cells with a `*` are one over all columns."""

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
        Binding("enter", "open", "open"),
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

    def __init__(
        self,
        columns: Sequence[Column],
        load: Load,
        *,
        empty: str = "",
        opens: str = "open",
        titled: bool = True,
        id: str | None = None,
    ) -> None:
        """`opens`: what enter does, in a word (empty: nothing). `titled`: whether there is a line of titles."""
        super().__init__(id=id)
        self.columns, self._load, self.empty, self.opens = tuple(columns), load, empty, opens
        self._head = 1 if titled else 0
        self.ids: Sequence[str] = ()
        self.fresh: set[str] = set()
        """Rows that came and that nobody has seen yet."""
        self._at: dict[str, int] | None = None
        self._rows: dict[str, Cells] = {}
        self._asked: set[int] = set()

    # ── what is in it ─────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def row(self) -> str | None:
        """The id under the cursor."""
        return self.ids[self.cursor] if self.ids else None

    def show(self, ids: Sequence[str], *, keep: bool = True) -> None:
        """Show these ids in this order. With `keep`, what is on screen stays where it is: the cursor with its id where
        that is still there, else with its place; rows that came are counted in `fresh`. What is known of rows is read
        again, and only lines that differ are painted."""
        before, lines, place = self.row, self._on_screen(), self.cursor
        if not keep or not self.ids:
            self.fresh.clear()
        elif self.ids is not ids and self.ids != ids:
            self.fresh = (self.fresh & set(ids)) | (set(ids) - set(self.ids))
        held = place - self.scroll_offset.y
        self.ids, self._at = ids, None
        self._asked.clear()
        self.virtual_size = Size(self.size.width, len(ids) + self._head)
        if keep and before is not None and (found := self._place_of(before)) is not None:
            place = found
        self.set_reactive(IdTable.cursor, self._allowed(max(0, min(place, len(ids) - 1)), 1))
        if keep and self.cursor - held != self.scroll_offset.y:
            self.scroll_to(y=max(0, self.cursor - held), animate=False, force=True, immediate=True)
        self._into_view()
        after = self._on_screen()
        self.fresh.difference_update(after)
        self._rows = {row: self._rows[row] for row in after if row in self._rows}
        if not ids or not lines:
            self.refresh()
        else:
            for number in range(max(len(lines), len(after))):
                if lines[number : number + 1] != after[number : number + 1]:
                    self._paint(number)
        self._reread()
        if self.row != before:
            self.post_message(self.Moved(self, self.row))

    def follow(self) -> None:
        """Go to what is new: the first row that came and was not seen, else the first row of all."""
        place = min((found for row in self.fresh if (found := self._place_of(row)) is not None), default=0)
        self.fresh.clear()
        self._go(place)

    def forget(self) -> None:
        """Read everything again, and paint it anew: it looks different now."""
        self._rows.clear()
        self._asked.clear()
        self.refresh()

    def _on_screen(self) -> list[str]:
        top = self.scroll_offset.y
        return list(self.ids[top : top + self._visible]) if self.size.height else []

    def _paint(self, line: int) -> None:
        if 0 <= line < self._visible:
            self.refresh(Region(0, line + self._head, self.size.width, 1))

    def _reread(self) -> None:
        """Read again what is on screen and known already; what is not known is read when it is drawn."""
        top = self.scroll_offset.y
        for place in range(top, min(len(self.ids), top + self._visible)):
            if self.ids[place] in self._rows:
                self._want(place)

    def _place_of(self, row: str) -> int | None:
        if self._at is None:
            self._at = {one: place for place, one in enumerate(self.ids)}
        return self._at.get(row)

    async def _read(self, page: int) -> None:
        wanted = self.ids[page * PAGE : (page + 1) * PAGE]
        try:
            found = await self._load(wanted)
        except BaseException:
            self._asked.discard(page)
            raise
        top = self.scroll_offset.y
        changed = [place for place, row in enumerate(wanted, page * PAGE) if self._rows.get(row) != found.get(row)]
        self._rows.update(found)
        if len(self._rows) > 40 * PAGE:
            near = set(self.ids[max(0, self.cursor - 4 * PAGE) : self.cursor + 4 * PAGE])
            self._rows = {row: cells for row, cells in self._rows.items() if row in near or row in found}
            self._asked = {page}
        if wanted and tuple(self.ids[page * PAGE : page * PAGE + len(wanted)]) != tuple(wanted):
            self.refresh()
            return
        for place in changed:
            self._paint(place - top)

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
        if y < self._head:
            text = Text("  ")
            for column, size in self._widths():
                text.append_text(_fit(Text(column.title, style=colours["muted"]), size, right=column.right))
                text.append("  ")
            return _strip(text, width, Style.parse(f"on {colours['surface']}"))
        place = self.scroll_offset.y + y - self._head
        if place >= len(self.ids):
            text = Text(f"  {self.empty}" if not self.ids and y == self._head else "", style=colours["muted"])
            return _strip(text, width, Style.parse(f"on {colours['surface']}"))
        here = place == self.cursor
        ground = colours["row"] if here and self.has_focus else colours["panel"] if here else colours["surface"]
        text = Text.assemble(("▌ " if here and self.has_focus else "  ", colours["accent"]))
        cells = self._rows.get(self.ids[place])
        if cells is None:
            self._want(place)
            text.append("…", style=colours["faint"])
        elif "*" in cells:
            whole = cells["*"]
            text.append_text(_fit(whole.copy() if isinstance(whole, Text) else Text(whole), max(1, width - 4)))
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
            self.run_worker(deferred(partial(self._read, page)), group="rows", exit_on_error=False)

    def _allowed(self, place: int, step: int) -> int:
        """The nearest place that the cursor may be on."""
        return place

    # ── moving ────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _visible(self) -> int:
        return max(1, self.size.height - self._head)

    def watch_cursor(self, before: int, after: int) -> None:
        """Keep it in view, and repaint the two lines that changed."""
        scrolled = self._into_view()
        if not scrolled:
            for place in (before, after):
                self._paint(place - self.scroll_offset.y)
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
            wanted = max(0, min(place, len(self.ids) - 1))
            self.cursor = self._allowed(wanted, 1 if wanted >= self.cursor else -1)

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
        place = self.scroll_offset.y + event.y - self._head
        if event.y < self._head or place >= len(self.ids):
            return
        again = place == self.cursor
        self._go(place)
        if again:
            self.action_open()

    def on_resize(self) -> None:
        """Another width: everything is drawn anew."""
        self.virtual_size = Size(self.size.width, len(self.ids) + self._head)
        self._into_view()

    def on_focus(self) -> None:
        """The cursor shows that the keys come here."""
        self.refresh()

    def on_blur(self) -> None:
        """And that they don't."""
        self.refresh()


def _fit(text: Text, width: int, *, right: bool = False) -> Text:
    if not text.plain.isprintable():
        # A name must not be able to move the cursor. The length stays, so the spans do.
        text.plain = printable(text.plain)
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
