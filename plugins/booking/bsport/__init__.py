"""bsport: members with passes, tags, classes and bookings.

`wire` and `shapes` have the vendor's names and everything that is assumed about it; `client` and `pages` make the
calls; `lists`, `read` and `narrow` make records of them; `spots` is the classic interface; `webhooks` reads deliveries,
`key` knows when the key ends, `checks` says what works. `simulator` is bsport in memory.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import timedelta

from hub import Ability, Connection, Plugin, Poll, hookimpl
from hub.grants import Check, Hint, WebhookRequest
from hub.records import Complete, Page, Problem, Window
from plugins.booking.bsport import checks, webhooks
from plugins.booking.bsport.read import read
from plugins.booking.bsport.settings import BsportSettings, settings_of
from plugins.booking.bsport.simulator import BsportSimulator

__all__ = ["BsportSettings", "describe", "read_records", "read_webhook", "verify"]

DAY = timedelta(days=1)

POLLS = (
    Poll(
        name="passes",
        every=timedelta(minutes=15),
        kinds=frozenset({"community", "pass", "member", "badge", "community_member", "member_pass"}),
    ),
    Poll(
        name="classes",
        every=timedelta(minutes=15),
        kinds=frozenset({"location", "instructor", "session"}),
        before=DAY,
        after=14 * DAY,
    ),
    Poll(name="bookings", every=timedelta(minutes=5), kinds=frozenset({"booking"}), before=DAY, after=DAY),
)
"""Classes and passes each 15 minutes, the bookings of today each 5."""


@hookimpl
def describe() -> Plugin:
    """bsport as a source. Webhooks are set up by hand, so there is nothing to subscribe to."""
    return Plugin(
        name="bsport",
        title="bsport",
        kind="booking",
        settings=BsportSettings,
        read_where_set={"badge": "badge_field"},
        abilities=frozenset({Ability.WEBHOOKS}),
        simulator=BsportSimulator,
        # Nearly everything known of the interface is inferred.
        experimental=True,
        # Lists are paged by number and in no order, so a record can slip from one page to the next unseen.
        misses=2,
        polls=POLLS,
    )


@hookimpl
async def verify(connection: Connection) -> Sequence[Check]:
    """Reached, accepted, readable; when the key ends."""
    return await checks.verify(connection)


@hookimpl
async def read_records(connection: Connection, window: Window) -> AsyncGenerator[Page | Problem | Complete, None]:
    """Read the studio's lists."""
    async with aclosing(read(connection, window)) as items:
        async for item in items:
            yield item


@hookimpl
async def read_webhook(connection: Connection, request: WebhookRequest) -> Sequence[Hint]:
    """Say what a delivery hints at."""
    return webhooks.read(request, badges=settings_of(connection).badge_field is not None)
