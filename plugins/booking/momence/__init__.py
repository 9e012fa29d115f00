"""Momence: members, tags, passes, sessions and bookings of one host, over its public API v2.

`wire`, `values`, `rows` and `profile` have the vendor's names and what is assumed; `client` and `tokens` make the
calls; `reading`, `people`, `timetable` and `narrow` go through the lists; `webhooks` reads deliveries; `checks` says
what works.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import timedelta

from hub import Ability, Connection, Plugin, Poll, hookimpl
from hub.grants import Check, Hint, WebhookRequest
from hub.records import Complete, Page, Problem, Window
from plugins.booking.momence import checks, webhooks
from plugins.booking.momence.client import Momence
from plugins.booking.momence.reading import read
from plugins.booking.momence.settings import MomenceSettings
from plugins.booking.momence.simulator import MomenceSimulator
from plugins.booking.momence.timetable import AFTER, BEFORE

__all__ = ["describe", "read_records", "read_webhook", "verify"]

POLLS = (
    Poll(
        name="timetable",
        every=timedelta(minutes=5),
        kinds=frozenset({"session", "instructor", "booking"}),
        before=BEFORE,
        after=AFTER,
    ),
    Poll(
        name="people",
        every=timedelta(hours=1),
        kinds=frozenset({"member", "badge", "community", "community_member", "pass", "location"}),
    ),
    Poll(name="passes", every=timedelta(days=1), kinds=frozenset({"member_pass"})),
)
"""Changed spots and cancelled sessions are never announced, so the timetable is read often; passes cost one call for
each member, so they are read once a day and after a webhook. That one has run out is known by its end date."""


@hookimpl
def describe() -> Plugin:
    """Momence as a booking system."""
    return Plugin(
        name="momence",
        title="Momence",
        kind="booking",
        settings=MomenceSettings,
        read_where_set={"badge": "badge_field"},
        abilities=frozenset({Ability.WEBHOOKS}),
        simulator=MomenceSimulator,
        polls=POLLS,
    )


@hookimpl
async def verify(connection: Connection) -> Sequence[Check]:
    """Reached, signed in, and each list that the hub needs readable."""
    return await checks.verify(connection)


@hookimpl
async def read_records(connection: Connection, window: Window) -> AsyncGenerator[Page | Problem | Complete, None]:
    """Read what the window asks for. Sessions without a limit are those of yesterday to the day after tomorrow."""
    async with aclosing(read(connection, window)) as items:
        async for item in items:
            yield item


@hookimpl
async def read_webhook(connection: Connection, request: WebhookRequest) -> Sequence[Hint]:
    """Check the signature and say what to read again."""
    return webhooks.hints(connection.name, connection.keep(Momence).settings, request)
