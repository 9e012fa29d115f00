"""A connection to a simulated exivo, and people and grants to send there."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hub import grants, http
from hub.clock import FrozenClock
from hub.connection import Connection
from hub.testing import Request
from plugins import exivo
from plugins.exivo.client import Exivo
from plugins.exivo.settings import ExivoSettings
from plugins.exivo.simulator import API_KEY, API_SECRET, SITE_ID, ExivoSimulator

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
FROM = datetime(2025, 12, 31, 23, 0, tzinfo=UTC)
UNTIL = datetime(2027, 12, 31, 23, 0, tzinfo=UTC)

_numbers = itertools.count(1)


def marker(member: str) -> str:
    """The marker of a member of the desk, of the hub `inst`."""
    return f"[hub:inst:desk:{member}]"


def person(member: str = "1", **fields: Any) -> grants.Person:
    """A person to be at exivo."""
    values: dict[str, Any] = {
        "given_name": "Anna",
        "family_name": "Graf",
        "valid_from": FROM,
        "valid_until": UNTIL,
        **fields,
    }
    return grants.Person(member=f"desk:{member}", marker=marker(member), **values)


def badges(*numbers: str) -> tuple[grants.Badge, ...]:
    """Badges as a grant names them."""
    return tuple(grants.Badge(number) for number in numbers)


def grant(member: str = "1", *numbers: str, group: str = "AG-1", **fields: Any) -> grants.Grant:
    """A grant to be at exivo; what it wants is ours."""
    values: dict[str, Any] = {
        "valid_from": FROM,
        "valid_until": UNTIL,
        "label": "Anna Graf",
        "badges": badges(*numbers),
        "our_groups": frozenset({group}),
        "our_badges": frozenset(numbers),
        **fields,
    }
    opens = grants.Opens(group=group)
    return grants.Grant(id=f"g-{member}", member=f"desk:{member}", opens=opens, marker=marker(member), **values)


def connection(base_url: str | None = None, *, clock: FrozenClock | None = None, **settings: Any) -> Connection:
    """An open connection."""
    values: dict[str, Any] = {
        "site_id": SITE_ID,
        "api_key": API_KEY,
        "api_secret": API_SECRET,
        "base_url": base_url,
        "requests_per_second": 1_000_000,
        **settings,
    }
    return Connection(
        name="door",
        plugin=exivo.describe(),
        settings=ExivoSettings(**values),
        timezone=ZoneInfo("Europe/Zurich"),
        instance="inst",
        clock=clock or FrozenClock(NOW),
    )


@dataclass
class Site:
    """A simulated site and an open connection to it, with the hooks as methods."""

    sim: ExivoSimulator
    clock: FrozenClock
    connection: Connection

    @property
    def api(self) -> Exivo:
        return self.connection.keep(Exivo)

    async def sync(self, *people: grants.Person) -> Sequence[grants.PersonOutcome]:
        return await exivo.sync_members(self.connection, people)

    async def link(self, wanted: grants.Person) -> str:
        """Sync one person who must go well; their id at exivo."""
        (outcome,) = await self.sync(wanted)
        assert isinstance(outcome, grants.Link), outcome
        return outcome.vendor_id

    async def grant(self, wanted: grants.Grant) -> grants.Granted:
        return await exivo.grant_access(self.connection, wanted)

    async def revoke(self, wanted: grants.Grant) -> grants.Revoked:
        return await exivo.revoke_access(self.connection, wanted)

    async def observe(self, *only: str) -> dict[str, grants.Observed]:
        """What stands there, by id."""
        pages = exivo.observe_access(self.connection, only or None)
        return {seen.vendor_id: seen async for page in pages for seen in page}

    async def verify(self) -> Sequence[grants.Check]:
        return await exivo.verify(self.connection)

    async def member(self, member: str = "1", *numbers: str, **fields: Any) -> grants.Grant:
        """Make a member with access; the grant that stands."""
        wanted = grant(member, *(numbers or ("A1",)), person_id=await self.link(person(member)), **fields)
        assert (await self.grant(wanted)).confirmed
        return wanted

    def at(self, identifier: str | None) -> Mapping[str, Any]:
        """A person at exivo."""
        assert identifier is not None
        return self.sim.persons[identifier]

    def ours(self) -> list[Mapping[str, Any]]:
        """The persons with a marker."""
        return [found for found in self.sim.persons.values() if "[hub:" in (found["info"] or "")]

    def medium(self, number: str) -> Mapping[str, Any]:
        """A medium at exivo by its card number."""
        found = self.sim.world.medium_by_number(number)
        assert found is not None
        return found

    def change(self, identifier: str | None, **fields: Any) -> None:
        """Staff change a person in the portal; None removes a field."""
        row = {**self.at(identifier), **fields}
        self.sim.world.persons[row["id"]] = {name: value for name, value in row.items() if value is not None}

    def assign_by_hand(self, identifier: str | None, number: str) -> str:
        """Staff give a person a badge in the portal; the medium's id."""
        medium = self.sim.world.medium_by_number(number) or self.sim.new_medium({"cid": number})
        self.sim.hand_out(dict(self.at(identifier)), medium, "active")
        return str(medium["id"])

    def calls(self) -> Calls:
        """Note the calls from here on."""
        return Calls(self.sim, self.sim.log.total)


@dataclass
class Calls:
    """The calls that reached the vendor since a moment."""

    sim: ExivoSimulator
    mark: int

    @property
    def names(self) -> list[str]:
        return [entry.operation for entry in self.sim.log.since(self.mark)]

    @property
    def writes(self) -> list[str]:
        return [entry.operation for entry in self.sim.log.since(self.mark) if entry.kind == "write"]


@asynccontextmanager
async def opened(sim: ExivoSimulator, clock: FrozenClock | None = None, **settings: Any) -> AsyncIterator[Site]:
    """A connection to this simulator, in this process."""
    clock = clock or FrozenClock(NOW)
    sim.clock = clock
    origin = f"http://site-{next(_numbers)}.test"
    async with http.answering(origin, sim):
        made = connection(f"{origin}/v1", clock=clock, **settings)
        try:
            yield Site(sim, clock, made)
        finally:
            await made.aclose()


def site(kind: type[ExivoSimulator] = ExivoSimulator, **options: Any) -> ExivoSimulator:
    """A simulated site with two groups."""
    return kind(clock=FrozenClock(NOW), **{"groups": {"AG-1": "Gym", "AG-2": "Sauna", "STAFF": "Staff"}, **options})


class Recorder:
    """Keeps the bodies and queries that reached a simulator, which its log leaves out."""

    def __init__(self, sim: ExivoSimulator, monkeypatch: Any) -> None:
        self.requests: list[Request] = []
        allow = sim.authorize

        def authorize(request: Request) -> None:
            self.requests.append(request)
            allow(request)

        monkeypatch.setattr(sim, "authorize", authorize)

    def body(self, ending: str) -> Any:
        """The body of the last write whose path ends so."""
        return next(r.json() for r in reversed(self.requests) if r.method == "POST" and r.path.endswith(ending))
