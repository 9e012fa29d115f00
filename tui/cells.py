"""Cells and lines of a table: columns with declared widths, and text cut to fit them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from tui.words import printable

__all__ = ["Cells", "Column", "Load", "fit", "strip", "widths"]

_CONSOLE = Console(color_system="truecolor", width=400)
"""Only turns text into segments."""


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
"""Reads rows by their ids; ids that are gone are left out."""


def widths(columns: Sequence[Column], room: int) -> list[tuple[Column, int]]:
    """The columns that fit into so many cells, with their widths."""
    kept = list(columns)
    while len(kept) > 1 and sum(column.width + 2 for column in kept) > room:
        worst = max(kept, key=lambda column: column.drop)
        if worst.drop == 0:
            break
        kept.remove(worst)
    left = max(0, room - sum(column.width + 2 for column in kept))
    growing = [column for column in kept if column.grow]
    share = left // len(growing) if growing else 0
    return [(column, column.width + (share if column.grow else 0)) for column in kept]


def fit(text: Text, width: int, *, right: bool = False) -> Text:
    """The text in exactly so many cells; what does not fit ends in `…`."""
    if not text.plain.isprintable():
        # A name must not be able to move the cursor. The length stays, so the spans do.
        text.plain = printable(text.plain)
    if text.cell_len > width:
        text.truncate(max(0, width - 1))
        text.append("…")
    space = " " * max(0, width - text.cell_len)
    return Text.assemble(space, text) if right else Text.assemble(text, space)


def strip(text: Text, width: int, ground: Style) -> Strip:
    """One line of a widget, as wide as that."""
    segments = [
        Segment(part.text, ground + part.style if part.style else ground)
        for part in text.render(_CONSOLE)
        if part.text != "\n"
    ]
    return Strip(segments).adjust_cell_length(width, ground)
