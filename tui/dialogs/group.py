"""Several things of one kind that need somebody: which they are, and each of them to open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Static

from hub.look.needs import Need
from tui.cells import Column
from tui.dialogs.base import Dialog
from tui.dialogs.item import ItemDialog
from tui.questions import keys_line
from tui.table import IdTable
from tui.theme import glyph, state
from tui.words import clean, member_of

__all__ = ["GroupDialog"]


class GroupDialog(Dialog[str | None]):
    """The panel. Its result is that of the entry that was opened: where to go on."""

    DEFAULT_CSS = """
    GroupDialog > #panel { width: 100; max-width: 95%; }
    GroupDialog #items { height: auto; max-height: 16; background: $panel; }
    """
    BINDINGS: ClassVar[list[Any]] = [Binding("x", "explain", "explain")]

    def __init__(self, need: Need) -> None:
        super().__init__()
        self._need = need
        self._items = {str(item["id"]): item for item in need.items}

    def content(self) -> ComposeResult:
        """How many, which, the keys."""
        yield Static("", id="text")
        yield IdTable([Column("what", "", 30, grow=True)], self._rows, titled=False, id="items")
        yield Static("", id="keys", classes="foot")

    def on_mount(self) -> None:
        """Fill it."""
        colours = self.app.theme_variables
        shown = state("failed" if self._need.code.endswith("_failed") else "warning")
        where = f"  {clean(self._need.connection)}" if self._need.connection else ""
        title = Text.assemble(
            (f"{glyph(shown)} ", f"bold {colours[shown.colour]}"),
            (clean(self._need.text), "bold"),
            (where, colours["muted"]),
        )
        self.query_one("#text", Static).update(Text("\n").join([title, Text()]))
        keys = [("enter", "open"), ("x", "explain"), ("esc", "close")]
        self.query_one("#keys", Static).update(keys_line(keys, colours))
        table = self.query_one("#items", IdTable)
        table.styles.height = min(16, len(self._items))
        table.show(list(self._items))
        table.focus()

    async def _rows(self, ids: Sequence[str]) -> dict[str, dict[str, Text | str]]:
        return {key: {"what": clean(self._items[key]["text"])} for key in ids}

    @on(IdTable.Opened, "#items")
    async def _opened(self, message: IdTable.Opened) -> None:
        item = self._items[message.row]
        await self.app.push_screen(ItemDialog(item, member_of(item)), self._chosen)

    def _chosen(self, to: str | None) -> None:
        if to is not None:
            self.dismiss(to)

    def action_explain(self) -> None:
        """Why has, or hasn't, the person that the entry is about access."""
        item = self._items.get(self.query_one("#items", IdTable).row or "")
        member = member_of(item) if item is not None else None
        if member is not None:
            from tui.dialogs.explain import ExplainDialog

            self.app.push_screen(ExplainDialog(member))
