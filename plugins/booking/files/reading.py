"""Reading one file, from the first look at it to its last record.

It is gone through twice. The first time finds out what concerns the file as a whole (is it text, which ids are there
twice), the second one hands out its records; so nothing is held but ids, and nothing is handed out that a later row
takes back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from hub.clock import Clock
from hub.records import Page, Problem, Record
from plugins.booking.files.rows import Cells, Context, converter
from plugins.booking.files.sheet import Broken, FileTrouble, Sheet
from plugins.booking.files.values import RowError
from plugins.booking.files.wire import Table

__all__ = ["Reading"]

PAGE = 500
"""Records in one page, and rows between two looks at what else there is to do."""

TRIES = 3
"""How often a file that changes meanwhile is looked at, before it is read as it is."""

PAUSE = 0.2
"""Seconds between two tries."""

NAMELESS = 20
"""Rows without a readable id that are told one by one; they all mean the same, that their file is not complete."""

_AGAIN = "Correct it in the booking system and export again."


class Reading:
    """The reading of one file. `hindered` gathers what keeps its kind from being complete."""

    def __init__(self, table: Table, context: Context, clock: Clock, members: frozenset[str] | None) -> None:
        self.table = table
        self.hindered: list[str] = []
        self.modified_ns = 0
        self._clock = clock
        self._places = context.places
        self._rows = converter(table.kind, context)
        self._members = members
        self._owner = table.columns.index(table.owner) if table.owner else 0
        self._repeated: dict[str, list[tuple[int, Record | Broken]]] = {}
        self._nameless = 0
        if members is not None:
            self.hinder("only the records of some members were asked for")

    def hinder(self, why: str) -> None:
        """Keep the kind from being complete; an empty reason is none."""
        if why and why not in self.hindered:
            self.hindered.append(why)

    async def read(self, path: Path) -> AsyncGenerator[Page | Problem, None]:
        """The records of the file in pages, and a problem for each row that can't be read."""
        try:
            sheet = await self._look(path)
        except FileTrouble as trouble:
            yield self._unreadable(trouble)
            return
        with sheet:
            self.modified_ns = sheet.opened.st_mtime_ns
            page: list[Record] = []
            for item in self._items(sheet):
                if item is None:
                    await asyncio.sleep(0)
                elif isinstance(item, Problem):
                    yield item
                else:
                    page.append(item)
                    if len(page) == PAGE:
                        yield Page(self.table.kind, page)
                        page = []
            if page:
                yield Page(self.table.kind, page)
            if sheet.changed():
                self.hinder(f"{sheet.name} changed while it was read")

    # ── the first time through ────────────────────────────────────────────────────────────────────────────────────

    async def _look(self, path: Path) -> Sheet:
        """Open the file and learn what concerns it as a whole; again from the start if it changes meanwhile."""
        tries = 0
        while True:
            tries += 1
            with ExitStack() as stack:
                sheet = stack.enter_context(Sheet(path, self.table))
                try:
                    await self._survey(sheet)
                except FileTrouble:
                    if tries == TRIES or not sheet.changed():
                        raise
                else:
                    if tries == TRIES or not sheet.changed():
                        stack.pop_all()
                        return sheet
            await self._clock.sleep(PAUSE)

    async def _survey(self, sheet: Sheet) -> None:
        for _ in sheet.check():
            await asyncio.sleep(0)
        sheet.read_header()
        seen: set[str] = set()
        self._repeated = {}
        # A quote that is never closed is told when the rows are read; what stands above it is still good.
        with suppress(FileTrouble):
            for number, (_, cells, broken) in enumerate(sheet.rows(), 1):
                if number % PAGE == 0:
                    await asyncio.sleep(0)
                record_id = self._identify(cells) if broken is None else broken.id
                if record_id in seen:
                    self._repeated[record_id] = []
                elif record_id is not None:
                    seen.add(record_id)

    def _identify(self, cells: Cells) -> str | None:
        try:
            return self._rows.identify(cells)
        except RowError:
            return None

    # ── the second time ───────────────────────────────────────────────────────────────────────────────────────────

    def _items(self, sheet: Sheet) -> Iterator[Record | Problem | None]:
        """What the file has to say; None now and then, where the loop may turn to others."""
        yield from self._unknown_columns(sheet)
        try:
            yield from self._records(sheet)
        except FileTrouble as trouble:
            yield self._unreadable(trouble)
        yield from self._settled(sheet.name)
        yield from self._last_words(sheet.name)

    def _records(self, sheet: Sheet) -> Iterator[Record | Problem | None]:
        convert, repeated = self._rows.convert, self._repeated
        placed = self._places.knows(self.table.kind)
        for number, (line, cells, broken) in enumerate(sheet.rows(), 1):
            if number % PAGE == 0:
                yield None
            if self._members is not None and not self._asked_for(cells, broken, self._members):
                continue
            found: Record | Broken
            if broken is None:
                try:
                    found = convert(cells)
                except RowError as error:
                    found = Broken(error.what, error.fix, self._identify(cells))
            else:
                found = broken
            if found.id in repeated:
                repeated[found.id].append((line, found))
            elif isinstance(found, Broken):
                yield from self._set_aside(f"{sheet.name} line {line}", found)
            else:
                if placed:
                    self._places.found(found)
                yield found
        if sheet.torn:
            # Nobody knows how many rows should follow.
            self.hinder(f"{sheet.name} ends in the middle of a row")

    def _settled(self, name: str) -> Iterator[Record | Problem]:
        """What becomes of ids that are there more than once: rows that say the same are one record, others are none."""
        for record_id, rows in self._repeated.items():
            if not rows:
                continue
            found = rows[0][1]
            if any(other != found for _, other in rows):
                what = f"{len(rows)} rows have the id {record_id!r} and say different things"
                found = Broken(what, "Keep the one that is right.", record_id)
            if isinstance(found, Broken):
                yield from self._set_aside(f"{name} {_lines([line for line, _ in rows])}", found)
            else:
                self._places.found(found)
                yield found

    def _asked_for(self, cells: Cells, broken: Broken | None, members: frozenset[str]) -> bool:
        if broken is None:
            return cells[self._owner].strip() in members
        return broken.id in members and self.table.owner == "id"

    # ── what a person is told ─────────────────────────────────────────────────────────────────────────────────────

    def _unreadable(self, trouble: FileTrouble) -> Problem:
        """The file, or the rest of it, can't be read."""
        self.hinder(f"{trouble.where} {trouble.what}")
        self._places.lost(self.table.kind, None)
        return Problem(self.table.kind, None, trouble.where, trouble.what, trouble.fix or _AGAIN)

    def _set_aside(self, where: str, broken: Broken) -> Iterator[Problem]:
        """A row can't be read."""
        self._places.lost(self.table.kind, broken.id)
        if broken.id is None:
            self._nameless += 1
            self.hinder(f"rows of {self.table.file} don't tell which records they are")
            if self._nameless > NAMELESS:
                return
        yield Problem(self.table.kind, broken.id, where, broken.what, broken.fix or _AGAIN)

    def _unknown_columns(self, sheet: Sheet) -> Iterator[Problem]:
        """Columns that nobody reads, as notes: one for each that looks misspelt, one for all others."""
        others = []
        for name, meant in sheet.header.unknown.items():
            if meant is None:
                others.append(repr(name))
            else:
                what = f"unknown column {name!r}; did you mean {meant!r}?"
                yield Problem(self.table.kind, "", sheet.name, what, f"Rename it to {meant!r}.")
        if others:
            what = f"unknown columns are not read: {', '.join(others)}"
            yield Problem(self.table.kind, "", sheet.name, what)

    def _last_words(self, name: str) -> Iterator[Problem]:
        for what, fix in self._rows.notes.items():
            yield Problem(self.table.kind, "", name, what, fix)
        if self._nameless > NAMELESS:
            what = f"{self._nameless - NAMELESS} more rows don't tell which records they are"
            yield Problem(self.table.kind, None, name, what, _AGAIN)


def _lines(numbers: list[int]) -> str:
    shown = [str(number) for number in numbers[:5]]
    if len(numbers) > len(shown):
        return f"lines {', '.join(shown)} and {len(numbers) - len(shown)} more"
    return f"lines {' and '.join([', '.join(shown[:-1]), shown[-1]])}"
