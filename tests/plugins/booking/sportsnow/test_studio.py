"""A whole studio: from SportsNow to the door and back, in one process."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub import http
from hub.clock import FrozenClock
from hub.core import Hub, initialise
from hub.engine.sync import SyncResult, sync_now
from hub.plugins import Plugins
from hub.settings import HubSettings
from hub.studio.importing import import_file
from plugins.booking import sportsnow
from plugins.booking.sportsnow.simulator import PROVIDER, TOKEN, SportsNowSimulator
from plugins.exivo.simulator import API_KEY, API_SECRET, SITE_ID, ExivoSimulator
from tests.plugins.booking.sportsnow.support import NOW

STUDIO = """
[studio]
name = "Studio Nordlicht"
timezone = "Europe/Zurich"
language = "de"

[[connections]]
name = "front"
plugin = "sportsnow"
provider = "{provider}"
base_url = "{front}"
badge_numbers = "decimal"
requests_per_second = 1000000
{members}

[[connections]]
name = "door"
plugin = "exivo"
site_id = "{site_id}"
api_key = "{api_key}"
api_secret = {{ env = "TEST_EXIVO_SECRET" }}
base_url = "{door}/v1"
policy = "sync"
requests_per_second = 1000000

[[passes]]
source = "front"
pass = ["1"]
target = "door"
group = "AG-1"
priority = 1
"""

BADGE = "56CA4C85"
"""Anna's number 1456098437 in hexadecimal."""

_numbers = itertools.count(1)


@dataclass
class Site:
    """A studio with SportsNow in front and exivo at the door."""

    front: SportsNowSimulator
    exivo: ExivoSimulator
    clock: FrozenClock
    hub: Hub
    export: Path | None

    async def sync(self) -> SyncResult:
        """Export where members come from a folder, and sync."""
        if self.export is not None:
            self.front.export(self.export)
        return await sync_now(self.hub, ())

    def opens(self) -> bool:
        """Whether Anna's badge opens the door."""
        return self.exivo.can_open(BADGE, next(iter(self.exivo.components)))

    def group(self) -> str | None:
        """The access group of Anna's person."""
        (person,) = [person for person in self.exivo.persons.values() if ":front:1]" in (person.get("info") or "")]
        return person.get("accessGroupId")


@asynccontextmanager
async def studio(folder: Path, monkeypatch: pytest.MonkeyPatch, *, members: str) -> AsyncIterator[Site]:
    """Open such a studio; `members` is `folder` or `routes`."""
    monkeypatch.setenv("TEST_EXIVO_SECRET", API_SECRET)
    monkeypatch.setenv("TEST_SPORTSNOW_TOKEN", TOKEN)
    number = next(_numbers)
    front_url, door_url = f"http://front-{number}.test", f"http://door-{number}.test"
    clock = FrozenClock(NOW)
    front = SportsNowSimulator(clock=clock)
    exivo = ExivoSimulator(clock=clock, groups={"AG-1": "Gym"})
    lines = {"folder": 'path = "export"', "routes": 'assumed_routes = true\ntoken = { env = "TEST_SPORTSNOW_TOKEN" }'}
    file = folder / "studio.toml"
    file.write_text(
        STUDIO.format(
            provider=PROVIDER,
            front=front_url,
            door=door_url,
            members=lines[members],
            site_id=SITE_ID,
            api_key=API_KEY,
        )
    )
    plugins = Plugins.discover()
    if "sportsnow" not in plugins.loaded:
        plugins.register(sportsnow)
    options: dict[str, Any] = {"home": folder / "home", "key": None, "database_url": None}
    settings = HubSettings(**options)
    await initialise(settings)
    async with (
        http.answering(front_url, front),
        http.answering(door_url, exivo),
        Hub.open(settings, plugins=plugins, clock=clock) as hub,
    ):
        await import_file(hub, file, who="test")
        yield Site(front, exivo, clock, hub, folder / "export" if members == "folder" else None)


@pytest.mark.parametrize("members", ["folder", "routes"])
async def test_who_has_a_pass_gets_in_until_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: str
) -> None:
    """Through the last day of the pass; Béla, who has a badge in letters, all along."""
    async with studio(tmp_path, monkeypatch, members=members) as site:
        site.front.change_pass(1, ends_on="2026-11-30")
        assert (await site.sync()).exit_code == 0
        assert site.group() == "AG-1"
        assert site.opens()
        assert site.exivo.can_open("4A2B7C1", next(iter(site.exivo.components)))
        site.clock.move(timedelta(days=9, hours=13, minutes=59))
        assert (await site.sync()).exit_code == 0
        assert site.opens()
        site.clock.move(timedelta(minutes=2))
        assert (await site.sync()).exit_code == 0
        assert site.group() is None
        assert not site.opens()
        assert site.exivo.can_open("4A2B7C1", next(iter(site.exivo.components)))


@pytest.mark.parametrize("members", ["folder", "routes"])
async def test_a_deleted_pass_ends_access_and_a_new_one_brings_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: str
) -> None:
    """At the next read."""
    async with studio(tmp_path, monkeypatch, members=members) as site:
        await site.sync()
        site.front.delete_pass(1)
        assert (await site.sync()).exit_code == 0
        assert not site.opens()
        site.front.sell(1, starts_on="2026-11-01", ends_on=None)
        assert (await site.sync()).exit_code == 0
        assert site.opens()


async def test_a_pass_whose_row_is_missing_ends_only_with_the_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export that isn't finished takes nothing from anybody."""
    async with studio(tmp_path, monkeypatch, members="folder") as site:
        await site.sync()
        del site.front.world.customer_passes[1]
        site.front.export(tmp_path / "export", complete=False)
        await sync_now(site.hub, ())
        assert site.opens()
        assert (await site.sync()).exit_code == 0
        assert not site.opens()


async def test_a_vendor_that_is_down_takes_nothing_from_anybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it answers."""
    async with studio(tmp_path, monkeypatch, members="routes") as site:
        await site.sync()
        site.front.world.customer_passes.clear()
        for fault in ("outage", "garbage", "cut_body", "status=500", "unauthorized"):
            site.front.faults.clear()
            site.front.faults.set(fault)
            await site.sync()
            assert site.opens()
