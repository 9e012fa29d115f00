"""A table for a hundred thousand rows: an array of ids in order, and only the rows around the screen read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from textwrap import wrap
from typing import Any, ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.cells import Cells, Column, Load, fit, strip, widths
from tui.jobs import deferred

__all__ = ["Column", "IdTable"]

PAGE = 64


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
        Binding("space", "mark", "mark", show=False),
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

    class Marked(Message):
        """Other rows are marked now."""

        def __init__(self, table: IdTable) -> None:
            self.table = table
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
        marking: bool = False,
        id: str | None = None,
    ) -> None:
        """`opens`: what enter does, in a word (empty: nothing). `titled`: whether there is a line of titles. `marking`:
        whether rows can be marked, so that one key does something about all of them."""
        super().__init__(id=id)
        self.columns, self._load, self.empty, self.opens = tuple(columns), load, empty, opens
        self._head, self._marking, self._gutter = 1 if titled else 0, marking, 3 if marking else 2
        self.ids: Sequence[str] = ()
        self.fresh: set[str] = set()
        """Rows that came and that nobody has seen yet."""
        self.marks: set[str] = set()
        """Rows that somebody marked. Those that are not shown any more are not marked either."""
        self._rows: dict[str, Cells] = {}
        self._asked: set[int] = set()

    # ── what is in it ─────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def row(self) -> str | None:
        """The id under the cursor."""
        return self.ids[self.cursor] if self.ids else None

    @property
    def first_page(self) -> slice:
        """The rows that a table shows which nobody has moved in yet. Read along with the ids, they need no second way
        to the database and no frame without them."""
        return slice(0, PAGE if not self.ids else 0)

    def show(
        self, ids: Sequence[str], *, keep: bool = True, news: bool = True, rows: Mapping[str, Cells] | None = None
    ) -> None:
        """Show these ids in this order, with what is known of some `rows` already. With `keep`, what is on screen stays
        where it is: the cursor with its id where that is still there, else with its place; rows that came are counted
        in `fresh`, unless others are shown because others were asked for (`news` false). What is known of rows is read
        again, and only lines that differ are painted."""
        before, lines, place = self.row, self._on_screen(), self.cursor
        if not keep or not news or not self.ids:
            self.fresh.clear()
        elif self.ids is not ids and self.ids != ids:
            self.fresh = (self.fresh & set(ids)) | (set(ids) - set(self.ids))
        held = place - self.scroll_offset.y
        self.ids = ids
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
        if self.marks:
            self.marks.intersection_update(ids)
        self._rows = {row: self._rows[row] for row in after if row in self._rows} | dict(rows or {})
        if rows and len(rows) >= min(PAGE, len(ids)):
            self._asked.add(0)
        if not ids or not lines or rows:
            self.refresh()
        else:
            for number in range(max(len(lines), len(after))):
                if lines[number : number + 1] != after[number : number + 1]:
                    self._paint(number)
        if not rows:
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
        try:
            return self.ids.index(row)
        except ValueError:
            return None

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
        return widths(self.columns, self.size.width - self._gutter - self.scrollbar_size_vertical)

    def room_of(self, column: str) -> int:
        """How many cells a column has now; 0 where it has no room."""
        return next((size for one, size in self._widths() if one.key == column), 0)

    def render_line(self, y: int) -> Strip:
        """The title line stays; below it the rows."""
        colours = self.app.theme_variables
        width = self.size.width
        if y < self._head:
            text = Text(" " * self._gutter)
            for column, size in self._widths():
                text.append_text(fit(Text(column.title, style=colours["muted"]), size, right=column.right))
                text.append("  ")
            return strip(text, width, Style.parse(f"on {colours['surface']}"))
        place = self.scroll_offset.y + y - self._head
        if place >= len(self.ids):
            words = wrap(self.empty, max(10, width - 4)) if not self.ids else []
            line = y - self._head
            text = Text(f"  {words[line]}" if line < len(words) else "", style=colours["muted"])
            return strip(text, width, Style.parse(f"on {colours['surface']}"))
        here = place == self.cursor
        ground = colours["row"] if here and self.has_focus else colours["panel"] if here else colours["surface"]
        edge = "▌" if here and self.has_focus else " "
        mark = "× " if self.ids[place] in self.marks else "  "
        text = Text.assemble((f"{edge}{mark if self._marking else ' '}", f"bold {colours['accent']}"))
        cells = self._rows.get(self.ids[place])
        if cells is None:
            self._want(place)
            text.append("…", style=colours["faint"])
        elif "*" in cells:
            whole = cells["*"]
            text.append_text(fit(whole.copy() if isinstance(whole, Text) else Text(whole), max(1, width - 4)))
        else:
            for column, size in self._widths():
                value = cells.get(column.key, "")
                cell = value.copy() if isinstance(value, Text) else Text(value)
                text.append_text(fit(cell, size, right=column.right))
                text.append("  ")
        return strip(text, width, Style.parse(f"{colours['foreground']} on {ground}"))

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

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Marking is for tables that have a use for it."""
        return self._marking if action == "mark" else True

    def action_mark(self) -> None:
        """Mark the row, or take its mark away, and go on to the next."""
        if self.row is not None:
            self.marks ^= {self.row}
            self._paint(self.cursor - self.scroll_offset.y)
            self.post_message(self.Marked(self))
            self.action_move(1)

    def unmark(self) -> None:
        """Take all marks away."""
        if self.marks:
            self.marks.clear()
            self.refresh()
            self.post_message(self.Marked(self))

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
