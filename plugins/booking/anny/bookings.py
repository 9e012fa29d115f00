"""Reading the list of bookings no further back than needed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any

from hub import Refused
from plugins.booking.anny import wire
from plugins.booking.anny.client import Anny
from plugins.booking.anny.pages import Reading
from plugins.booking.anny.rows import Rows

__all__ = ["LONGEST_BOOKING", "Bookings"]

LONGEST_BOOKING = timedelta(days=31)
"""A list of bookings that is plainly newest first is read back to those that began this long before the window."""


class Bookings:
    """The list of bookings. Its filters by date are seen in others' code only and what they mean is unknown, so none is
    used: bookings are asked for newest first, and reading stops early only where they came so and come oldest first
    when asked for that. `hindered` says afterwards why the list can't be taken as complete."""

    def __init__(self, api: Anny, rows: Rows) -> None:
        self.hindered = ""
        self._api = api
        self._rows = rows

    async def pages(self, since: datetime | None) -> AsyncGenerator[list[Any], None]:
        """The rows of each page: at least the bookings that are not over at `since`."""
        if since is not None:
            started = False
            try:
                async with aclosing(self._back_to(since - LONGEST_BOOKING)) as pages:
                    async for page in pages:
                        started = True
                        yield page
                return
            except Refused:
                # Only the first page can be refused because of `sort`.
                if started:
                    raise
        reading = Reading(self._api, wire.BOOKINGS)
        async with aclosing(reading.pages()) as pages:
            async for page in pages:
                yield page
        self.hindered = reading.hindered

    async def _back_to(self, oldest: datetime) -> AsyncGenerator[list[Any], None]:
        reading = Reading(self._api, wire.BOOKINGS, wire.NEWEST_FIRST)
        last: datetime | None = None
        ordered = True
        async with aclosing(reading.pages()) as pages:
            async for page in pages:
                yield page
                for row in page:
                    at = self._rows.time(row, "start_date")
                    ordered = ordered and at is not None and (last is None or at <= last)
                    last = at or last
                if ordered and last is not None and last < oldest:
                    if await self._sorts(last):
                        reading.stop()
                        break
                    ordered = False
        self.hindered = reading.hindered

    async def _sorts(self, reached: datetime) -> bool:
        """Whether anny minds `sort`: asked the other way round, bookings from before that moment come first."""
        page = await self._api.page(wire.BOOKINGS, 1, wire.OLDEST_FIRST)
        found = [self._rows.time(row, "start_date") for row in page.rows]
        starts = [at for at in found if at is not None]
        ordered = len(starts) == len(found) > 0 and starts == sorted(starts)
        return ordered and starts[0] < starts[-1] and starts[0] <= reached
