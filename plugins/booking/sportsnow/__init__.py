"""SportsNow as a booking system: its public timetable, and what people export from it into a folder.

`wire` has the timetable's words, `export` the folder's, `assumed` everything that nobody has seen; `client` makes the
calls, `timetable`, `imports` and `routes` make records of what comes, `read` puts them together, `checks` says what is
in order. There are no webhooks and no change feed: the hub polls and compares.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import timedelta

from hub import Connection, Plugin, Poll, hookimpl
from hub.grants import Check
from hub.records import Complete, Page, Problem, Window
from plugins.booking.sportsnow import checks, timetable
from plugins.booking.sportsnow.read import read
from plugins.booking.sportsnow.settings import SportsNowSettings
from plugins.booking.sportsnow.simulator import SportsNowSimulator

__all__ = ["describe", "read_records", "verify"]


@hookimpl
def describe() -> Plugin:
    """SportsNow as a source. Its timetable is read every 15 minutes for the next days and every hour for five weeks;
    files are read every 15 minutes, which costs nobody anything."""
    quarter, hour, now = timedelta(minutes=15), timedelta(hours=1), timedelta()
    return Plugin(
        name="sportsnow",
        title="SportsNow",
        kind="booking",
        settings=SportsNowSettings,
        simulator=SportsNowSimulator,
        # A lesson that a full answer lacks is cancelled; nothing is known of rows that go missing by themselves.
        misses=1,
        polls=(
            Poll(name="members", every=quarter, kinds=frozenset({"member", "badge", "pass", "member_pass"})),
            Poll(name="this week", every=quarter, kinds=timetable.KINDS, before=now, after=timedelta(days=7)),
            Poll(name="five weeks more", every=hour, kinds=timetable.KINDS, before=now, after=timedelta(weeks=5)),
            Poll(name="bookings", every=quarter, kinds=frozenset({"booking"}), before=now, after=timedelta(hours=48)),
        ),
    )


@hookimpl
async def verify(connection: Connection) -> Sequence[Check]:
    """The timetable, and the folder or the assumed routes, thing by thing."""
    return await checks.verify(connection)


@hookimpl
async def read_records(connection: Connection, window: Window) -> AsyncGenerator[Page | Problem | Complete, None]:
    """Read the folder and the timetable."""
    async with aclosing(read(connection, window)) as items:
        async for item in items:
            yield item
