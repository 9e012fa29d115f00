"""Forms from plugins' settings: everything can be typed, nothing is lost on the way, secrets stay where they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.errors import UserError
from hub.grants import TrackerSeat
from hub.look.catalog import read_catalog
from hub.look.effects import effects_of
from hub.look.people import people_at, people_keys
from hub.look.seats import compare_seats, match_by_number, spots_named
from hub.look.vendors import list_vendors
from hub.records import Spot
from hub.studio.connecting import make_studio, spec_of, studio_section
from hub.studio.editing import make_row, row_values, rows_of
from hub.studio.forms import form_fields, typed_values
from hub.studio.importing import save_one_connection
from tests.harness import World


async def test_a_form_that_nobody_touched_changes_nothing(world: World) -> None:
    for row in await world.hub.connections():
        plugin = world.hub.plugins[row.plugin]
        fields = form_fields(plugin, row)
        assert {field.key for field in fields} >= set(plugin.settings.model_fields)
        found: list[tuple[str | None, str]] = []
        values = typed_values(fields, {field.key: field.value for field in fields})
        spec = spec_of(plugin, row.name, values, row, base=Path.cwd(), found=found)
        assert spec is not None, found
        before = row.settings
        await save_one_connection(world.hub, spec, who="test")
        after = await world.hub.connection_row(row.name)
        assert {**after.settings, **before} == after.settings
        assert after.options == row.options
        assert after.secret_origins == row.secret_origins
        assert (
            after.open_settings(plugin, world.hub.vault).secrets()
            == row.open_settings(plugin, world.hub.vault).secrets()
        )


def test_every_plugin_has_a_form_and_an_empty_one_says_what_is_missing(world: World) -> None:
    for plugin in world.hub.plugins.loaded.values():
        fields = form_fields(plugin, None)
        assert all(field.title for field in fields)
        assert {field.key for field in fields if field.kind == "secret"} == plugin.settings.secret_names()
        found: list[tuple[str | None, str]] = []
        values = typed_values(fields, {})
        assert spec_of(plugin, "new", values, None, base=Path.cwd(), found=found) is None
        required = {field.key for field in fields if field.required and not field.value}
        assert {key for key, _ in found} == required, plugin.name


def test_tables_lists_and_limits_are_typed_as_text(world: World) -> None:
    plugin = world.hub.plugins["spivi"]
    typed = {
        "box_ids": "4471, 4472",
        "calls": "get_layout = false, get_events = Events/All",
        "hold_removals_above.count": "",
        "hold_removals_above.percent": "20",
        "policy": "sync",
        "password": " kept as it is ",
    }
    values = typed_values(form_fields(plugin, None), typed)
    assert values["box_ids"] == ["4471", "4472"]
    assert values["calls"] == {"get_layout": False, "get_events": "Events/All"}
    assert values["password"] == " kept as it is "
    found: list[tuple[str | None, str]] = []
    assert spec_of(plugin, "bikes", {**values, "calls": None}, None, base=Path.cwd(), found=found) is None
    assert ("hold_removals_above", "hold_removals_above.count must be a whole number") in found


async def test_there_is_one_studio(world: World) -> None:
    found: list[tuple[str | None, str]] = []
    assert studio_section({"name": "", "timezone": "Mars"}, found) is None
    assert {key for key, _ in found} == {"name", "timezone"}
    section = studio_section({"name": "Second", "timezone": "Europe/Zurich"}, [])
    assert section is not None
    with pytest.raises(UserError, match="there is a studio already"):
        await make_studio(world.hub, section, who="test")


async def test_what_rows_can_name_comes_with_how_many_have_it(world: World) -> None:
    world.join("1")
    world.join("2", valid_until="2026-01-31")
    world.join("3", pass_id="abo-sauna")
    await world.sync()
    catalog = await read_catalog(world.hub)
    assert {one.id: (one.name, one.people) for one in catalog.of("pass") if one.people} == {
        "abo-sauna": ("Abo + Sauna", 1),
        "abo": ("Abo 12 months", 1),
    }
    assert catalog.members == 3
    assert catalog.target("door").groups == {"AG-1": "Gym", "AG-2": "Gym + Sauna"}
    assert catalog.target("gone").name_of("x") == "x"
    assert [(view.row.name, view.state) for view in await list_vendors(world.hub)] == [("desk", "ok"), ("door", "ok")]


async def test_an_edit_is_counted_by_what_people_get_and_lose(world: World) -> None:
    for member in "1234":
        world.join(member, pass_id="abo-sauna" if member == "4" else "abo")
    await world.sync()
    rows = await rows_of(world.hub, "passes")
    assert (await effects_of(world.hub, "passes", rows)).changes == 0
    first = await make_row(world.hub, "passes", {**row_values(rows[0]), "pass": ["abo-sauna-old"]})
    effects = await effects_of(world.hub, "passes", [first, rows[1]])
    assert [(line.action, line.text, line.count) for line in effects.lines] == [("remove", "lose Gym", 3)]
    moved = await make_row(world.hub, "passes", {**row_values(rows[0]), "group": "AG-2"})
    effects = await effects_of(world.hub, "passes", [moved, rows[1]])
    assert [(line.action, line.text, line.count) for line in effects.lines] == [
        ("change", "move from Gym to Gym + Sauna", 3)
    ]


async def test_who_is_whom_by_page(world: World) -> None:
    world.join("1")
    await world.sync()
    async with world.hub.database.read() as db:
        keys, unmatched = await people_keys(db, world.hub.the_studio)
        people = await people_at(db, world.hub.the_studio, keys)
    assert (keys, unmatched) == (["door/desk:1"], 0)
    assert (people[keys[0]].name, people[keys[0]].state) == ("Anna Graf", "linked")


def test_seats_are_compared_by_what_is_written_on_them() -> None:
    spots = [Spot(id=label, room_plan_id="ride", label=label) for label in ("1", "2", "3", "4")]
    seats = [TrackerSeat(id=f"s{label}", label=label) for label in ("1", "2", "4")]
    views = compare_seats(spots, seats, {"1": "s1", "2": "s4", "3": "s9"})
    assert [view.state for view in views] == ["match", "differs", "missing", "missing"]
    assert match_by_number(spots, seats, {"3": "s9"}) == {"1": "s1", "2": "s2", "3": "s9", "4": "s4"}
    shared = compare_seats(spots[:2], seats, {"1": "s1", "2": "s1"})
    assert [view.state for view in shared] == ["differs", "differs"]


def test_ids_that_go_up_with_the_spots_are_no_mistake() -> None:
    spots = spots_named({"1": "0", "2": "1", "10": "9"}, ())
    assert [spot.label for spot in spots] == ["1", "2", "10"]
    assert {view.state for view in compare_seats(spots, None, {"1": "0", "2": "1", "10": "9"})} == {"match"}
    swapped = compare_seats(spots, None, {"1": "0", "2": "2", "10": "9"})
    assert [view.state for view in swapped] == ["differs", "match", "differs"]
    told = [TrackerSeat(id=str(number), label=str(number + 5)) for number in range(3)]
    assert [spot.label for spot in spots_named({"1": "0"}, told)] == ["1", "6", "7"]
    assert [view.state for view in compare_seats(spots[:2], told, {"1": "0", "2": "1"})] == ["differs"] * 2
