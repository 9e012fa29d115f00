"""A studio whose bookings open Nuki locks, and a bare connection to a simulated Nuki."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from httpx import ASGITransport, AsyncClient

from hub import grants, http
from hub.clock import FrozenClock
from hub.connection import Connection
from hub.core import Hub, initialise
from hub.engine.engine import Engine
from hub.engine.sync import SyncResult, plan_now, sync_now
from hub.look import journal
from hub.look.explain import Explanation, explain
from hub.look.grants import GrantView, list_grants
from hub.plugins import Plugins
from hub.reconcile.plan import Plan
from hub.settings import HubSettings
from hub.studio.importing import import_file
from hub.web import make_app
from plugins import nuki
from plugins.booking.files.simulator import Desk
from plugins.nuki.client import Nuki
from plugins.nuki.settings import NukiSettings
from plugins.nuki.simulator import API_TOKEN, NukiSimulator

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
FRONT, STUDIO1, SAUNA = "17900000001", "17900000002", "17900000003"

STUDIO = """
[studio]
name = "Studio Nordlicht"
timezone = "Europe/Zurich"

[[connections]]
name = "desk"
plugin = "files"
path = "export"

[[connections]]
name = "locks"
plugin = "nuki"
api_token = {{ env = "TEST_NUKI_TOKEN" }}
base_url = "{base_url}"
policy = "sync"
requests_per_second = 1000000
{more}

[[resources]]
source = "desk"
resource = "r-1"
target = "locks"
locks = ["17900000001", "17900000002"]
minutes_before = 15
minutes_after = 15

[[resources]]
source = "desk"
resource = "r-2"
target = "locks"
locks = ["17900000003"]
credential = "code"

[[communities]]
source = "desk"
community = "team"
target = "locks"
locks = ["17900000001"]
"""

_numbers = itertools.count(1)


def at(text: str) -> datetime:
    """A moment of the studio's day, 21 November 2026 unless a date is given, in UTC."""
    return datetime.fromisoformat(text if "T" in text else f"2026-11-21T{text}").replace(tzinfo=UTC)


@dataclass
class Studio:
    """The studio, the desk, the vendor in memory, the hub and its web."""

    folder: Path
    clock: FrozenClock
    desk: Desk
    nuki: NukiSimulator
    hub: Hub
    engine: Engine
    web: AsyncClient
    unexpected: list[str] = field(default_factory=list)

    def book(
        self, key: str, member: str, starts: datetime, *, minutes: int = 60, resource: str = "r-1"
    ) -> dict[str, Any]:
        """Add a booking, and its member where there is none yet."""
        if not any(row["id"] == member for row in self.desk.members):
            row = {"id": member, "given_name": "Anna", "family_name": "Graf", "email": f"{member}@example.org"}
            self.desk.members.append(row)
        booking = {
            "id": key,
            "member_id": member,
            "resource_id": resource,
            "starts_at": starts,
            "ends_at": starts + timedelta(minutes=minutes),
            "state": "confirmed",
        }
        self.desk.bookings.append(booking)
        return booking

    async def sync(self, *, export: bool = True) -> SyncResult:
        """`studiohub sync`: everything is looked at, and what is under way for some seconds."""
        if export:
            self.desk.export(at=self.clock.now())
        return await sync_now(self.hub)

    async def lanes(self) -> None:
        """What the daemon does by itself."""
        self.desk.export(at=self.clock.now())
        for name in ("desk", "locks"):
            await self.engine.run_lane((await self.hub.connection_row(name)).id, urgent=True)
        assert not self.unexpected

    async def plan(self) -> Plan:
        """A dry run."""
        self.desk.export(at=self.clock.now())
        _, [plan], errors = await plan_now(self.hub)
        assert not errors, errors
        return plan

    async def grants(self, *, reveal: bool = True, **kept: Any) -> list[GrantView]:
        """The grants, with their codes."""
        async with self.hub.database.read() as db:
            return await list_grants(db, self.hub.the_studio, reveal=self.hub.vault if reveal else None, **kept)

    async def only(self) -> GrantView:
        """The one grant that is not removed."""
        [grant] = [grant for grant in await self.grants() if grant.status != "removed"]
        return grant

    async def inbox(self) -> dict[str, dict[str, Any]]:
        """What needs somebody, by its code; one each."""
        async with self.hub.database.read() as db:
            return {item["code"]: item for item in await journal.inbox(db, self.hub.the_studio)}

    async def explain(self, member: str) -> Explanation:
        return await explain(self.hub, f"desk:{member}")

    def ours(self, lock: str | None = None) -> list[dict[str, Any]]:
        """The codes that carry a tag."""
        return [row for row in self.nuki.codes(lock) if "~" in row["name"]]

    def by_hand(self) -> list[dict[str, Any]]:
        """What staff made."""
        return [row for row in self.nuki.world.auths.values() if "~" not in row["name"]]

    async def passes(self, **time: float) -> None:
        """Time passes, and the daemon works."""
        self.clock.move(timedelta(**time))
        await self.lanes()

    async def webhooks(self) -> list[int]:
        """Bring what Nuki wants to send to the hub's web; the answers."""
        self.nuki.settle()
        assert self.nuki.webhooks is not None
        waiting, self.nuki.webhooks.waiting = self.nuki.webhooks.waiting, []
        answers = []
        for delivery in waiting:
            path = urlsplit(delivery.address or "").path
            answer = await self.web.post(path, content=delivery.body, headers=dict(delivery.headers))
            answers.append(answer.status_code)
        return answers


@asynccontextmanager
async def open_studio(
    folder: Path, monkeypatch: Any, *, more: str = "", rows: str = "", database_url: str | None = None
) -> AsyncIterator[Studio]:
    """Open it. `more` are settings of the connection, `rows` mapping rows besides the usual ones."""
    monkeypatch.setenv("TEST_NUKI_TOKEN", API_TOKEN)
    clock, origin = FrozenClock(NOW), f"http://nuki-{next(_numbers)}.test"
    simulator = NukiSimulator(clock=clock)
    desk = Desk(folder / "export")
    desk.resources += [{"id": "r-1", "name": "Studio 1"}, {"id": "r-2", "name": "Sauna"}]
    desk.communities.append({"id": "team", "name": "Team"})
    options: dict[str, Any] = {"home": folder / "home", "key": None, "database_url": database_url}
    settings = HubSettings(**options, public_url="https://hub.example")
    await initialise(settings)
    async with http.answering(origin, simulator), Hub.open(settings, plugins=Plugins.discover(), clock=clock) as hub:
        file = folder / "studio.toml"
        file.write_text(STUDIO.format(base_url=origin, more=more) + rows, encoding="utf-8")
        await import_file(hub, file, who="test")
        engine = Engine(hub.settings, hub.database, hub.vault, hub.plugins, clock)
        async with AsyncClient(transport=ASGITransport(make_app(engine)), base_url="https://hub.example") as web:
            studio = Studio(folder, clock, desk, simulator, hub, engine, web)

            async def failed_unexpectedly(connection_id: int) -> None:
                studio.unexpected.append(f"lane {connection_id} failed, and not by a vendor's fault: see the log")

            monkeypatch.setattr(engine, "_put_off", failed_unexpectedly)
            try:
                yield studio
            finally:
                for one in (*engine._studios.values(), *engine._retired):
                    await one.close_connections()


# ── a connection alone ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Account:
    """A simulated account and an open connection to it, with the hooks as methods."""

    sim: NukiSimulator
    clock: FrozenClock
    connection: Connection
    base_url: str

    @property
    def api(self) -> Nuki:
        return self.connection.keep(Nuki)

    async def grant(self, wanted: grants.Grant) -> grants.Granted:
        return await nuki.grant_access(self.connection, wanted)

    async def revoke(self, wanted: grants.Grant) -> grants.Revoked:
        return await nuki.revoke_access(self.connection, wanted)

    async def observe(self, *only: str) -> dict[str, grants.Observed]:
        pages = nuki.observe_access(self.connection, only or None)
        return {seen.vendor_id: seen async for page in pages for seen in page}

    async def verify(self) -> Sequence[grants.Check]:
        return await nuki.verify(self.connection)

    def another(self) -> Account:
        """The same account seen by a process that has just begun."""
        return Account(self.sim, self.clock, connection(self.base_url, self.clock), self.base_url)

    def later(self, seconds: float = 3) -> None:
        self.clock.move(timedelta(seconds=seconds))

    def writes(self) -> list[str]:
        """The writes that arrived, by their operations, without the forced syncs."""
        entries = [entry.operation for entry in self.sim.log.entries if entry.kind == "write"]
        return [name for name in entries if name != "syncSmartlock"]


def connection(base_url: str, clock: FrozenClock, **settings: Any) -> Connection:
    """An open connection."""
    values: Mapping[str, Any] = {
        "api_token": API_TOKEN,
        "base_url": base_url,
        "requests_per_second": 1_000_000,
        **settings,
    }
    return Connection(
        name="locks",
        plugin=nuki.describe(),
        settings=NukiSettings(**values),
        timezone=ZoneInfo("Europe/Zurich"),
        instance="0123abcd",
        clock=clock,
    )


@asynccontextmanager
async def opened(sim: NukiSimulator | None = None, **settings: Any) -> AsyncIterator[Account]:
    """A connection to a simulator, in this process."""
    clock = FrozenClock(NOW)
    sim = sim or NukiSimulator()
    sim.clock = clock
    origin = f"http://nuki-{next(_numbers)}.test"
    async with http.answering(origin, sim):
        made = connection(origin, clock, **settings)
        try:
            yield Account(sim, clock, made, origin)
        finally:
            await made.aclose()


def visit(number: int = 1, *locks: str, code: str = "348916", **fields: Any) -> grants.Grant:
    """A visit to be at Nuki."""
    values: dict[str, Any] = {
        "valid_from": at("13:45"),
        "valid_until": at("15:15"),
        "label": "Anna Graf",
        "reference": f"R-{number}",
        "credential": "both",
        **fields,
    }
    return grants.Grant(
        id=f"g-{number:09d}",
        member=f"desk:{number}",
        opens=grants.Opens(locks=locks or (FRONT,)),
        marker=f"[hub:0123abcd:desk:{number}]",
        tag=f"bcd{number:09d}",
        code=code,
        **values,
    )
