"""Reading an export: file after file, page by page, then the mark.

A `Problem` whose id is empty concerns no record and hinders nothing: a note, such as a column that nobody knows. One
whose kind is empty as well concerns the folder.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta

from hub import Connection
from hub.records import Complete, Page, Problem, Window
from plugins.booking.files import wire
from plugins.booking.files.folder import Mark, look
from plugins.booking.files.places import Places
from plugins.booking.files.reading import Reading
from plugins.booking.files.rows import Context
from plugins.booking.files.settings import settings_of

__all__ = ["read"]

SLACK = timedelta(seconds=120)
"""How much later than the mark a file may have been written: copying doesn't keep the order of files to the second."""

_NEEDED_FOR = {
    "location": frozenset({"location", "room_plan", "resource", "session", "booking"}),
    "room_plan": frozenset({"room_plan", "session", "booking"}),
    "resource": frozenset({"resource", "booking"}),
    "session": frozenset({"session", "booking"}),
}
"""What must be read for the time zones of what is asked for."""


async def read(connection: Connection, window: Window) -> AsyncGenerator[Page | Problem | Complete, None]:
    """Read everything that the window asks for. Its limits in time are left aside: a file is read as a whole."""
    settings = settings_of(connection)
    folder = look(settings.path)
    mark = folder.mark(connection.timezone)
    if mark.broken:
        fix = "Let the export write its time into it, such as 2026-11-21T18:00:00+01:00."
        yield Problem("", "", wire.MARK, f"{mark.why_not}; nothing is taken as complete", fix)
    for name, meant in folder.strays.items():
        kind = next((table.kind for table in wire.TABLES if table.file == meant), "")
        yield Problem(kind, "", name, f"is not read; did you mean {meant!r}?", f"Rename it to {meant!r}.")

    context = Context(Places(connection.timezone), settings.badge_numbers)
    complete: set[str] = set()
    why_not: dict[str, str] = {}
    for table in wire.TABLES:
        path = folder.files.get(table.file)
        wanted = _wanted(table, window)
        if path is None or not (wanted or _needed(table, window)):
            continue
        reading = Reading(table, context, connection.clock, window.members if wanted else None)
        async with aclosing(reading.read(path)) as items:
            async for item in items:
                if wanted:
                    yield item
        if not wanted:
            continue
        reading.hinder(_unmarked(reading, mark))
        if reading.hindered:
            why_not[table.kind] = "; ".join(reading.hindered)
        else:
            complete.add(table.kind)

    if complete and folder.mark(connection.timezone) != mark:
        why = "another export began while this one was read"
        why_not.update(dict.fromkeys(complete, why))
        complete.clear()
    yield Complete(frozenset(complete), mark.at, why_not)


def _wanted(table: wire.Table, window: Window) -> bool:
    if window.members is not None and table.owner is None:
        return False
    return window.kinds is None or table.kind in window.kinds


def _needed(table: wire.Table, window: Window) -> bool:
    kinds = {other.kind for other in wire.TABLES if _wanted(other, window)}
    return not kinds.isdisjoint(_NEEDED_FOR.get(table.kind, ()))


def _unmarked(reading: Reading, mark: Mark) -> str:
    """Why the mark doesn't vouch for this file; empty where it does."""
    if mark.fingerprint is None or mark.at is None:
        return mark.why_not
    late = timedelta(microseconds=(reading.modified_ns - mark.fingerprint.modified_ns) // 1000)
    if late <= SLACK:
        return ""
    seconds = timedelta(seconds=round(late.total_seconds()))
    return (
        f"{reading.table.file} was written {seconds} after the file {wire.MARK!r}, "
        "so it may belong to an export that is not finished"
    )
