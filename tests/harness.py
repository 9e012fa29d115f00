"""A whole studio for tests: a desk that exports CSV files, simulated vendors, a stopped clock, an opened hub."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hub import http
from hub.clock import FrozenClock
from hub.core import Hub, initialise
from hub.engine.approving import approve_stored
from hub.engine.sync import SyncResult, plan_now, sync_now
from hub.engine.target_pass import TargetRun
from hub.look import journal
from hub.look.explain import Explanation, explain
from hub.look.grants import GrantView, list_grants
from hub.plugins import Plugins
from hub.reconcile.plan import Plan
from hub.settings import HubSettings
from hub.studio.importing import Imported, import_file
from plugins.booking.files.simulator import Desk
from plugins.exivo.simulator import API_KEY, API_SECRET, SITE_ID, ExivoSimulator

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

STUDIO = """
[studio]
name = "Studio Nordlicht"
timezone = "Europe/Zurich"
language = "de"

[[connections]]
name = "desk"
plugin = "files"
path = "export"

[[connections]]
name = "door"
plugin = "exivo"
site_id = "{site_id}"
api_key = "{api_key}"
api_secret = {{ env = "TEST_EXIVO_SECRET" }}
base_url = "{base_url}"
policy = "{policy}"
hold_removals_above = {{ count = {hold_count}, percent = {hold_percent} }}
protect = {protect}
requests_per_second = 1000000

[[passes]]
source = "desk"
pass = ["abo", "abo-sauna-old"]
target = "door"
group = "AG-1"
priority = 2

[[passes]]
source = "desk"
pass = "abo-sauna"
target = "door"
group = "AG-2"
priority = 1
"""

_numbers = itertools.count(1)


@dataclass
class World:
    """The studio. Members are made with `join`; the desk is exported by `sync` and `plan`."""

    folder: Path
    clock: FrozenClock
    desk: Desk
    exivo: ExivoSimulator
    hub: Hub
    base_url: str
    door: str

    def join(
        self,
        member: str,
        *,
        pass_id: str = "abo",
        badge: str | None = "auto",
        valid_from: str = "2026-01-01",
        valid_until: str | None = "2027-12-31",
        state: str = "active",
        given: str = "Anna",
        family: str = "Graf",
    ) -> None:
        """Add a member with a pass and a badge."""
        self.desk.members.append({"id": member, "given_name": given, "family_name": family})
        if badge is not None:
            self.desk.badges.append({"member_id": member, "number": badge_of(member) if badge == "auto" else badge})
        self.sell(member, pass_id=pass_id, valid_from=valid_from, valid_until=valid_until, state=state)

    def sell(
        self,
        member: str,
        *,
        pass_id: str = "abo",
        valid_from: str | None = "2026-01-01",
        valid_until: str | None = "2027-12-31",
        state: str = "active",
        key: str | None = None,
    ) -> None:
        """Add a pass of a member."""
        self.desk.member_passes.append(
            {
                "id": key or f"mp-{member}-{len(self.desk.member_passes)}",
                "member_id": member,
                "pass_id": pass_id,
                "valid_from": valid_from,
                "valid_until": valid_until,
                "state": state,
            }
        )

    def pass_of(self, member: str) -> dict[str, Any]:
        """The row of a member's first pass."""
        row = next(row for row in self.desk.member_passes if row["member_id"] == member)
        assert isinstance(row, dict)
        return row

    def drop_pass(self, *members: str) -> None:
        """Remove the rows of these members' passes from the export."""
        self.desk.member_passes = [row for row in self.desk.member_passes if row["member_id"] not in members]

    async def sync(self, *names: str, export: bool = True, complete: bool = True) -> SyncResult:
        """Export and sync."""
        if export:
            self.desk.export(at=self.clock.now(), complete=complete)
        return await sync_now(self.hub, names)

    async def plan(self, *, export: bool = True) -> Plan:
        """Export and make the plan for the door."""
        if export:
            self.desk.export(at=self.clock.now())
        _, plans, errors = await plan_now(self.hub)
        assert not errors, errors
        return plans[0]

    async def approve(self, plan: Plan) -> TargetRun:
        """Approve a plan."""
        return await approve_stored(self.hub, plan.id, who="test")

    async def explain(self, member: str) -> Explanation:
        """Explain a member of the desk."""
        return await explain(self.hub, f"desk:{member}")

    async def grants(self, **kept: Any) -> list[GrantView]:
        """The grants."""
        async with self.hub.database.read() as db:
            return await list_grants(db, self.hub.the_studio, **kept)

    async def inbox(self) -> list[dict[str, Any]]:
        """The inbox."""
        async with self.hub.database.read() as db:
            return await journal.inbox(db, self.hub.the_studio)

    def opens(self, member: str) -> bool:
        """Whether the member's badge opens the door now, asked of the vendor."""
        return self.exivo.can_open(badge_of(member), self.door)

    def ours(self) -> list[dict[str, Any]]:
        """The persons at the vendor that carry a hub marker."""
        return [dict(person) for person in self.exivo.persons.values() if "[hub:" in (person.get("info") or "")]

    def group_of(self, member: str) -> str | None:
        """The access group of a member's person; None without one."""
        for person in self.ours():
            if person["info"].endswith(f":desk:{member}]"):
                group = person.get("accessGroupId")
                return str(group) if group else None
        return None

    async def reimport(self, **settings: Any) -> Imported:
        """Import the studio file with other settings."""
        return await import_file(self.hub, write_studio(self.folder, self.base_url, **settings), who="test")


def badge_of(member: str) -> str:
    """The badge number that `join` gives a member, in its normal form."""
    return f"B{abs(hash_text(member)):X}"


def hash_text(text: str) -> int:
    """A number for a text, the same in every process."""
    value = 7
    for character in text:
        value = (value * 1000003 + ord(character)) % (1 << 40)
    return value


def write_studio(folder: Path, base_url: str, *, text: str = STUDIO, **settings: Any) -> Path:
    """Write the studio file."""
    values: dict[str, Any] = {
        "site_id": SITE_ID,
        "api_key": API_KEY,
        "base_url": base_url,
        "policy": "sync",
        "hold_count": 5,
        "hold_percent": 10,
        "protect": "[]",
        **settings,
    }
    file = folder / "studio.toml"
    file.write_text(text.format(**values), encoding="utf-8")
    return file


@asynccontextmanager
async def make_world(
    folder: Path,
    monkeypatch: Any,
    *,
    database_url: str | None = None,
    plugins: Plugins | None = None,
    doors: dict[str, str] | None = None,
    **settings: Any,
) -> AsyncIterator[World]:
    """Open a studio on an in-process exivo simulator."""
    monkeypatch.setenv("TEST_EXIVO_SECRET", API_SECRET)
    number = next(_numbers)
    origin = f"http://exivo-{number}.test"
    clock = FrozenClock(NOW)
    simulator = ExivoSimulator(clock=clock, groups={"AG-1": "Gym", "AG-2": "Gym + Sauna"}, doors=doors)
    desk = Desk(folder / "export")
    desk.passes += [{"id": "abo", "name": "Abo 12 months"}, {"id": "abo-sauna", "name": "Abo + Sauna"}]
    desk.passes.append({"id": "abo-sauna-old", "name": "abo-sauna-old"})
    home = folder / "home"
    options: dict[str, Any] = {"home": home, "key": None, "database_url": database_url}
    hub_settings = HubSettings(**options)
    await initialise(hub_settings)
    opening = Hub.open(hub_settings, plugins=plugins or Plugins.discover(), clock=clock)
    async with http.answering(origin, simulator), opening as hub:
        base_url = f"{origin}/v1"
        await import_file(hub, write_studio(folder, base_url, **settings), who="test")
        door = next(iter(simulator.components))
        yield World(folder, clock, desk, simulator, hub, base_url, door)
