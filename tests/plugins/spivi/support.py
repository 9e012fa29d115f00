"""A connection to a simulated Spivi, and classes, riders and people to send there."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hub import grants, http
from hub.clock import FrozenClock
from hub.connection import Connection
from hub.testing import Request
from plugins import spivi
from plugins.spivi.client import Spivi
from plugins.spivi.settings import SpiviSettings
from plugins.spivi.simulator import PASSWORD, SITE_ID, SOURCE_NAME, SpiviSimulator

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
STARTS = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
ENDS = datetime(2026, 11, 22, 17, 45, tzinfo=UTC)
BOX = "4471"
TEACHER = "noa@nordlicht.example"

_numbers = itertools.count(1)


def marker(number: str = "1") -> str:
    """The marker of a class of the desk, of the hub `inst`."""
    return f"[hub:inst:desk:s-{number}]"


def session(number: str = "1", **fields: Any) -> grants.TrackerSession:
    """A class to be at Spivi."""
    values: dict[str, Any] = {
        "name": "Power Ride 45",
        "box": BOX,
        "starts_at": STARTS,
        "ends_at": ENDS,
        "timezone": "Europe/Zurich",
        "instructor_email": TEACHER,
        "marker": marker(number),
        **fields,
    }
    return grants.TrackerSession(id=f"desk:s-{number}", **values)


def person(member: str = "1", **fields: Any) -> grants.Person:
    """A person to be at Spivi."""
    values: dict[str, Any] = {
        "given_name": "Anna",
        "family_name": "Graf",
        "email": f"anna{member}@example.org",
        **fields,
    }
    return grants.Person(member=f"desk:{member}", marker=f"[hub:inst:desk:{member}]", **values)


def connection(base_url: str | None = None, *, clock: FrozenClock | None = None, **settings: Any) -> Connection:
    """An open connection."""
    values: dict[str, Any] = {
        "site_id": SITE_ID,
        "source_name": SOURCE_NAME,
        "password": PASSWORD,
        "box_ids": (BOX,),
        "base_url": base_url,
        "requests_per_second": 1_000_000,
        **settings,
    }
    return Connection(
        name="bikes",
        plugin=spivi.describe(),
        settings=SpiviSettings(**values),
        timezone=ZoneInfo("Europe/Zurich"),
        instance="inst",
        clock=clock or FrozenClock(NOW),
    )


@dataclass
class Site:
    """A simulated site and an open connection to it, with the hooks as methods."""

    sim: SpiviSimulator
    clock: FrozenClock
    connection: Connection

    @property
    def api(self) -> Spivi:
        return self.connection.keep(Spivi)

    async def sync(self, *people: grants.Person) -> Sequence[grants.PersonOutcome]:
        return await spivi.sync_members(self.connection, people)

    async def sync_one(self, wanted: grants.Person) -> grants.PersonOutcome:
        (outcome,) = await self.sync(wanted)
        return outcome

    async def link(self, wanted: grants.Person) -> grants.Link:
        """Sync one person who must go well."""
        outcome = await self.sync_one(wanted)
        assert isinstance(outcome, grants.Link), outcome
        return outcome

    async def created(self, number: str = "1", **fields: Any) -> grants.TrackerSession:
        """A class that stands at Spivi, with its id."""
        wanted = session(number, **fields)
        outcome = await spivi.session_created(self.connection, wanted)
        return session(number, **{**fields, "vendor_id": outcome.vendor_id})

    async def changed(self, wanted: grants.TrackerSession) -> grants.SessionOutcome:
        return await spivi.session_changed(self.connection, wanted)

    async def cancelled(self, wanted: grants.TrackerSession) -> grants.SessionOutcome:
        return await spivi.session_cancelled(self.connection, wanted)

    async def restored(self, wanted: grants.TrackerSession) -> grants.SessionOutcome:
        return await spivi.session_restored(self.connection, wanted)

    def rider(self, email: str = "ada@example.org", **fields: Any) -> grants.Rider:
        """Somebody who is at Spivi already."""
        row = self.sim.world.client_by_email(email) or self.sim.add_by_hand(email)
        return grants.Rider(member=f"desk:{email}", vendor_id=row["ClientID"], email=email, **fields)

    async def take(self, wanted: grants.TrackerSession, rider: grants.Rider, seat: str = "3") -> grants.SeatOutcome:
        return await spivi.seat_taken(self.connection, grants.Seat(session=wanted, rider=rider, seat=seat))

    async def move(
        self, wanted: grants.TrackerSession, rider: grants.Rider, seat: str, previous: str
    ) -> grants.SeatOutcome:
        moved = grants.Seat(session=wanted, rider=rider, seat=seat, previous_seat=previous)
        return await spivi.seat_moved(self.connection, moved)

    async def free(self, wanted: grants.TrackerSession, rider: grants.Rider, seat: str = "3") -> grants.SeatOutcome:
        return await spivi.seat_freed(self.connection, grants.Seat(session=wanted, rider=rider, seat=seat))

    async def metrics(self, wanted: grants.TrackerSession, *riders: grants.Rider) -> Sequence[grants.Result]:
        return await spivi.fetch_metrics(self.connection, wanted, riders)

    async def layout(self, box: str = BOX) -> Sequence[grants.TrackerSeat] | None:
        return await spivi.read_layout(self.connection, box)

    async def openings(self) -> Sequence[grants.Opening]:
        return await spivi.list_openings(self.connection)

    async def verify(self) -> Sequence[grants.Check]:
        return await spivi.verify(self.connection)

    async def ridden(self, **measured: Any) -> tuple[grants.TrackerSession, grants.Rider]:
        """A class that is over and a rider who was in it."""
        wanted, rider = await self.created(), self.rider()
        await self.take(wanted, rider)
        self.clock.set(ENDS + timedelta(minutes=30))
        if measured:
            self.sim.record(str(wanted.vendor_id), rider.vendor_id, **measured)
        return wanted, rider

    def live(self) -> list[dict[str, Any]]:
        """The events that are on."""
        return [event for event in self.sim.world.events.values() if not event["IsCancelled"]]

    def seats(self, wanted: grants.TrackerSession) -> dict[str, str]:
        return self.sim.seats(str(wanted.vendor_id))

    def calls(self) -> Calls:
        """Note the calls from here on."""
        return Calls(self.sim, self.sim.log.total)


@dataclass
class Calls:
    """The calls that reached the vendor since a moment."""

    sim: SpiviSimulator
    mark: int

    @property
    def names(self) -> list[str]:
        return [entry.operation for entry in self.sim.log.since(self.mark)]

    @property
    def writes(self) -> list[str]:
        return [entry.operation for entry in self.sim.log.since(self.mark) if entry.kind == "write"]


@asynccontextmanager
async def opened(
    sim: SpiviSimulator | None = None, *, faults: Sequence[str] = (), **settings: Any
) -> AsyncIterator[Site]:
    """A connection to a simulator in this process."""
    clock = FrozenClock(NOW)
    sim = sim or SpiviSimulator(clock=clock)
    sim.clock = clock
    sim.faults.set(*faults)
    origin = f"http://spivi-{next(_numbers)}.test"
    async with http.answering(origin, sim):
        made = connection(origin, clock=clock, **settings)
        try:
            yield Site(sim, clock, made)
        finally:
            await made.aclose()


class Recorder:
    """Keeps the requests that reached a simulator, which its log leaves out."""

    def __init__(self, sim: SpiviSimulator, monkeypatch: Any) -> None:
        self.requests: list[Request] = []
        allow = sim.authorize

        def authorize(request: Request) -> None:
            self.requests.append(request)
            allow(request)

        monkeypatch.setattr(sim, "authorize", authorize)

    def form(self, ending: str) -> dict[str, str]:
        """The form of the last request whose path ends so."""
        return next(request.form for request in reversed(self.requests) if request.path.endswith(ending))
