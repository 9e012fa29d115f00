"""Numbers as a plain table: for screen readers, and for copying into something else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Static

from tui.metrics.acts import MetricsPage
from tui.table import Column, IdTable
from tui.words import printable

__all__ = ["Row", "Sheet", "SheetScreen"]


@dataclass(frozen=True)
class Row:
    """A line of a table. `result`, where it is one: its number, whose it is, and whether it was dropped."""

    cells: Mapping[str, str]
    member: str | None = None
    result: tuple[int, str, bool] | None = None


@dataclass(frozen=True)
class Sheet:
    """A table with its title. `note` stands below it."""

    title: str
    columns: Sequence[Column]
    rows: Mapping[str, Row] = field(default_factory=dict)
    note: str = ""

    def as_text(self) -> str:
        """With tabs between, as other programs take it."""
        rows = [{column.key: column.title for column in self.columns}, *(row.cells for row in self.rows.values())]
        return "\n".join("\t".join(_plain(row.get(column.key, "")) for column in self.columns) for row in rows)


def _plain(cell: str) -> str:
    """A cell that no spreadsheet runs as a formula."""
    return f"'{printable(cell)}" if cell[:1] in {"=", "+", "-", "@"} else printable(cell)


class SheetScreen(MetricsPage):
    """One table, and nothing drawn."""

    first = "#sheet"
    pinned = (("esc", "back", True), ("?", "all keys", True))
    BINDINGS: ClassVar[list[Any]] = [
        Binding("c", "copy", "copy all"),
        Binding("x", "explain", "explain"),
        Binding("C", "correct", "correct…"),
        Binding("e", "export", "export…"),
        Binding("t", "back", "as a picture", show=False),
        Binding("escape", "back", "back"),
    ]
    CSS = """
    SheetScreen #title { height: 2; padding: 0 2; }
    SheetScreen #note { height: auto; padding: 0 2; color: $muted; }
    SheetScreen.short #title { height: 1; }
    SheetScreen.phone #note { display: none; }
    """

    def __init__(self, make: Callable[[], Awaitable[Sheet | None]], columns: Sequence[Column]) -> None:
        super().__init__()
        self._make, self._columns = make, columns
        self._sheet: Sheet | None = None

    def body(self) -> ComposeResult:
        """Title, table, note."""
        yield Static("", id="title")
        yield IdTable(self._columns, self._rows, empty="Nothing to show.", opens="", id="sheet")
        yield Static("", id="note")

    async def load(self) -> None:
        """Make it again."""
        sheet = await self._make()
        if sheet is None:
            self.dismiss(None)
            return
        self._sheet = sheet
        self.query_one("#title", Static).update(Text(sheet.title, style="bold"))
        self.query_one("#note", Static).update(Text(sheet.note))
        self.query_one("#sheet", IdTable).show(list(sheet.rows))

    async def _rows(self, ids: Sequence[str]) -> dict[str, dict[str, Text | str]]:
        rows = self._sheet.rows if self._sheet is not None else {}
        return {key: dict(rows[key].cells) for key in ids if key in rows}

    def _row(self) -> Row | None:
        return self._sheet.rows.get(self.query_one("#sheet", IdTable).row or "") if self._sheet is not None else None

    def who(self) -> str | None:
        """Whose line it is."""
        row = self._row()
        return row.member if row is not None else None

    def result(self) -> tuple[int, str, bool] | None:
        """The result of the line."""
        row = self._row()
        return row.result if row is not None else None

    def action_copy(self) -> None:
        """Send all of it to the terminal's clipboard."""
        if self._sheet is not None:
            self.app.copy_to_clipboard(self._sheet.as_text())
            self.say("Sent to your clipboard, with tabs between. Some terminals don't take it.", "done")

    def action_back(self) -> None:
        """To where it came from."""
        self.dismiss(None)
