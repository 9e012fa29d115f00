"""What `verify` says of a folder: it is read exactly as a sync reads it, and the findings are put in order."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from contextlib import aclosing
from datetime import datetime, timedelta

from hub import Connection, FixSettings, RetryLater
from hub.grants import Check, CheckState
from hub.records import Complete, Location, Page, Problem, Window
from plugins.booking.files import wire
from plugins.booking.files.folder import Folder, look
from plugins.booking.files.read import read
from plugins.booking.files.settings import settings_of

__all__ = ["check"]

_OLD = timedelta(days=2)
_AHEAD = timedelta(minutes=5)


async def check(connection: Connection) -> list[Check]:
    """Read everything, change nothing."""
    started = time.perf_counter()
    try:
        folder = look(settings_of(connection).path)
        found = await _read(connection)
    except (FixSettings, RetryLater) as error:
        return [Check(title="Folder", state=CheckState.FAILED, said=str(error.what), fix=error.fix)]
    took = round((time.perf_counter() - started) * 1000)
    checks = [Check(title="Folder", state=CheckState.OK, said=str(folder.path), took_ms=took)]
    checks += [found.of(table, folder) for table in wire.TABLES if table.file in folder.files]
    checks += [
        Check(title=name, state=CheckState.WARNING, said="is not read", fix=f"Rename it to {meant!r}.")
        for name, meant in folder.strays.items()
    ]
    if folder.others:
        fix = f"These are read: {', '.join(table.file for table in wire.TABLES)}."
        checks.append(Check(title="Other files", state=CheckState.WARNING, said=", ".join(folder.others), fix=fix))
    absent = [table.file for table in wire.TABLES if table.file not in folder.files]
    if absent:
        checks.append(Check(title="Not in the folder", state=CheckState.SKIPPED, said=", ".join(absent)))
    checks.append(_mark(connection, folder))
    checks.append(_zones(connection, found))
    return checks


class _Found:
    """What a read brought, counted."""

    def __init__(self) -> None:
        self.records = Counter[str]()
        self.zones = Counter[str]()
        self.problems: defaultdict[str, list[Problem]] = defaultdict(list)
        self.notes: defaultdict[str, list[Problem]] = defaultdict(list)

    def add(self, item: Page | Problem | Complete) -> None:
        match item:
            case Page():
                self.records[item.kind] += len(item.records)
                for record in item.records:
                    if isinstance(record, Location) and record.timezone:
                        self.zones[record.timezone] += 1
            case Problem(id=""):
                self.notes[item.kind].append(item)
            case Problem():
                self.problems[item.kind].append(item)
            case _:
                pass

    def of(self, table: wire.Table, folder: Folder) -> Check:
        """The check of one file: how many records, and the first thing that is wrong."""
        title, read = folder.files[table.file].name, f"{self.records[table.kind]:,} read"
        problems, notes = self.problems[table.kind], self.notes[table.kind]
        if not (problems or notes):
            return Check(title=title, state=CheckState.OK, said=read)
        first = (problems or notes)[0]
        said = f"{read}; {first.where}: {first.what}"
        if not problems:
            return Check(title=title, state=CheckState.WARNING, said=said, fix=first.fix)
        if len(problems) > 1:
            said = f"{read}, {len(problems):,} problems; first {first.where}: {first.what}"
        return Check(title=title, state=CheckState.FAILED, said=said, fix=first.fix)


async def _read(connection: Connection) -> _Found:
    found = _Found()
    async with aclosing(read(connection, Window())) as items:
        async for item in items:
            found.add(item)
    return found


def _mark(connection: Connection, folder: Folder) -> Check:
    mark = folder.mark(connection.timezone)
    title = f"Mark {wire.MARK!r}"
    fix = "Let the export write its time into it when all files are there."
    if mark.at is None:
        state = CheckState.FAILED if mark.broken else CheckState.WARNING
        said = f"{mark.why_not}; nothing is taken back because a row is missing"
        return Check(title=title, state=state, said=said, fix=fix)
    age = connection.clock.now() - mark.at
    if age < -_AHEAD:
        said = f"lies {_length(-age)} ahead ({_shown(mark.at, connection)})"
        return Check(title=title, state=CheckState.WARNING, said=said, fix="Look at the exporting machine's clock.")
    said = f"{_length(age)} old ({_shown(mark.at, connection)})"
    if age > _OLD:
        return Check(title=title, state=CheckState.WARNING, said=said, fix="Look whether the export still runs.")
    return Check(title=title, state=CheckState.OK, said=said)


def _zones(connection: Connection, found: _Found) -> Check:
    said = f"times without a zone are in {connection.timezone.key}"
    others = [zone for zone in found.zones if zone != connection.timezone.key]
    if others:
        said += f", at some locations in {', '.join(sorted(others))}"
    return Check(title="Time zone", state=CheckState.OK, said=said)


def _shown(moment: datetime, connection: Connection) -> str:
    return moment.astimezone(connection.timezone).strftime("%Y-%m-%d %H:%M")


def _length(length: timedelta) -> str:
    """A length of time as people say it."""
    seconds = max(length, timedelta()).total_seconds()
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            many = int(seconds // size)
            return f"{many} {unit}{'s' if many > 1 else ''}"
    return "less than a minute"
