"""A studio with a cycling room: classes and bookings at the desk, a box at the simulated Spivi, a stopped clock."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from hub import http
from hub.clock import FrozenClock
from hub.core import Hub, NoProgress, initialise
from hub.engine.engine import Engine
from hub.engine.lanes import holding
from hub.engine.source_pass import run_source
from hub.engine.sync import SyncResult, sync_now
from hub.ingest.read import mark_dirty
from hub.look import journal
from hub.plugins import Plugins
from hub.settings import HubSettings
from hub.store import tables as t
from hub.store import upsert
from hub.studio.importing import import_file
from plugins.booking.files.simulator import Desk
from plugins.spivi.simulator import PASSWORD, SITE_ID, SOURCE_NAME, SpiviSimulator

__all__ = ["NOW", "Riding", "make_riding"]

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)

STUDIO = """
[studio]
name = "Studio Nordlicht"
timezone = "Europe/Zurich"

[[connections]]
name = "desk"
plugin = "files"
path = "export"

[[connections]]
name = "bikes"
plugin = "spivi"
site_id = "{site_id}"
source_name = "{source_name}"
password = {{ env = "TEST_SPIVI_PASSWORD" }}
box_ids = ["4471", "4472"]
base_url = "{base_url}"
policy = "{policy}"
hold_removals_above = {{ count = {hold}, percent = 10 }}
requests_per_second = 1000000
{more}
[[rooms]]
source = "desk"
room_plan = "ride"
target = "bikes"
box = "{box}"
seats = {{ {seats} }}
send = {send}
first_free = {first_free}
{rows}
"""

_numbers = itertools.count(1)


@dataclass
class Riding:
    """The studio. Classes and bookings are rows of the desk, exported by `sync`."""

    folder: Path
    clock: FrozenClock
    desk: Desk
    spivi: SpiviSimulator
    hub: Hub
    engine: Engine
    base_url: str
    file: dict[str, Any] = field(default_factory=dict)
    _bookings: Any = field(default_factory=lambda: itertools.count(1))

    # ── at the desk ───────────────────────────────────────────────────────────────────────────────────────────────

    def member(self, key: str, **fields: Any) -> dict[str, Any]:
        """Somebody with an e-mail."""
        row = {"id": key, "given_name": key.title(), "family_name": "Graf", "email": f"{key}@example.org", **fields}
        self.desk.members.append(row)
        return row

    def ride(self, key: str = "c1", starts: datetime | None = None, minutes: int = 45, **fields: Any) -> dict[str, Any]:
        """A class in the cycling room."""
        begins = starts or self.clock.now() + timedelta(days=1)
        row = {
            "id": key,
            "name": f"Ride {key}",
            "starts_at": begins,
            "ends_at": begins + timedelta(minutes=minutes),
            "state": "scheduled",
            "room_plan_id": "ride",
            **fields,
        }
        self.desk.sessions.append(row)
        return row

    def book(self, member: str, session: str = "c1", spot: str | None = "1", **fields: Any) -> dict[str, Any]:
        """A booking, and its member where there is none yet."""
        if not any(row["id"] == member for row in self.desk.members):
            self.member(member)
        row = {"id": f"b{next(self._bookings)}", "member_id": member, "session_id": session, "spot": spot}
        row |= {"state": "confirmed", **fields}
        self.desk.bookings.append(row)
        return row

    # ── the hub ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def sync(self, *, complete: bool = True) -> SyncResult:
        """Export and `studiohub sync`."""
        self.desk.export(at=self.clock.now(), complete=complete)
        return await sync_now(self.hub)

    async def lanes(self, *, export: bool = True) -> None:
        """What the daemon does by itself: the source's lane, then the tracker's."""
        if export:
            self.desk.export(at=self.clock.now())
        for name in ("desk", "bikes"):
            row = await self.hub.connection_row(name)
            async with self.hub.database.write() as db:
                await db.execute(update(t.lane).where(t.lane.c.connection_id == row.id).values(lease_owner=None))
                if name == "desk":
                    await db.execute(update(t.lane).where(t.lane.c.connection_id == row.id).values(reason="import"))
            await self.engine.run_lane(row.id)

    async def read(self) -> None:
        """Read the desk, and nothing else."""
        row = await self.hub.connection_row("desk")
        async with holding(self.hub.database, row.id, row.name, self.clock) as lease:
            await run_source(self.hub, row, lease=lease, trigger="test", progress=NoProgress())

    async def says(self, member: str, *, show_live: bool | None = None, **profile: Any) -> None:
        """What a member says on their page, and whom that wakes."""
        async with self.hub.database.write() as db:
            rows = {row.name: row.id for row in await self.hub.connections()}
            sealed = self.hub.vault.seal(json.dumps(profile)) if profile else None
            word = {"source_id": rows["desk"], "member": member, "changed_at": self.clock.now()}
            said = {"show_live": show_live, "sealed_profile": sealed}
            await upsert(db, t.own_word, [{**word, **said}], key=("source_id", "member"), update=tuple(said))
            await mark_dirty(db, rows["bikes"], rows["desk"], {member})

    async def wakes_at(self) -> datetime:
        """When the tracker's lane runs next."""
        row = await self.hub.connection_row("bikes")
        async with self.hub.database.read() as db:
            query = select(t.lane.c.wake_at).where(t.lane.c.connection_id == row.id)
            found: datetime = (await db.execute(query)).scalar_one()
            return found

    async def inbox(self) -> dict[str, dict[str, Any]]:
        """The inbox by code."""
        async with self.hub.database.read() as db:
            return {item["code"]: item for item in await journal.inbox(db, self.hub.the_studio)}

    async def rows(self, table: Any) -> list[Any]:
        """Every row of a table."""
        async with self.hub.database.read() as db:
            return list(await db.execute(select(table)))

    async def reimport(self, **changes: Any) -> None:
        """Import the studio file with something else in it."""
        self.file |= changes
        await import_file(self.hub, _write(self.folder, self.file), who="test")

    def writes(self) -> int:
        """How many requests so far were to change something at Spivi."""
        return sum(not entry.operation.startswith("get") for entry in self.spivi.log.since(0))

    # ── what is so at Spivi ───────────────────────────────────────────────────────────────────────────────────────

    def events(self, *, live: bool = True) -> dict[str, dict[str, Any]]:
        """The events of the hub, by id."""
        return {
            key: row
            for key, row in self.spivi.world.events.items()
            if "[hub:" in (row["Description"] or "") and not (live and row["IsCancelled"])
        }

    def event_of(self, session: str) -> str:
        """The live event of a class. There is exactly one."""
        [found] = [key for key, row in self.events().items() if f":desk:{session}]" in row["Description"]]
        return found

    def roster(self) -> dict[str, dict[str, str]]:
        """Who sits where: by class, the seat of each member, by their e-mail's name."""
        found: dict[str, dict[str, str]] = {}
        for key, row in self.events().items():
            session = row["Description"].split(":desk:")[1].split("]")[0]
            assert session not in found, f"{session} stands twice"
            clients = self.spivi.world.clients
            found[session] = {
                clients[client]["Email"].partition("@")[0]: seat for client, seat in self.spivi.seats(key).items()
            }
        return found

    def booked(self, *, seats_from: int = 0) -> dict[str, dict[str, str]]:
        """Who should sit where, told from the desk's rows alone: spot n is the n-th seat."""
        now = self.clock.now()
        found: dict[str, dict[str, str]] = {}
        for row in self.desk.sessions:
            if row["state"] == "scheduled" and row["room_plan_id"] == "ride" and row["ends_at"] > now:
                found[row["id"]] = {}
        for row in self.desk.bookings:
            if row["session_id"] in found and row["state"] == "confirmed" and row["spot"]:
                found[row["session_id"]][row["member_id"]] = str(int(row["spot"]) - 1 + seats_from)
        return found


def _write(folder: Path, values: dict[str, Any]) -> Path:
    file = folder / "studio.toml"
    file.write_text(STUDIO.format(**values), encoding="utf-8")
    return file


@asynccontextmanager
async def make_riding(
    folder: Path,
    monkeypatch: Any,
    *,
    database_url: str | None = None,
    faults: tuple[str, ...] = (),
    spots: int = 20,
    **settings: Any,
) -> AsyncIterator[Riding]:
    """Open the studio on an in-process Spivi."""
    monkeypatch.setenv("TEST_SPIVI_PASSWORD", PASSWORD)
    number, clock = next(_numbers), FrozenClock(NOW)
    origin = f"http://spivi-{number}.test"
    spivi = SpiviSimulator(clock=clock, boxes={"4471": spots, "4472": spots})
    spivi.faults.set(*faults)
    first = int(spivi.faults.seats_from_one)
    seats = ", ".join(f'"{spot}" = "{spot - 1 + first}"' for spot in range(1, spots + 1))
    values = {
        "site_id": SITE_ID,
        "source_name": SOURCE_NAME,
        "base_url": origin,
        "policy": "sync",
        "hold": 5,
        "box": "4471",
    }
    values |= {"seats": seats, "send": "true", "first_free": "false", "more": "", "rows": "", **settings}
    desk = Desk(folder / "export")
    desk.room_plans.append({"id": "ride", "name": "Cycling"})
    desk.spots += [
        {"room_plan_id": "ride", "label": str(spot), "row": 1, "column": spot} for spot in range(1, spots + 1)
    ]
    options: dict[str, Any] = {"home": folder / "home", "key": None, "database_url": database_url}
    hub_settings = HubSettings(**options)
    await initialise(hub_settings)
    async with (
        http.answering(origin, spivi),
        Hub.open(hub_settings, plugins=Plugins.discover(), clock=clock) as hub,
    ):
        await import_file(hub, _write(folder, values), who="test")
        engine = Engine(hub.settings, hub.database, hub.vault, hub.plugins, clock)
        world = Riding(folder, clock, desk, spivi, hub, engine, origin, values)
        try:
            yield world
        finally:
            for one in (*engine._studios.values(), *engine._retired):
                await one.close_connections()
