"""A studio with a tracker: classes, seats and links as a pass over the tracker leaves them, and a vendor whose answers
the test decides."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update

from hub import Plugin, grants, hookimpl, times
from hub.classes.results import fetch_due
from hub.classes.rides import Ride
from hub.classes.scope import TrackerScope
from hub.engine.lanes import holding
from hub.events import MetricsArrived
from hub.look.rides import rides_of_class
from hub.plugins import Ability, Plugins
from hub.store import tables as t
from tests.harness import NOW, STUDIO, World, make_world
from tests.hub.fakes import Settings, fake_plugin

__all__ = ["END", "GOOD", "START", "Bikes", "Riding", "make_riding"]

START = NOW
END = START + timedelta(minutes=45)

GOOD = {
    "distance_km": 24.3,
    "energy_kj": 512.0,
    "calories_kcal": 581.0,
    "power_avg_w": 189.0,
    "power_max_w": 640.0,
    "hr_avg_bpm": 148.0,
    "points": 214.0,
}

TRACKER = """
[[connections]]
name = "bikes"
plugin = "bikes"
policy = "sync"
"""


@dataclass
class Bikes:
    """The vendor: results by the rider's id there. `fails` is raised instead, `fails_for` for one class only."""

    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    fails: Exception | None = None
    fails_for: dict[str, Exception] = field(default_factory=dict)
    asked: list[tuple[grants.TrackerSession, Sequence[grants.Rider]]] = field(default_factory=list)
    told: list[MetricsArrived] = field(default_factory=list)
    seen: list[grants.Result] | None = None

    def plugin(self) -> Any:
        """It as a plugin, which also observes."""

        @hookimpl
        def describe() -> Plugin:
            return Plugin(
                name="bikes",
                title="Spinner",
                kind="tracker",
                settings=Settings,
                abilities=frozenset({Ability.SESSIONS, Ability.SEATS, Ability.METRICS}),
            )

        @hookimpl
        async def fetch_metrics(
            connection: Any, session: grants.TrackerSession, riders: Sequence[grants.Rider]
        ) -> Sequence[grants.Result]:
            self.asked.append((session, riders))
            if error := self.fails or self.fails_for.get(session.id):
                raise error
            if self.seen is not None:
                return self.seen
            return [
                grants.Result(vendor_person_id=rider.vendor_id, **self.results[rider.vendor_id])
                for rider in riders
                if rider.vendor_id in self.results
            ]

        @hookimpl
        async def metrics_arrived(event: MetricsArrived) -> None:
            self.told.append(event)

        return fake_plugin(
            "bikes", "tracker", describe=describe, fetch_metrics=fetch_metrics, metrics_arrived=metrics_arrived
        )

    def rode(self, *people: str, **metrics: float) -> None:
        """These riders (by their id there) have a result."""
        for person in people:
            self.results[person] = {"metrics": metrics or GOOD}


@dataclass
class Riding:
    """The studio and its tracker."""

    world: World
    bikes: Bikes

    @property
    def clock(self) -> Any:
        return self.world.clock

    async def ids(self) -> dict[str, int]:
        """The connections by name."""
        return {row.name: row.id for row in await self.world.hub.connections()}

    async def rider(
        self, member: str, *, event: str = "e1", email: str | None = "", linked: str | None = "", **seat: Any
    ) -> None:
        """A member on a bike of a class, known at the tracker as `v<id>`."""
        ids = await self.ids()
        if not any(row["id"] == member for row in self.world.desk.members):
            self.world.join(member, family=f"Graf {member}")
            self.world.desk.members[-1]["email"] = f"{member}@example.org" if email == "" else email
        values = {"event_id": event, "member": member, "name": f"Anna Graf {member}", "state": "active",
                  "applied": "1", "created_at": NOW, "changed_at": NOW, **seat}  # fmt: skip
        async with self.world.hub.database.write() as db:
            await db.execute(insert(t.seat).values(**values))
            known = select(t.link.c.member).where(t.link.c.member == member, t.link.c.target_id == ids["bikes"])
            if linked is not None and (await db.execute(known)).first() is None:
                await db.execute(
                    insert(t.link).values(
                        target_id=ids["bikes"], source_id=ids["desk"], member=member, vendor_id=linked or f"v{member}",
                        state="linked",
                    )
                )  # fmt: skip

    async def a_class(self, event: str = "e1", *, ends: datetime = END, **values: Any) -> None:
        """A class that the tracker holds; its results are due half an hour after it."""
        ids = await self.ids()
        row = {
            "id": event, "studio_id": self.world.hub.the_studio.id, "target_id": ids["bikes"],
            "source_id": ids["desk"], "session_id": f"s-{event}", "name": "Ride 45", "box": "b1",
            "starts_at": ends - timedelta(minutes=45), "ends_at": ends, "timezone": "Europe/Zurich", "state": "active",
            "settled": True, "applied": json.dumps({}), "vendor_id": f"x-{event}", "created_at": NOW,
            "changed_at": NOW, "results_due_at": ends + timedelta(minutes=30), **values,
        }  # fmt: skip
        async with self.world.hub.database.write() as db:
            await db.execute(insert(t.event).values(**row))

    async def scope(self, lease: Any = None) -> TrackerScope:
        """What a pass over the tracker works with."""
        hub = self.world.hub
        row = await hub.connection_row("bikes")
        assert row.options is not None
        return TrackerScope(
            database=hub.database,
            plugins=hub.plugins,
            vault=hub.vault,
            studio=hub.the_studio,
            target_id=row.id,
            connection=await hub.open_connection(row),
            options=row.options,
            sources={other.id: other.name for other in await hub.connections() if other.options is None},
            zone=times.zone(hub.the_studio.timezone),
            lease=lease,
            run_id="r1",
        )

    async def fetch(self) -> int:
        """What a pass over the tracker does at its end."""
        hub = self.world.hub
        async with holding(hub.database, (await self.ids())["bikes"], "bikes", hub.clock) as lease:
            return await fetch_due(await self.scope(lease))

    async def after(self, **since_the_end: float) -> int:
        """Fetch so long after the class."""
        self.clock.set(END + timedelta(**since_the_end))
        return await self.fetch()

    async def rides(self, event: str = "e1", **kept: Any) -> dict[str, Ride]:
        """The results of a class by member."""
        hub = self.world.hub
        async with hub.database.read() as db:
            return {ride.member: ride for ride in await rides_of_class(db, hub.vault, hub.the_studio, event, **kept)}

    async def row(self, table: Any, **where: Any) -> Any:
        """The one row of a table for which that holds."""
        return (await self.rows(table, **where))[0]

    async def rows(self, table: Any, **where: Any) -> list[Any]:
        """The rows of a table for which that holds."""
        query = select(table).where(*(table.c[name] == value for name, value in where.items()))
        async with self.world.hub.database.read() as db:
            return list((await db.execute(query.order_by(*table.primary_key.columns))).all())

    async def change(self, table: Any, _where: Any = None, **values: Any) -> None:
        """Change rows behind the hub's back."""
        async with self.world.hub.database.write() as db:
            query = update(table).values(**values)
            await db.execute(query if _where is None else query.where(_where))

    async def mails(self) -> list[tuple[str, str, str]]:
        """Kind, recipient and text of all mails."""
        rows, vault = await self.rows(t.outbox), self.world.hub.vault
        return [(row.kind, row.recipient, vault.open_private(row.sealed_text)) for row in rows]


@asynccontextmanager
async def make_riding(
    folder: Path, monkeypatch: Any, *, database_url: str | None = None, more: str = ""
) -> AsyncIterator[Riding]:
    """Open it, with one class of two riders, `v1` and `v2`. `more` is added to the studio file."""
    bikes = Bikes()
    plugins = Plugins.discover()
    plugins.register(bikes.plugin())
    text = STUDIO + (TRACKER + more).replace("{", "{{").replace("}", "}}")
    async with make_world(folder, monkeypatch, database_url=database_url, plugins=plugins, text=text) as world:
        riding = Riding(world, bikes)
        await riding.a_class()
        for member in ("1", "2"):
            await riding.rider(member)
        await world.sync("desk")
        yield riding
