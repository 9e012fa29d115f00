"""Reading everything that a window asks for: list after list, page by page, then the mark.

Members come first, so that a wrong login is an error before anything else; every list whose rows need one call each
yields after each of them, so that no step takes longer than such a call. `narrow` reads chosen records.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Any

from hub import Connection, NotFound
from hub.records import Page, Problem, Window
from plugins.booking.momence import rows, values, wire
from plugins.booking.momence.client import Momence
from plugins.booking.momence.narrow import read_narrow
from plugins.booking.momence.people import member_pages, passes_of
from plugins.booking.momence.state import Items, Reading
from plugins.booking.momence.timetable import bookings_of, limits, needed_zones, session_pages

__all__ = ["KINDS", "read"]

KINDS = frozenset(
    {
        "member",
        "badge",
        "community",
        "community_member",
        "pass",
        "member_pass",
        "location",
        "session",
        "instructor",
        "booking",
    }
)
"""What is read. Rooms, room plans and spots have no route, and badges are a customer field (S1)."""


async def read(connection: Connection, window: Window) -> Items:
    """Read what the window asks for."""
    api = connection.keep(Momence)
    kinds = KINDS if window.kinds is None else KINDS & window.kinds
    reading = Reading()
    parts = [read_narrow(api, window, kinds)] if window.narrow else _everything(api, window, kinds, reading)
    for part in parts:
        async with aclosing(part) as items:
            async for item in items:
                yield item
    yield reading.complete()


def _everything(
    api: Momence, window: Window, kinds: frozenset[str], reading: Reading
) -> list[AsyncGenerator[Page | Problem, None]]:
    parts = []
    if kinds & {"member", "community_member", "badge"}:
        parts.append(member_pages(api, kinds, reading))
    if "community" in kinds:
        parts.append(_list(api, reading, "community", wire.TAGS, wire.SMALL_PAGE, rows.tag))
    if "pass" in kinds:
        shown = {"includeDisabled": "true"}
        parts.append(_list(api, reading, "pass", wire.MEMBERSHIPS, wire.LARGE_PAGE, rows.template, **shown))
    if "location" in kinds:
        parts.append(_locations(api, reading))
    if kinds & {"session", "instructor", "booking"}:
        parts.append(_timetable(api, window, kinds, reading))
    if "member_pass" in kinds:
        parts.append(_passes(api, reading))
    return parts


async def _list(
    api: Momence, reading: Reading, kind: str, path: str, size: int, make: Any, **params: Any
) -> AsyncGenerator[Page | Problem, None]:
    async with reading.whole(kind):
        async for page in api.pages(path, size, **params):
            for item in reading.records(kind, path, page, make):
                yield item


async def _locations(api: Momence, reading: Reading) -> AsyncGenerator[Page | Problem, None]:
    """A list under the members' prefix; a staff user who isn't let in there has locations by name only."""
    async with reading.allowed("location"):
        async for item in _list(api, reading, "location", wire.LOCATIONS, wire.LARGE_PAGE, rows.location):
            yield item


async def _passes(api: Momence, reading: Reading) -> AsyncGenerator[Page | Problem, None]:
    """One call for each member. Where a member can't be told, or the list of members moved, passes are not complete."""
    chosen = api.settings.pass_members
    params = {} if chosen == "all" else {"filterPreset": chosen}
    async with reading.whole("member_pass"):
        async for page in api.pages(wire.MEMBERS, wire.SMALL_PAGE, **params):
            for raw in page:
                key = values.id_or_none(raw)
                if key is None:
                    reading.hinder(["member_pass"], "a member without an id, whose passes can't be read")
                    continue
                try:
                    async for item in passes_of(api, reading, key):
                        yield item
                except NotFound as error:
                    # Gone since, or a user who may not see them; the next read tells.
                    reading.hinder(["member_pass"], error.what)


async def _timetable(
    api: Momence, window: Window, kinds: frozenset[str], reading: Reading
) -> AsyncGenerator[Page | Problem, None]:
    starts, ends = limits(api, window)
    async with reading.whole(*kinds & {"session", "instructor", "booking"}):
        async for page in session_pages(api, starts, ends):
            zones = await needed_zones(api, page)
            make = partial(rows.session, zone=api.connection.timezone, zones=zones)
            if "session" in kinds:
                for item in reading.records("session", wire.SESSIONS, page, make):
                    yield item
            for raw in page:
                if "instructor" in kinds:
                    try:
                        found = await api.teacher(raw)
                    except values.Unreadable as error:
                        teacher = raw.get("teacher") if isinstance(raw, dict) else None
                        yield reading.problem("instructor", values.id_or_none(teacher), wire.SESSIONS, error)
                    else:
                        if found is not None:
                            yield Page("instructor", [found])
                if "booking" in kinds:
                    async for item in bookings_of(api, reading, raw):
                        yield item
