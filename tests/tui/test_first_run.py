"""The first run: from nothing to the steps that tick themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hub.core import Hub, initialise
from hub.engine.disconnecting import disconnect
from hub.look.first_steps import first_steps
from hub.settings import HubSettings
from tests.harness import World
from tests.tui.driving import frame, press, until
from tui.app import DEMO, HubApp
from tui.fields import Field
from tui.screens.first import FirstRunScreen
from tui.screens.plan import PlanScreen
from tui.table import IdTable
from tui.vendor_forms import ADD


@pytest.fixture
async def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.setenv("TZ", "Europe/Zurich")
    options: dict[str, Any] = {"home": tmp_path / "home", "key": None}
    settings = HubSettings(**options)
    await initialise(settings)
    async with Hub.open(settings) as opened:
        yield opened


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_a_studio_is_made_and_the_steps_begin(hub: Hub, size: tuple[int, int]) -> None:
    async with HubApp(hub).run_test(size=size) as pilot:
        await until(pilot, lambda: len(pilot.app.screen.query(Field)) == 4, "the form")
        await press(pilot, "enter")
        await until(pilot, lambda: "is missing" in frame(pilot), "what is wrong")
        assert hub.studio is None
        await press(pilot, "=Studio 5", "tab", "home", "shift+end", "=Mars", "enter")
        await until(pilot, lambda: "is not a time zone" in " ".join(frame(pilot).split()), "what is wrong")
        await press(pilot, "home", "shift+end", "=Europe/Berlin", "enter")
        await until(pilot, lambda: not pilot.app.screen.query(Field), "the studio")
        assert hub.studio is not None
        assert (hub.studio.name, hub.studio.timezone, hub.studio.language) == ("Studio 5", "Europe/Berlin", "en")
        shown = frame(pilot)
        assert "Connect where people book" in shown
        assert "Switch it on" in shown
        await press(pilot, "down", "down", "enter")
        assert isinstance(pilot.app.screen, FirstRunScreen), "nothing opens anything before there is a vendor"
        await press(pilot, "up", "up", "enter")
        await until(pilot, lambda: pilot.app.current_mode == "vendors", "the vendors")
        await press(pilot, "1")
        await until(pilot, lambda: pilot.app.current_mode == "first", "the steps again")


@pytest.mark.parametrize("size", [(80, 24), (40, 10)])
async def test_before_anything_is_connected_keys_say_where_to_begin(hub: Hub, size: tuple[int, int]) -> None:
    """In full at every size, with the key that leads there, until esc takes it away."""
    async with HubApp(hub).run_test(size=size) as pilot:
        await until(pilot, lambda: len(pilot.app.screen.query(Field)) == 4, "the form")
        await press(pilot, "=Studio 5", "enter")
        await until(pilot, lambda: hub.studio is not None and not pilot.app.screen.query(Field), "the studio")
        for key, said in (("s", "Nothing is connected yet: 5 Vendors."), ("p", "Nothing is connected yet: 5 Vendors."),
                          ("E", "There is nothing to run yet: 5 Vendors.")):  # fmt: skip
            await press(pilot, key)
            await until(pilot, lambda said=said: said in " ".join(frame(pilot).split()), said)
            await press(pilot, "escape")
            await until(pilot, lambda said=said: said not in " ".join(frame(pilot).split()), "nothing any more")


async def test_the_made_up_studio_is_one_key_away(hub: Hub) -> None:
    app = HubApp(hub)
    async with app.run_test() as pilot:
        await until(pilot, lambda: len(pilot.app.screen.query(Field)) == 4, "the form")
        await press(pilot, "escape", "d")
        await until(pilot, lambda: app.return_code == DEMO, "the end")


async def test_the_steps_tick_themselves_and_today_follows_the_last(world: World) -> None:
    world.join("1")
    world.desk.export(at=world.clock.now())
    async with HubApp(world.hub).run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: "● Say what opens what" in " ".join(frame(pilot).split()), "the ticks")
        assert pilot.app.current_mode == "first"
        assert dict(await first_steps(world.hub)) == {
            "studio": True, "source": True, "target": True, "rules": True, "plan": False, "applied": False,
        }  # fmt: skip
        await press(pilot, "6")
        await until(pilot, lambda: "No class yet" in frame(pilot), "what would be there")
        await press(pilot, "1")
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, PlanScreen), "the plan")
        await until(pilot, lambda: "+ create" in frame(pilot), "its lines")
        await press(pilot, "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, FirstRunScreen), "the steps again")
        await world.sync()
        await until(pilot, lambda: pilot.app.current_mode == "today", "Today")


async def test_the_field_that_is_typed_into_says_what_it_is_for(hub: Hub) -> None:
    async with HubApp(hub).run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: len(pilot.app.screen.query(Field)) == 4, "the form")
        await until(pilot, lambda: "As members read it in mails" in frame(pilot), "what the name is for")
        assert "Such as Europe/Zurich" not in frame(pilot)
        await press(pilot, "tab")
        await until(pilot, lambda: "Such as Europe/Zurich" in frame(pilot), "what the zone is for")
        assert "As members read it in mails" not in frame(pilot)


async def test_a_step_that_connects_leads_to_where_a_vendor_is_added(world: World) -> None:
    """Also where others are connected already."""
    await disconnect(world.hub, "door", revoke=False, who="test")
    async with HubApp(world.hub).run_test(size=(80, 24)) as pilot:
        await until(
            pilot, lambda: isinstance(pilot.app.screen, FirstRunScreen) and "Connect a lock" in frame(pilot), "it"
        )
        await press(pilot, "enter")
        await until(pilot, lambda: pilot.app.current_mode == "vendors", "the vendors")
        table = pilot.app.screen.query_one(IdTable)
        await until(pilot, lambda: table.row == ADD and "n or enter connects" in frame(pilot), "the line that adds one")
