"""anny: bookings of rooms, desks and time slots, plan subscriptions and communities.

`wire` has the vendor's names and what is assumed of it, `client` the calls, `pages` turns pages, `rows` and `values`
make records of rows, `reading` and `bookings` go through the lists, `webhooks` keeps the subscription and reads
deliveries, `checks` says what works.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import timedelta

from hub import Ability, Connection, Plugin, Poll, hookimpl
from hub.grants import Check, Hint, WebhookRequest
from hub.records import Complete, Page, Problem, Window
from plugins.booking.anny import checks, reading, webhooks
from plugins.booking.anny.client import Anny
from plugins.booking.anny.settings import Settings, settings_of
from plugins.booking.anny.simulator import AnnySimulator

__all__ = ["describe", "read_records", "read_webhook", "subscribe_webhooks", "verify"]


@hookimpl
def describe() -> Plugin:
    """anny as a source. There are no events for communities, plans and resources, and nothing says what changed."""
    return Plugin(
        name="anny",
        title="anny",
        kind="booking",
        settings=Settings,
        read_where_set={"badge": "badge_field"},
        abilities=frozenset({Ability.WEBHOOKS}),
        simulator=AnnySimulator,
        # A list is read by page numbers and has no cursor: what is removed while it is read moves others out of sight,
        # and the flat page info has no total that would show it.
        misses=2,
        polls=(
            Poll(
                name="members, passes, communities and places",
                every=timedelta(minutes=15),
                kinds=frozenset(
                    {"member", "badge", "pass", "member_pass", "community", "community_member", "location", "resource"}
                ),
            ),
            Poll(
                name="bookings",
                every=timedelta(minutes=10),
                kinds=frozenset({"booking"}),
                before=timedelta(hours=1),
                after=timedelta(hours=48),
            ),
        ),
    )


@hookimpl
async def verify(connection: Connection) -> Sequence[Check]:
    """Reached, accepted, the right organisation, each list readable, the webhook on."""
    return await checks.verify(connection.keep(Anny))


@hookimpl
async def read_records(connection: Connection, window: Window) -> AsyncGenerator[Page | Problem | Complete, None]:
    """Customers, resources, plan subscriptions, communities and bookings."""
    async with aclosing(reading.read(connection.keep(Anny), window)) as items:
        async for item in items:
            yield item


@hookimpl
async def read_webhook(connection: Connection, request: WebhookRequest) -> Sequence[Hint]:
    """One delivery, told from others by the hub's own header."""
    return webhooks.hints(request, badges=settings_of(connection).badge_field is not None)


@hookimpl
async def subscribe_webhooks(connection: Connection, address: str, secret: str) -> None:
    """One subscription by the hub's name, to this address."""
    await webhooks.subscribe(connection.keep(Anny), address, secret)
