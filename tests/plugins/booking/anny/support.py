"""A connection to a simulated anny."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hub import http
from hub.clock import FrozenClock
from hub.connection import Connection
from hub.grants import Check
from hub.records import Complete, Page, Problem, Record, Window
from hub.testing import Request
from plugins.booking import anny
from plugins.booking.anny.client import Anny
from plugins.booking.anny.settings import Settings
from plugins.booking.anny.simulator import ACCESS_TOKEN, AnnySimulator

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

_numbers = itertools.count(1)


@dataclass
class Found:
    """What a read gave."""

    records: dict[str, dict[str, Record]] = field(default_factory=dict)
    gone: dict[str, set[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    complete: frozenset[str] = frozenset()
    why_not: dict[str, str] = field(default_factory=dict)
    ended: bool = False

    def of(self, kind: str) -> list[Any]:
        """The records of a kind."""
        return list(self.records.get(kind, {}).values())

    def one(self, kind: str) -> Any:
        """The one record of a kind."""
        (found,) = self.of(kind)
        return found


@dataclass
class Studio:
    """A simulated account and an open connection to it."""

    sim: AnnySimulator
    connection: Connection

    @property
    def api(self) -> Anny:
        return self.connection.keep(Anny)

    async def read(self, *kinds: str, into: Found | None = None, **window: Any) -> Found:
        """Read these kinds, or all."""
        found = into if into is not None else Found()
        asked = Window(kinds=frozenset(kinds) if kinds else None, **window)
        async for item in anny.read_records(self.connection, asked):
            assert not found.ended, "the mark comes last"
            match item:
                case Page():
                    assert all(record.kind == item.kind for record in item.records)
                    found.records.setdefault(item.kind, {}).update({r.id: r for r in item.records})
                    found.gone.setdefault(item.kind, set()).update(item.gone)
                case Problem():
                    found.problems.append(item)
                case Complete():
                    found.complete, found.why_not, found.ended = item.kinds, item.why_not, True
        return found

    async def verify(self) -> Sequence[Check]:
        return await anny.verify(self.connection)

    def change(self, row: dict[str, Any], **fields: Any) -> None:
        """Staff change a row."""
        self.sim.desk.change(row, **fields)


def connection(base_url: str | None = None, clock: FrozenClock | None = None, **settings: Any) -> Connection:
    """An open connection."""
    values = {"access_token": ACCESS_TOKEN, "base_url": base_url, "requests_per_second": 1_000_000, **settings}
    return Connection(
        name="desk",
        plugin=anny.describe(),
        settings=Settings(**values),
        timezone=ZoneInfo("Europe/Zurich"),
        instance="inst",
        clock=clock or FrozenClock(NOW),
    )


@asynccontextmanager
async def opened(sim: AnnySimulator | None = None, **settings: Any) -> AsyncIterator[Studio]:
    """A connection to this simulator, in this process."""
    clock = FrozenClock(NOW)
    sim = sim or AnnySimulator(clock=clock)
    origin = f"http://anny-{next(_numbers)}.test"
    async with http.answering(origin, sim):
        made = connection(origin, clock, **settings)
        try:
            yield Studio(sim, made)
        finally:
            await made.aclose()


class Recorder:
    """Keeps the requests that reached a simulator, with queries and headers."""

    def __init__(self, sim: AnnySimulator, monkeypatch: Any) -> None:
        self.requests: list[Request] = []
        allow = sim.authorize

        def authorize(request: Request) -> None:
            self.requests.append(request)
            allow(request)

        monkeypatch.setattr(sim, "authorize", authorize)
