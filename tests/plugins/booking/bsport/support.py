"""A connection to a simulated bsport, and what is read from it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hub import http
from hub.clock import FrozenClock
from hub.connection import Connection
from hub.grants import Check
from hub.records import Complete, Page, Problem, Record, Window
from hub.testing import Request
from plugins.booking import bsport
from plugins.booking.bsport.settings import BsportSettings
from plugins.booking.bsport.simulator import API_KEY, CLASSIC_TOKEN, CLIENT_ID, COMPANY_ID, BsportSimulator

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SPOTS = {"read_spots": True, "classic_token": CLASSIC_TOKEN}

_numbers = itertools.count(1)


def connection(base_url: str | None = None, *, clock: FrozenClock | None = None, **settings: Any) -> Connection:
    """An open connection."""
    values: dict[str, Any] = {
        "api_key": API_KEY,
        "company_id": COMPANY_ID,
        "client_id": CLIENT_ID,
        "base_url": base_url,
        "requests_per_second": 1_000_000,
        **settings,
    }
    return Connection(
        name="desk",
        plugin=bsport.describe(),
        settings=BsportSettings(**values),
        timezone=ZoneInfo("Europe/Zurich"),
        instance="inst",
        clock=clock or FrozenClock(NOW),
    )


@dataclass
class Read:
    """What one read gave."""

    pages: list[Page] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    mark: Complete | None = None

    def of(self, kind: str) -> dict[str, Any]:
        """The records of a kind by id."""
        return {record.id: record for page in self.pages if page.kind == kind for record in page.records}

    def one(self, kind: str) -> Any:
        """The only record of a kind."""
        (found,) = self.of(kind).values()
        return found

    def gone(self, kind: str) -> set[str]:
        """The ids of a kind that are said to be gone."""
        return {key for page in self.pages if page.kind == kind for key in page.gone}

    @property
    def complete(self) -> frozenset[str]:
        assert self.mark is not None
        return self.mark.kinds

    @property
    def notes(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.id == ""]

    @property
    def set_aside(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.id != ""]

    def records(self) -> list[Record]:
        return [record for page in self.pages for record in page.records]


@dataclass
class Studio:
    """A simulated studio and an open connection to it."""

    sim: BsportSimulator
    clock: FrozenClock
    connection: Connection
    requests: list[Request] = field(default_factory=list)

    async def read(self, *kinds: str, into: Read | None = None, **window: Any) -> Read:
        """Read these kinds, or everything. `into` keeps what came before an error."""
        read = into if into is not None else Read()
        asked = Window(kinds=frozenset(kinds) if kinds else None, **window)
        async for item in bsport.read_records(self.connection, asked):
            assert read.mark is None, "the mark is last"
            if isinstance(item, Page):
                read.pages.append(item)
            elif isinstance(item, Problem):
                read.problems.append(item)
            else:
                read.mark = item
        return read

    async def verify(self) -> Sequence[Check]:
        return await bsport.verify(self.connection)

    def asked(self, operation: str) -> int:
        """How often an operation was called."""
        return self.sim.log.by_operation[operation]

    def queries(self, ending: str) -> list[dict[str, str]]:
        """The queries of the calls to the paths that end so."""
        return [request.query for request in self.requests if request.path.endswith(ending)]


def simulator(kind: type[BsportSimulator] = BsportSimulator, **options: Any) -> BsportSimulator:
    """An empty studio."""
    return kind(**{"clock": FrozenClock(NOW), "furnish": False, **options})


@asynccontextmanager
async def opened(sim: BsportSimulator, clock: FrozenClock | None = None, **settings: Any) -> AsyncIterator[Studio]:
    """A connection to this simulator, in this process."""
    clock = clock or FrozenClock(NOW)
    sim.clock = clock
    origin = f"http://bsport-{next(_numbers)}.test"
    async with http.answering(origin, sim):
        made = connection(origin, clock=clock, **settings)
        studio = Studio(sim, clock, made)
        allow = sim.authorize

        def authorize(request: Request) -> None:
            studio.requests.append(request)
            allow(request)

        sim.authorize = authorize  # type: ignore[method-assign]
        try:
            yield studio
        finally:
            await made.aclose()


def member(sim: BsportSimulator, name: str = "Anna", **fields: Any) -> tuple[int, int]:
    """A member with a pass that is valid today; the ids of client and client pass."""
    pass_id = next(iter(sim.world.passes), None) or sim.add_pass("Abo 12 months")
    client = sim.add_client(name, **fields)
    return client, sim.sell(client, pass_id, starts="2026-01-01", ends="2027-12-31")
