"""Sessions of a window, and the bookings of one session."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from hub import NotFound
from hub.records import Page, Problem, Window
from plugins.booking.momence import rows, values, wire
from plugins.booking.momence.client import Momence
from plugins.booking.momence.rows import Zones
from plugins.booking.momence.state import Reading

__all__ = ["AFTER", "BEFORE", "booked", "bookings_of", "limits", "needed_zones", "session_pages"]

BEFORE, AFTER = timedelta(days=1), timedelta(days=2)
"""Where a window has no limit: sessions that are not over for longer, or begin sooner. Each costs a call for its
bookings, so all there ever were can't be read."""


def limits(api: Momence, window: Window) -> tuple[datetime, datetime]:
    """The times between which sessions are read."""
    now = api.connection.clock.now()
    return window.starts_at or now - BEFORE, window.ends_at or now + AFTER


async def session_pages(api: Momence, starts: datetime, ends: datetime) -> AsyncGenerator[list[Any], None]:
    """Sessions that are not over at `starts` and begin before `ends`, cancelled ones too: no event tells that a session
    was cancelled (S5), so it has to be seen here."""
    async for page in api.pages(
        wire.SESSIONS,
        wire.LARGE_PAGE,
        endAfter=values.instant(starts),
        startBefore=values.instant(ends),
        includeCancelled="true",
    ):
        yield page


async def needed_zones(api: Momence, listed: list[Any]) -> Zones:
    """The locations' zones, where a session's times come without one."""
    return await api.zones() if any(values.is_local(raw) for raw in listed) else {}


async def bookings_of(api: Momence, reading: Reading, session: Any) -> AsyncGenerator[Page | Problem, None]:
    """The bookings of a session, with its row; at least one item, as a sign of life."""
    try:
        key = values.identifier(session)
        if values.flag(session, "isDraft"):
            return
    except values.Unreadable as error:
        yield reading.problem("booking", None, wire.SESSIONS, error)
        return
    try:
        async for item in booked(api, reading, key):
            yield item
    except NotFound as error:
        reading.hinder(["booking"], error.what)
        yield Page("booking")


async def booked(api: Momence, reading: Reading, session_id: str) -> AsyncGenerator[Page | Problem, None]:
    """The bookings of a session by its id. Raises NotFound."""
    path = wire.bookings_path(session_id)
    make = partial(rows.booking, session_id=session_id, zone=api.connection.timezone)
    found = False
    async for page in api.pages(path, wire.SMALL_PAGE, includeCancelled="true"):
        for item in reading.records("booking", path, page, make):
            found = True
            yield item
    if not found:
        yield Page("booking")
