"""Members with passes at bsport get into a group at exivo, and lose it when the pass ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub import http
from hub.clock import FrozenClock
from hub.core import Hub, initialise
from hub.engine.sync import SyncResult, sync_now
from hub.look import journal
from hub.notify.alarms import ALARMS
from hub.plugins import Plugins
from hub.settings import HubSettings
from hub.studio.importing import import_file
from plugins.booking import bsport
from plugins.booking.bsport.simulator import API_KEY, CLIENT_ID, COMPANY_ID, BsportSimulator
from plugins.exivo.simulator import API_KEY as EXIVO_KEY
from plugins.exivo.simulator import API_SECRET, SITE_ID, ExivoSimulator
from tests.plugins.booking.bsport.support import DAY, NOW, simulator

STUDIO = f"""
[studio]
name = "Studio Nordlicht"
timezone = "Europe/Zurich"

[[connections]]
name = "desk"
plugin = "bsport"
api_key = {{ env = "TEST_BSPORT_KEY" }}
company_id = {COMPANY_ID}
client_id = "{CLIENT_ID}"
badge_field = "membership_id"
key_ends = 2026-12-01
base_url = "http://bsport-e2e.test"
requests_per_second = 1000000

[[connections]]
name = "door"
plugin = "exivo"
site_id = "{SITE_ID}"
api_key = "{EXIVO_KEY}"
api_secret = {{ env = "TEST_EXIVO_SECRET" }}
base_url = "http://exivo-e2e.test/v1"
policy = "sync"
hold_removals_above = {{ count = 50, percent = 90 }}
requests_per_second = 1000000

[[passes]]
source = "desk"
pass = "101"
target = "door"
group = "AG-1"
"""


@dataclass
class House:
    """A hub between the two vendors. The pass that opens has the id 101."""

    clock: FrozenClock
    bsport: BsportSimulator
    exivo: ExivoSimulator
    hub: Hub

    async def sync(self) -> SyncResult:
        """Read and bring the door in line; it must go well."""
        result = await sync_now(self.hub, ())
        assert result.exit_code == 0, result
        return result

    def join(self, name: str, badge: str | None, *, starts: str | None = "2026-01-01", ends: str | None) -> int:
        """A member with a pass; the id of the client pass."""
        client = self.bsport.add_client(name, membership_id=badge)
        return self.bsport.sell(client, 101, starts=starts, ends=ends)

    def inside(self) -> set[str]:
        """First names of those in the group."""
        return {one["firstName"] for one in self.exivo.persons.values() if one.get("accessGroupId") == "AG-1"}

    async def inbox(self) -> list[dict[str, Any]]:
        async with self.hub.database.read() as db:
            return await journal.inbox(db, self.hub.the_studio)


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """Both vendors in this process, a stopped clock, an opened hub."""
    monkeypatch.setenv("TEST_BSPORT_KEY", API_KEY)
    monkeypatch.setenv("TEST_EXIVO_SECRET", API_SECRET)
    clock = FrozenClock(NOW)
    desk = simulator(clock=clock)
    assert desk.add_pass("Abo 12 months") == 101
    door = ExivoSimulator(clock=clock, groups={"AG-1": "Gym"})
    plugins = Plugins.discover()
    if "bsport" not in plugins.loaded:
        plugins.register(bsport)
    options: dict[str, Any] = {"home": tmp_path / "home", "key": None, "database_url": None}
    await initialise(HubSettings(**options))
    file = tmp_path / "studio.toml"
    file.write_text(STUDIO, encoding="utf-8")
    async with (
        http.answering("http://bsport-e2e.test", desk),
        http.answering("http://exivo-e2e.test", door),
        Hub.open(HubSettings(**options), plugins=plugins, clock=clock) as hub,
    ):
        await import_file(hub, file, who="test")
        yield House(clock, desk, door, hub)


async def test_a_pass_opens_the_door_until_it_ends(house: House) -> None:
    """To the end of its last day in the studio's zone, by the hub's own clock."""
    house.join("Anna", "a1", ends="2026-11-30")
    house.join("Luca", "a2", ends="2027-11-30")
    house.join("Mia", "a3", starts="2026-12-01", ends="2027-11-30")
    house.join("Jan", "a4", starts=None, ends=None)
    house.join("Nina", None, ends="2027-11-30")
    await house.sync()
    assert house.inside() == {"Anna", "Luca"}
    house.clock.set(NOW.replace(day=30, hour=22, minute=59))
    await house.sync()
    assert house.inside() == {"Anna", "Luca"}
    house.clock.move(timedelta(minutes=2))
    await house.sync()
    assert house.inside() == {"Luca", "Mia"}


async def test_a_disabled_pass_shuts_the_door(house: House) -> None:
    held = house.join("Anna", "a1", ends="2027-11-30")
    house.join("Luca", "a2", ends="2027-11-30")
    await house.sync()
    house.bsport.change(house.bsport.world.client_passes, held, is_disabled=True)
    await house.sync()
    assert house.inside() == {"Luca"}


async def test_one_read_that_lacks_a_pass_takes_nothing(house: House) -> None:
    """A record can slip from one page to the next; two complete reads in a row don't err the same way."""
    held = house.join("Anna", "a1", ends="2027-11-30")
    house.join("Luca", "a2", ends="2027-11-30")
    await house.sync()
    del house.bsport.world.client_passes[held]
    await house.sync()
    assert house.inside() == {"Anna", "Luca"}
    house.clock.move(DAY)
    await house.sync()
    assert house.inside() == {"Luca"}


async def test_a_vendor_that_misbehaves_takes_nothing(house: House) -> None:
    """Half pages, HTML, outages and refused keys leave everybody where they are; afterwards all goes on."""
    for number in range(6):
        house.join(f"Nr{number}", f"b{number}", ends="2027-11-30")
    await house.sync()
    everybody = house.inside()
    for fault in ("half_page", "garbage", "outage=drop", "unauthorized", "cut_body", "status=404"):
        house.bsport.faults.set(fault)
        for _ in range(3):
            await sync_now(house.hub, ())
        assert house.inside() == everybody, fault
        house.bsport.faults.clear()
    await house.sync()
    assert len(everybody) == 6
    assert house.inside() == everybody


async def test_the_inbox_says_when_the_key_ends(house: House) -> None:
    """Under a code of its own, because the admin gets a mail about it."""
    house.join("Anna", "a1", ends="2027-11-30")
    await house.sync()
    await house.sync()
    (item,) = [item for item in await house.inbox() if item["code"] == "key_ends"]
    assert "key_ends" in ALARMS
    assert "2026-12-01" in item["text"]
