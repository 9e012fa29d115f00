"""A connection to a simulated Momence, and what a read of it brought."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hub import http
from hub.clock import FrozenClock
from hub.connection import Connection
from hub.grants import Check, Hint, WebhookRequest
from hub.records import Complete, Page, Problem, Record, Window
from plugins.booking import momence
from plugins.booking.momence.settings import MomenceSettings
from plugins.booking.momence.simulator import (
    CLIENT_ID,
    CLIENT_SECRET,
    PASSWORD,
    USERNAME,
    WEBHOOK_SECRET,
    MomenceSimulator,
)

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
YEAR = NOW + timedelta(days=365)
SECRETS = (CLIENT_SECRET, PASSWORD, WEBHOOK_SECRET)

_numbers = itertools.count(1)


def connection(base_url: str | None = None, *, clock: FrozenClock | None = None, **settings: Any) -> Connection:
    """An open connection."""
    values: dict[str, Any] = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "username": USERNAME,
        "password": PASSWORD,
        "webhook_secret": WEBHOOK_SECRET,
        "base_url": base_url,
        "requests_per_second": 1_000_000,
        **settings,
    }
    return Connection(
        name="studio",
        plugin=momence.describe(),
        settings=MomenceSettings(**values),
        timezone=ZoneInfo("Europe/Zurich"),
        instance="inst",
        clock=clock or FrozenClock(NOW),
    )


@dataclass
class Read:
    """What a read yielded."""

    records: defaultdict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    gone: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    problems: list[Problem] = field(default_factory=list)
    mark: Complete | None = None
    items: list[Any] = field(default_factory=list)

    def add(self, item: Page | Problem | Complete) -> None:
        """Sort one item in; the mark is the last one."""
        assert self.mark is None
        self.items.append(item)
        if isinstance(item, Page):
            found: Sequence[Record] = item.records
            assert all(record.kind == item.kind for record in found)
            self.records[item.kind].update({record.id: record for record in found})
            self.gone[item.kind].update(item.gone)
        elif isinstance(item, Problem):
            self.problems.append(item)
        else:
            self.mark = item

    @property
    def complete(self) -> frozenset[str]:
        """The kinds with a complete mark."""
        assert self.mark is not None
        return self.mark.kinds

    @property
    def why_not(self) -> dict[str, str]:
        """Why others have none."""
        assert self.mark is not None
        return self.mark.why_not


@dataclass
class Site:
    """A simulated host and an open connection to it, with the hooks as methods."""

    sim: MomenceSimulator
    clock: FrozenClock
    connection: Connection

    async def read(self, *kinds: str, **window: Any) -> Read:
        """Read these kinds, or everything."""
        read = Read()
        asked = Window(kinds=frozenset(kinds) if kinds else None, **window)
        async for item in momence.read_records(self.connection, asked):
            read.add(item)
        return read

    async def ids(self, *ids: tuple[str, Any], members: Sequence[Any] = ()) -> Read:
        """Read these records, and those of these members."""
        named = frozenset((kind, str(key)) for kind, key in ids)
        kinds = {kind for kind, _ in named}
        return await self.read(*kinds, ids=named, members=frozenset(map(str, members)))

    async def follow(self, delivery: WebhookRequest) -> Read:
        """Read what a webhook hints at, as the hub does."""
        hints = await self.hints(delivery)
        assert all(hint.ids or hint.members for hint in hints)
        return await self.read(
            *{hint.kind for hint in hints},
            members=frozenset(member for hint in hints for member in hint.members),
            ids=frozenset((hint.kind, key) for hint in hints for key in hint.ids),
        )

    async def hints(self, delivery: WebhookRequest) -> Sequence[Hint]:
        return await momence.read_webhook(self.connection, delivery)

    async def verify(self) -> Sequence[Check]:
        return await momence.verify(self.connection)

    def calls(self, operation: str) -> int:
        """How often an operation was called, by the end of its name."""
        return sum(count for name, count in self.sim.log.by_operation.items() if name.endswith(operation))


def furnished(clock: FrozenClock | None = None, **options: Any) -> MomenceSimulator:
    """A studio with something of everything."""
    sim = MomenceSimulator(clock=clock or FrozenClock(NOW), **options)
    sim.add_tag("Night owls")
    sim.add_tag("Staff")
    place = sim.add_location("Zürich West")
    teacher = sim.add_teacher("Tim", "Coach", "tim@example.com")
    abo = sim.add_membership("Abo")
    sim.add_membership("Ten times", type="package-events", disabled=True)
    for number in range(3):
        member = sim.add_member(firstName=f"Anna {number}", customer_fields={"Gewicht": "72,5 kg", "FTP": "240"})
        sim.sell(member, abo, starts=NOW - timedelta(days=30), ends=YEAR)
    for hours in (1, 25):
        session = sim.add_session(NOW + timedelta(hours=hours), teacherId=teacher, locationId=place)
        for spot, member in enumerate(list(sim.world.members), 11):
            sim.book(member, session, spot)
    sim.tag_member(member, 1001)
    return sim


@asynccontextmanager
async def opened(sim: MomenceSimulator, **settings: Any) -> AsyncIterator[Site]:
    """A connection to that simulator, in this process."""
    origin = f"http://momence-{next(_numbers)}.test"
    assert isinstance(sim.clock, FrozenClock)
    async with http.answering(origin, sim):
        made = connection(origin, clock=sim.clock, **settings)
        try:
            yield Site(sim, sim.clock, made)
        finally:
            await made.aclose()
