"""A mapping table while somebody edits it: as it was, as it is now, and every step in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.studio.editing import row_values
from hub.studio.model import CommunityRow, LinkRow, PassRow, ResourceRow, RoomRow, Row

__all__ = ["Draft", "Edit", "key_of", "keyed"]

BETWEEN = "\x1f"


def key_of(row: Row) -> str:
    """What a row is about: the same before and after an edit of what it says."""
    parts: Sequence[str]
    if isinstance(row, PassRow):
        parts = (
            row.source,
            row.target,
            "group" if row.group is not None else "locks",
            row.group or "+".join(row.locks),
        )
    elif isinstance(row, ResourceRow):
        parts = (row.source, row.target, *row.resource)
    elif isinstance(row, CommunityRow):
        parts = (row.source, row.target, *row.community)
    elif isinstance(row, RoomRow):
        parts = (row.source, row.target, "location" if row.room_plan is None else "room_plan", place_of(row))
    elif isinstance(row, LinkRow):
        return f"{row.target}/{row.member}"
    else:
        parts = (row.source_name, row.target)
    return BETWEEN.join(parts)


def place_of(row: RoomRow) -> str:
    """The room plan or location."""
    return row.room_plan or row.location or ""


def keyed(rows: Sequence[Row]) -> dict[str, Row]:
    """Rows by what they are about; the second one about the same has a number behind it."""
    found: dict[str, Row] = {}
    for row in rows:
        key = plain = key_of(row)
        number = 1
        while key in found:
            number += 1
            key = f"{plain}{BETWEEN}#{number}"
        found[key] = row
    return found


@dataclass(frozen=True)
class Edit:
    """One row is to say this, by the keys of a studio file; None takes it away."""

    key: str
    values: dict[str, Any] | None


@dataclass
class Draft:
    """One table. `seen` is what stood there when the edit began."""

    kind: str
    seen: list[Row] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    _steps: list[list[Row]] = field(default_factory=list)

    def begin(self, rows: Sequence[Row]) -> None:
        """Start from what is saved."""
        self.seen, self.rows, self._steps = list(rows), list(rows), []

    def change(self, rows: Sequence[Row]) -> None:
        """The table is this now."""
        if list(rows) != self.rows:
            self._steps.append(self.rows)
            self.rows = list(rows)

    def put(self, made: dict[str, Row | None]) -> None:
        """These rows say something else now, are new, or are gone."""
        rows = keyed(self.rows)
        for key, row in made.items():
            if row is None:
                rows.pop(key, None)
            else:
                rows[key] = row
        self.change(list(rows.values()))

    def undo(self) -> bool:
        """One step back; False at the beginning."""
        if not self._steps:
            return False
        self.rows = self._steps.pop()
        return True

    @property
    def changed(self) -> set[str]:
        """What the rows are about that say something else than what is saved."""
        before, now = keyed(self.seen), keyed(self.rows)
        return {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)}

    @property
    def unsaved(self) -> int:
        """How many rows are not as they are saved."""
        return len(self.changed) or int(self.rows != self.seen)

    def values(self, key: str) -> dict[str, Any]:
        """What a row says, to be changed; nothing where there is none."""
        row = keyed(self.rows).get(key)
        return row_values(row) if row is not None else {}
