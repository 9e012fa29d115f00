"""A studio that books with anny and opens with exivo: who has a pass is in the group, and out of it when it ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub import http
from hub.clock import FrozenClock
from hub.core import Hub, initialise
from hub.engine.sync import plan_now, sync_now
from hub.look.effects import effects_of
from hub.look.explain import explain
from hub.look.journal import inbox
from hub.look.plan_lines import plan_lines
from hub.plugins import Plugins
from hub.settings import HubSettings
from hub.studio.editing import rows_of
from hub.studio.importing import import_file
from plugins.booking import anny
from plugins.booking.anny.simulator import ACCESS_TOKEN, AnnySimulator
from plugins.exivo.simulator import API_KEY, API_SECRET, SITE_ID, ExivoSimulator
from tests.harness import NOW

STUDIO = f"""
[studio]
name = "Studio Nordlicht"
timezone = "Europe/Zurich"

[[connections]]
name = "desk"
plugin = "anny"
access_token = {{ env = "TEST_ANNY_TOKEN" }}
base_url = "http://anny-e2e.test"
badge_field = "Badge"
subscription_states = {{ cancelled = "ended" }}
requests_per_second = 1000000

[[connections]]
name = "door"
plugin = "exivo"
site_id = "{SITE_ID}"
api_key = "{API_KEY}"
api_secret = {{ env = "TEST_EXIVO_SECRET" }}
base_url = "http://exivo-e2e.test/v1"
policy = "sync"
hold_removals_above = {{ count = 5, percent = 10 }}
requests_per_second = 1000000

[[passes]]
source = "desk"
pass = "abo"
target = "door"
group = "AG-1"
priority = 1
"""


class Scene:
    """The studio, both vendors in memory."""

    def __init__(self, hub: Hub, clock: FrozenClock, sim: AnnySimulator, exivo: ExivoSimulator) -> None:
        self.hub, self.clock, self.sim, self.exivo = hub, clock, sim, exivo

    def join(self, name: str, badge: str, **sold: Any) -> dict[str, Any]:
        """A customer with a badge and a plan subscription; the subscription."""
        entries = {"badge": {"value": badge, "label": "Badge", "type": "text"}}
        customer = self.sim.desk.customer(name, id=f"id-{name}", custom_entry_map=entries)
        return self.sim.desk.subscribe(customer, {"id": "abo"}, **sold)

    async def sync(self) -> None:
        """One sync that goes well."""
        assert (await sync_now(self.hub, ())).exit_code == 0

    def inside(self) -> set[str]:
        """The first names of who is in the group and can open the door."""
        people = self.exivo.persons.values()
        return {str(person["firstName"]) for person in people if person.get("accessGroupId") == "AG-1"}


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """An opened hub whose plugins were discovered, and anny beside them."""
    monkeypatch.setenv("TEST_ANNY_TOKEN", ACCESS_TOKEN)
    monkeypatch.setenv("TEST_EXIVO_SECRET", API_SECRET)
    clock = FrozenClock(NOW)
    sim = AnnySimulator(clock=clock)
    sim.desk.plan("Abo", id="abo")
    exivo = ExivoSimulator(clock=clock, groups={"AG-1": "Gym", "AG-2": "Sauna"})
    plugins = Plugins.discover()
    if "anny" not in plugins.loaded:
        plugins.register(anny)
    options: dict[str, Any] = {"home": tmp_path / "home", "key": None, "database_url": None}
    settings = HubSettings(**options)
    await initialise(settings)
    opening = Hub.open(settings, plugins=plugins, clock=clock)
    async with (
        http.answering("http://anny-e2e.test", sim),
        http.answering("http://exivo-e2e.test", exivo),
        opening as hub,
    ):
        file = tmp_path / "studio.toml"
        file.write_text(STUDIO, encoding="utf-8")
        await import_file(hub, file, who="test")
        yield Scene(hub, clock, sim, exivo)


async def test_where_nobody_said_which_field_holds_the_badge_the_advice_is_to_say_so(
    scene: Scene, tmp_path: Path
) -> None:
    """Not to enter at anny what stands there already: in plan, explain and mapping, and once in the inbox."""
    names = [f"P{number}" for number in range(15)]
    for number, name in enumerate(names):
        scene.join(name, f"{number + 4096:x}")
    file = tmp_path / "studio.toml"
    file.write_text(STUDIO.replace('badge_field = "Badge"\n', ""), encoding="utf-8")
    await import_file(scene.hub, file, who="test")
    await sync_now(scene.hub, ())
    assert scene.inside() == set()
    text = "No field for badges is set at desk, and door opens with badges only."
    fix = (
        'Fill in "Custom field with the badge number" under Vendors → desk, More settings '
        "(in the studio file: badge_field), then sync."
    )
    _, [plan], _ = await plan_now(scene.hub)
    assert {(line.reason.text, line.reason.fix) for line in plan.changes} == {(text, fix)}
    async with scene.hub.database.read() as db:
        lines = await plan_lines(db, scene.hub.the_studio, [plan], scene.clock.now())
        [item] = [one for one in await inbox(db, scene.hub.the_studio) if one["code"] != "webhooks_off"]
    assert {line.text for line in lines} == {"No field for badges is set at desk"}
    assert (await explain(scene.hub, "id-P3")).lines[0].text == text
    assert item["text"] == (
        "15 of 15 members with a valid pass have no badge here: no field for badges is set at desk."
    )
    assert item["fix"] == fix
    rows = await rows_of(scene.hub, "passes")
    effects = await effects_of(scene.hub, "passes", [rows[0].model_copy(update={"priority": 7})])
    [blocked] = [line for line in effects.lines if line.action == "blocked"]
    assert (blocked.count, blocked.text) == (15, "blocked: no field for badges is set at desk")

    file.write_text(STUDIO, encoding="utf-8")
    await import_file(scene.hub, file, who="test")
    scene.sim.desk.customer("Zoe", id="id-Zoe")
    scene.sim.desk.subscribe({"id": "id-Zoe"}, {"id": "abo"})
    await scene.sync()
    assert scene.inside() == set(names)
    assert (await explain(scene.hub, "id-Zoe")).lines[0].text.startswith("Zoe Graf has no badge in desk")


async def test_who_has_a_pass_is_in_the_group_and_out_when_it_ends(scene: Scene) -> None:
    """By the end date, which the hub's own clock enforces; by a word of anny; and by a subscription that vanished, once
    two whole reads have missed it."""
    for number in range(35):
        scene.join(f"P{number}", f"{number + 4096:x}")
    scene.join("Anna", "a1", end="2026-11-22")
    cancelled = scene.join("Ben", "a2")
    deleted = scene.join("Carla", "a3")
    scene.join("Dora", "a4", status="pending")
    scene.join("Emil", "a5", start="2026-12-01")
    await scene.sync()
    everybody = {f"P{number}" for number in range(35)}
    assert scene.inside() == everybody | {"Anna", "Ben", "Carla"}
    door = next(iter(scene.exivo.components))
    assert scene.exivo.can_open("A1", door)

    scene.clock.move(timedelta(days=1, hours=13, minutes=59))
    await scene.sync()
    assert "Anna" in scene.inside()

    scene.clock.move(timedelta(minutes=2))
    await scene.sync()
    assert "Anna" not in scene.inside()
    assert not scene.exivo.can_open("A1", door)

    scene.sim.desk.change(cancelled, status="cancelled")
    await scene.sync()
    assert "Ben" not in scene.inside()

    scene.sim.desk.remove(deleted)
    await scene.sync()
    assert "Carla" in scene.inside()
    await scene.sync()
    assert scene.inside() == everybody


async def test_half_a_page_takes_nobodys_access(scene: Scene) -> None:
    """However often it comes."""
    for number in range(35):
        scene.join(f"P{number}", f"{number + 4096:x}")
    await scene.sync()
    before = scene.inside()
    scene.sim.faults.set("half_page")
    for _ in range(3):
        await sync_now(scene.hub, ())
    assert scene.inside() == before
    assert len(before) == 35
