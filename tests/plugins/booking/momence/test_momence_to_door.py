"""From Momence to the door: a whole hub between two simulated vendors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from hub import http
from hub.clock import FrozenClock
from hub.core import Hub, initialise
from hub.engine.sync import SyncResult, sync_now
from hub.plugins import Plugins
from hub.settings import HubSettings
from hub.studio.importing import import_file
from plugins.booking import momence
from plugins.booking.momence.simulator import CLIENT_ID, CLIENT_SECRET, PASSWORD, USERNAME, MomenceSimulator
from plugins.exivo.simulator import API_KEY, API_SECRET, SITE_ID, ExivoSimulator
from tests.plugins.booking.momence.support import NOW, YEAR

STUDIO = f"""
[studio]
name = "Studio Nordlicht"
timezone = "Europe/Zurich"

[[connections]]
name = "desk"
plugin = "momence"
client_id = "{CLIENT_ID}"
client_secret = {{ env = "TEST_CLIENT_SECRET" }}
username = "{USERNAME}"
password = {{ env = "TEST_PASSWORD" }}
base_url = "http://momence-door.test"
requests_per_second = 1000000
customer_fields = {{ weight_kg = "Gewicht" }}
badge_field = "Badge"
badge_numbers = "decimal"

[[connections]]
name = "door"
plugin = "exivo"
site_id = "{SITE_ID}"
api_key = "{API_KEY}"
api_secret = {{ env = "TEST_EXIVO_SECRET" }}
base_url = "http://exivo-door.test/v1"
policy = "sync"
requests_per_second = 1000000
hold_removals_above = {{ count = 5, percent = 10 }}

[[passes]]
source = "desk"
pass = "{{abo}}"
target = "door"
group = "AG-1"
"""


@dataclass
class Studio:
    """Both vendors and the hub between them."""

    sim: MomenceSimulator
    exivo: ExivoSimulator
    hub: Hub
    clock: FrozenClock
    abo: int

    async def sync(self) -> SyncResult:
        """Read Momence and bring the doors in line."""
        return await sync_now(self.hub)

    def inside(self) -> set[str]:
        """The members whose person at exivo is in the group."""
        markers = [row["info"] for row in self.exivo.persons.values() if row.get("accessGroupId") == "AG-1"]
        return {marker.rpartition(":")[2].rstrip("]") for marker in markers}


@asynccontextmanager
async def studio(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Studio]:
    """A hub between Momence and exivo. Badge numbers stand in a customer field: Momence has no badges."""
    for name, value in [
        ("TEST_CLIENT_SECRET", CLIENT_SECRET),
        ("TEST_PASSWORD", PASSWORD),
        ("TEST_EXIVO_SECRET", API_SECRET),
    ]:
        monkeypatch.setenv(name, value)
    clock = FrozenClock(NOW)
    sim = MomenceSimulator(clock=clock)
    exivo = ExivoSimulator(clock=clock, groups={"AG-1": "Gym"})
    abo = sim.add_membership("Abo")
    plugins = Plugins.discover()
    if "momence" not in plugins.loaded:
        plugins.register(momence)
    settings = HubSettings.model_validate({"home": folder / "home", "key": None, "database_url": None})
    await initialise(settings)
    (folder / "studio.toml").write_text(STUDIO.replace("{abo}", str(abo)), encoding="utf-8")
    async with (
        http.answering("http://momence-door.test", sim),
        http.answering("http://exivo-door.test", exivo),
        Hub.open(settings, plugins=plugins, clock=clock) as hub,
    ):
        await import_file(hub, folder / "studio.toml", who="test")
        yield Studio(sim, exivo, hub, clock, abo)


async def test_members_with_a_pass_are_let_in_and_lose_it_when_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its end date, by a freeze, by being taken off the active ones, and never by an outage."""
    async with studio(tmp_path, monkeypatch) as made:
        sim = made.sim
        ends, frozen, taken, stays = (
            sim.add_member(firstName=name, customer_fields={"badge": str(1000 + number)})
            for number, name in enumerate(("Ada", "Bea", "Cleo", "Dana"))
        )
        without = sim.add_member(firstName="Eva")
        sim.sell(ends, made.abo, starts=NOW, ends=NOW + timedelta(days=3))
        ice = sim.sell(frozen, made.abo, starts=NOW, ends=YEAR)
        off = sim.sell(taken, made.abo, starts=NOW, ends=YEAR)
        sim.sell(stays, made.abo, starts=NOW)
        assert (await made.sync()).exit_code == 0
        assert made.inside() == {str(key) for key in (ends, frozen, taken, stays)}
        assert str(without) not in made.inside()

        made.clock.move(timedelta(days=3, minutes=1))
        assert (await made.sync()).exit_code == 0
        assert made.inside() == {str(key) for key in (frozen, taken, stays)}

        sim.freeze(ice)
        assert (await made.sync()).exit_code == 0
        assert made.inside() == {str(taken), str(stays)}

        sim.faults.set("outage")
        assert (await made.sync()).exit_code != 0
        sim.faults.clear()
        sim.faults.set("garbage,operation=*BoughtMemberships*")
        await made.sync()
        assert made.inside() == {str(taken), str(stays)}
        sim.faults.clear()

        sim.end_pass(off)
        assert (await made.sync()).exit_code == 0
        assert made.inside() == {str(stays)}

        sim.unfreeze(ice)
        assert (await made.sync()).exit_code == 0
        assert made.inside() == {str(frozen), str(stays)}
        # 1003 is 3EB: Dana's.
        assert made.exivo.can_open("3EB", next(iter(made.exivo.components)))


async def test_what_the_hub_stores_holds_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the settings' nor a token."""
    async with studio(tmp_path, monkeypatch) as made:
        made.sim.sell(made.sim.add_member(), made.abo)
        await made.sync()
        secrets = [CLIENT_SECRET, PASSWORD, *made.sim.world.tokens, *made.sim.world.refreshes]
    stored = b"".join(file.read_bytes() for file in (tmp_path / "home").iterdir() if file.is_file())
    assert len(secrets) == 4
    assert not [secret for secret in secrets if secret.encode() in stored]
