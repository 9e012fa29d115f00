"""A studio with riders who have results, and a browser-like client of the member page."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient
from sqlalchemy import insert, select

from hub import member_links
from hub.engine.engine import Engine
from hub.store import tables as t
from hub.web import make_app
from tests.harness import World, make_world

PUBLIC = "https://hub.example"
EVIL = '<script>alert("1")</script> & "Söhne"'
"""A name that would be a script on a page that forgets to escape it."""

NAMES = ("Ride 45", "Power Hour", "Sunrise Spin")


@dataclass
class Pages:
    """The member page of a studio."""

    world: World
    engine: Engine
    web: AsyncClient
    desk: int
    door: int

    def link(self, member: str, **changed: Any) -> str:
        """The path of a member's page."""
        values = {"studio_id": self.world.hub.the_studio.id, "source_id": self.desk, "now": self.world.clock.now()}
        address = member_links.make_link(self.engine.vault, PUBLIC, **{**values, "member": member, **changed})
        return address.removeprefix(PUBLIC)

    async def ride(
        self,
        event: str,
        member: str,
        at: datetime,
        metrics: dict[str, float],
        *,
        name: str = "Ride 45",
        implausible: tuple[str, ...] = (),
        seat: str | None = "7",
        dropped: bool = False,
    ) -> None:
        """A result of a class."""
        now, hub = self.world.clock.now(), self.world.hub
        about = {"studio_id": hub.the_studio.id, "source_id": self.desk, "starts_at": at, "changed_at": now}
        held = {"target_id": self.door, "timezone": "Europe/Zurich", "box": "1", "state": "created", "created_at": now}
        async with hub.database.write() as db:
            if (await db.execute(select(t.event.c.id).where(t.event.c.id == event))).first() is None:
                times = {"ends_at": at + timedelta(minutes=45), "session_id": event, "id": event, "name": name}
                await db.execute(insert(t.event).values(**about, **held, **times))
            person = {"member": member, "vendor_person_id": f"{event}-{member}", "seat": seat, "arrived_at": now}
            sealed = {"sealed_metrics": hub.vault.seal(json.dumps(metrics)), "implausible": json.dumps(implausible)}
            await db.execute(insert(t.result).values(**about, **person, **sealed, event_id=event, dropped=dropped))

    async def rode_for_a_year(self, member: str) -> None:
        """Two classes a week, a little better each time, with what goes wrong in real life."""
        now = self.world.clock.now()
        for number in range(96):
            if number % 11 == 5:
                continue
            at = (now - timedelta(days=3.5 * (96 - number))).replace(hour=17, minute=30, second=0, microsecond=0)
            wave = math.sin(number * 1.7)
            metrics = {
                "distance_km": round(21 + number * 0.06 + wave * 2.5, 1),
                "energy_kj": round(380 + number * 1.3 + wave * 40),
                "calories_kcal": round(430 + number * 1.5 + wave * 45),
                "power_avg_w": round(142 + number * 0.4 + wave * 9),
                "power_max_w": round(390 + number + wave * 60),
                "speed_avg_kmh": round(28 + number * 0.04 + wave, 1),
                "speed_max_kmh": round(42 + wave * 4, 1),
                "cadence_avg_rpm": round(84 + wave * 3),
                "cadence_max_rpm": round(118 + wave * 6),
                "points": round(210 + number + wave * 20),
            }
            if number % 3:
                metrics |= {"hr_avg_bpm": round(148 - number * 0.05 + wave * 5), "hr_max_bpm": round(176 + wave * 6)}
            odd = number == 95
            if odd:
                metrics["power_max_w"] = 4200
            marked = ("power_max_w",) if odd else ()
            await self.ride(f"e{number}", member, at, metrics, name=NAMES[number % 3], implausible=marked)

    async def word_of(self, member: str) -> tuple[bool | None, dict[str, Any]]:
        """What a member said on their page."""
        c, vault = t.own_word.c, self.world.hub.vault
        async with self.world.hub.database.read() as db:
            row = (await db.execute(select(t.own_word).where(c.member == member))).one_or_none()
        if row is None:
            return None, {}
        return row.show_live, json.loads(vault.open(row.sealed_profile)) if row.sealed_profile else {}


@asynccontextmanager
async def make_pages(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pages]:
    """A studio with Anna (German), Beat (no language), Cleo (display off at the source) and a hostile name."""
    async with make_world(folder, monkeypatch) as world:
        people: list[dict[str, Any]] = [
            {"id": "1", "given_name": "Anna", "family_name": "Graf", "language": "de-CH", "weight_kg": "62"},
            {"id": "2", "given_name": "Beat", "family_name": "Muster"},
            {"id": "3", "given_name": "Cleo", "family_name": "Frey", "show_live": "false"},
            {"id": "4", "given_name": EVIL, "family_name": "X", "language": "en"},
        ]
        world.desk.members += people
        await world.sync()
        async with world.hub.database.read() as db:
            ids = {row.name: row.id for row in await db.execute(select(t.connection.c.name, t.connection.c.id))}
        settings = world.hub.settings.model_copy(update={"public_url": PUBLIC})
        engine = Engine(settings, world.hub.database, world.hub.vault, world.hub.plugins, world.clock)
        world.clock.move(timedelta(seconds=1))
        async with AsyncClient(transport=ASGITransport(make_app(engine)), base_url=PUBLIC) as web:
            try:
                yield Pages(world, engine, web, ids["desk"], ids["door"])
            finally:
                for hub in engine._studios.values():
                    await hub.close_connections()
