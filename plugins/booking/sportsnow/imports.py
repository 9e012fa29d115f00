"""Reading the folder: file after file, page by page, then the mark.

Each file is gone through twice: first for what concerns it as a whole (is it text, which rows are there twice), then
for its records. Nothing is held but ids. The limits of a window in time are left aside: a file is read as a whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from datetime import timedelta
from pathlib import Path

from hub import Connection
from hub.records import Complete, Page, Problem, Record, Window
from plugins.booking.sportsnow import export
from plugins.booking.sportsnow.export import Table
from plugins.booking.sportsnow.folder import SLACK, Mark, look, read_mark
from plugins.booking.sportsnow.rows import Cells, Context, convert, identify, owner
from plugins.booking.sportsnow.settings import SportsNowSettings, settings_of
from plugins.booking.sportsnow.sheet import FileTrouble, Fingerprint, Sheet, fingerprint
from plugins.booking.sportsnow.values import Unreadable

__all__ = ["KINDS", "read"]

KINDS = frozenset(table.kind for table in export.TABLES)

PAGE = 500
"""Records in one page."""

NAMELESS = 20
"""Rows without a readable id that are told one by one; they all mean the same, that their file is not complete."""

_AGAIN = "Correct it in SportsNow and export again."


async def read(connection: Connection, path: Path, window: Window) -> AsyncGenerator[Page | Problem | Complete, None]:
    """The folder's part of what a window asks for."""
    folder = look(path)
    mark = read_mark(folder, connection.timezone)
    context = context_of(connection, settings_of(connection))
    complete: set[str] = set()
    why_not: dict[str, str] = {}
    for name in folder.others:
        if name.lower() in export.NOT_READ:
            yield Problem("", "", name, "is not read: SportsNow's timetable says it already", "Leave it out.")
    for table in folder.tables:
        if window.kinds is not None and table.kind not in window.kinds:
            continue
        reading = Reading(table, context, window)
        # A large file would keep every other connection waiting.
        await asyncio.to_thread(reading.survey, folder.files[table.file])
        for item in reading.items():
            yield item
            await asyncio.sleep(0)
        if reading.absent:
            continue
        reading.hinder(_unmarked(reading, mark))
        if reading.hindered:
            why_not[table.kind] = "; ".join(reading.hindered)
            continue
        complete.add(table.kind)
        if gone := reading.not_found():
            yield Page(table.kind, gone=gone)
    if complete and read_mark(folder, connection.timezone) != mark:
        why_not.update(dict.fromkeys(complete, "another export began while this one was read"))
        complete.clear()
    # Of chosen records nothing follows for the others.
    yield Complete(frozenset(), mark.at) if window.narrow else Complete(frozenset(complete), mark.at, why_not)


def context_of(connection: Connection, settings: SportsNowSettings) -> Context:
    """What the settings say of how rows are meant."""
    forms = {"decimal": "decimal", "hexadecimal": "hex", None: None}
    return Context(connection.timezone, forms[settings.badge_numbers], settings.last_day_included)  # type: ignore[arg-type]


class Reading:
    """The reading of one file. `hindered` gathers what keeps its kind from being complete; `absent`: the file has
    nothing of this kind."""

    def __init__(self, table: Table, context: Context, window: Window) -> None:
        self.table = table
        self.hindered: list[str] = []
        self.absent = False
        self.before: Fingerprint | None = None
        self._context = context
        self._window = window
        self._seen: set[str] = set()
        self._sheet: Sheet | None = None
        self._trouble: FileTrouble | None = None
        self._repeated: set[str] = set()
        self._nameless = 0

    def hinder(self, why: str) -> None:
        """Keep the kind from being complete; an empty reason is none."""
        if why and why not in self.hindered:
            self.hindered.append(why)

    def not_found(self) -> list[str]:
        """The ids that were asked for and that the file doesn't have."""
        asked = {key for kind, key in self._window.ids or () if kind == self.table.kind}
        return sorted(asked - self._seen)

    def survey(self, path: Path) -> None:
        """Learn what concerns the file as a whole; the first time through."""
        self.before = fingerprint(path)
        try:
            sheet = Sheet.open(path, self.table)
            self.absent = not self.table.named and not sheet.has("badges")
            if not self.absent:
                self._repeated = self._twice(sheet)
                self._sheet = sheet
        except FileTrouble as trouble:
            self._trouble = trouble

    def items(self) -> Iterator[Page | Problem]:
        """The records of the file in pages, and a problem for each row that can't be read; the second time."""
        if self._trouble is not None:
            yield self._unreadable(self._trouble)
        sheet = self._sheet
        if sheet is None:
            return
        page: list[Record] = []
        try:
            for item in self._records(sheet, self._repeated):
                if isinstance(item, Problem):
                    yield item
                    continue
                page.append(item)
                if len(page) >= PAGE:
                    yield Page(self.table.kind, page)
                    page = []
        except FileTrouble as trouble:
            yield self._unreadable(trouble)
        yield Page(self.table.kind, page)
        if fingerprint(sheet.path) != self.before:
            self.hinder(f"{sheet.path.name} changed while it was read")

    def _twice(self, sheet: Sheet) -> set[str]:
        """The identities that are there more than once."""
        seen: set[str] = set()
        repeated: set[str] = set()
        for _, cells in sheet.rows():
            key = None if cells is None else self._identity(cells)
            if key is not None:
                (repeated if key in seen else seen).add(key)
        return repeated

    def _identity(self, cells: Cells) -> str | None:
        try:
            return identify(self.table, cells, self._context)
        except Unreadable:
            return None

    def _records(self, sheet: Sheet, repeated: set[str]) -> Iterator[Record | Problem]:
        doubles: dict[str, list[tuple[int, object]]] = {key: [] for key in repeated}
        for line, cells in sheet.rows():
            if cells is None:
                yield from self._problem(
                    f"{sheet.path.name} line {line}", "it has another number of cells than the header"
                )
                continue
            key = self._identity(cells)
            found: list[Record] | Unreadable
            try:
                found = list(convert(self.table, cells, self._context))
            except Unreadable as error:
                found = error
            if key in doubles:
                doubles[key].append((line, found))
            elif not self._asked_for(cells, key, found):
                continue
            elif isinstance(found, Unreadable):
                yield from self._problem(f"{sheet.path.name} line {line}", found.what, found.fix, key)
            else:
                yield from self._sent(found)
        yield from self._settled(sheet.path.name, doubles)
        if self._nameless > NAMELESS:
            what = f"{self._nameless - NAMELESS} more rows have mistakes of that kind"
            yield Problem(self.table.kind, None, sheet.path.name, what, _AGAIN)

    def _settled(self, name: str, doubles: dict[str, list[tuple[int, object]]]) -> Iterator[Record | Problem]:
        """Rows that say the same are one record, others are none."""
        for key, rows in doubles.items():
            found = rows[0][1] if rows else []
            lines = ", ".join(str(line) for line, _ in rows[:5])
            if isinstance(found, list) and all(other == found for _, other in rows):
                wanted = [record for record in found if self._wanted(record)]
                yield from self._sent(wanted)
            else:
                what = f"{len(rows)} rows are about {key!r} and say different things"
                yield from self._problem(f"{name} lines {lines}", what, "Keep the one that is right.", key)

    def _asked_for(self, cells: Cells, key: str | None, found: object) -> bool:
        if not self._window.narrow:
            return True
        if isinstance(found, list):
            return any(self._wanted(record) for record in found)
        return owner(self.table, cells) in (self._window.members or ()) or self._named(key)

    def _wanted(self, record: Record) -> bool:
        if not self._window.narrow:
            return True
        return record.owner in (self._window.members or ()) or self._named(record.id)

    def _named(self, key: str | None) -> bool:
        return key is not None and (self.table.kind, key) in (self._window.ids or ())

    def _sent(self, found: list[Record]) -> Iterator[Record]:
        if self._window.ids is not None:
            self._seen.update(record.id for record in found)
        yield from found

    def _unreadable(self, trouble: FileTrouble) -> Problem:
        self.hinder(f"{trouble.where} {trouble.what}")
        return Problem(self.table.kind, None, trouble.where, trouble.what, trouble.fix)

    def _problem(self, where: str, what: str, fix: str = "", key: str | None = None) -> Iterator[Problem]:
        """A row that can't be read is set aside."""
        if key is not None and self.table.named:
            self._seen.add(key)
            yield Problem(self.table.kind, key, where, what, fix or _AGAIN)
            return
        self.hinder(f"rows of {self.table.file} don't tell which records they are")
        self._nameless += 1
        if self._nameless <= NAMELESS:
            yield Problem(self.table.kind, None, where, what, fix or _AGAIN)


def _unmarked(reading: Reading, mark: Mark) -> str:
    """Why the mark doesn't vouch for this file; empty where it does."""
    if mark.at is None or mark.found is None:
        return mark.why_not
    written = reading.before.modified_ns if reading.before is not None else 0
    if timedelta(microseconds=(written - mark.found.modified_ns) // 1000) <= SLACK:
        return ""
    return f"{reading.table.file} was written after the file {export.MARK!r}; its export may not be finished"
