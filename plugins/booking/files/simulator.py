"""The desk, simulated: a booking system that exports its tables to a folder. For tests, the demo and benchmarks.

    desk = Desk(folder)
    desk.members.append({"id": "1", "given_name": "Anna"})
    desk.export(at=now)

An export is written as every export should be: the mark goes away first, each file is replaced in one step, and the
mark comes back last. The switches in `Faults` do it wrong.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from plugins.booking.files import wire

__all__ = ["Desk", "Faults", "Row", "write_export"]

Row = Mapping[str, Any]


@dataclass
class Faults:
    """What can be wrong with an export."""

    torn: str | None = None
    """Name of a file of which only the first half is written."""
    encoding: str = "utf-8"
    """How text becomes bytes: `utf-8-sig`, `cp1252`, `utf-16`."""
    mark: str | None = None
    """What stands in the mark in place of the time."""


@dataclass
class Desk:
    """Tables as lists of rows, one for each file; a row maps columns to values.

    Values may be text, numbers, booleans, dates, aware or naive datetimes, or None for an empty cell. A table is
    written when it has rows or when its file is already there, with all known columns and those that its rows add.
    """

    folder: Path
    members: list[Row] = field(default_factory=list)
    badges: list[Row] = field(default_factory=list)
    passes: list[Row] = field(default_factory=list)
    member_passes: list[Row] = field(default_factory=list)
    communities: list[Row] = field(default_factory=list)
    community_members: list[Row] = field(default_factory=list)
    locations: list[Row] = field(default_factory=list)
    resources: list[Row] = field(default_factory=list)
    instructors: list[Row] = field(default_factory=list)
    room_plans: list[Row] = field(default_factory=list)
    spots: list[Row] = field(default_factory=list)
    sessions: list[Row] = field(default_factory=list)
    bookings: list[Row] = field(default_factory=list)
    separator: Literal[",", ";"] = ","
    faults: Faults = field(default_factory=Faults)

    def export(self, *, complete: bool = True, at: datetime | None = None) -> None:
        """Write all files, and the mark with the time of the export unless it is to be left out."""
        self.folder.mkdir(parents=True, exist_ok=True)
        mark = self.folder / wire.MARK
        mark.unlink(missing_ok=True)
        for table in wire.TABLES:
            rows: list[Row] = getattr(self, table.file.removesuffix(".csv"))
            if rows or (self.folder / table.file).exists():
                self._write(table.file, self._text(table.columns, rows).encode(self.faults.encoding, "replace"))
        if complete:
            text = (at or datetime.now(UTC)).isoformat() if self.faults.mark is None else self.faults.mark
            self._write(wire.MARK, text.encode())

    def _text(self, columns: Sequence[str], rows: Sequence[Row]) -> str:
        text = io.StringIO(newline="")
        names = list(dict.fromkeys([*columns, *(name for row in rows for name in row)]))
        writer = csv.writer(text, delimiter=self.separator)
        writer.writerow(names)
        writer.writerows([_cell(row.get(name)) for name in names] for row in rows)
        return text.getvalue()

    def _write(self, name: str, data: bytes) -> None:
        if name == self.faults.torn:
            data = data[: len(data) // 2]
        beside = self.folder / f".{name}.tmp"
        beside.write_bytes(data)
        beside.replace(self.folder / name)


def write_export(folder: Path, *, complete: bool = True, at: datetime | None = None, **tables: list[Row]) -> Desk:
    """Write an export of these tables in one go: `write_export(folder, members=[…], badges=[…])`."""
    desk = Desk(folder, **tables)  # type: ignore[arg-type]  # the names are checked by the call itself
    desk.export(complete=complete, at=at)
    return desk


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
