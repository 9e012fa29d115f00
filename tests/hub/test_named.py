"""What mapping rows name has to be there: a lock at its target, a resource at its source; and an import says what it
changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hub.errors import UserError
from hub.studio.editing import edit_rows, make_row, row_values, rows_of
from hub.studio.importing import import_file
from hub.studio.model import Row
from tests.conftest import BOTH
from tests.harness import STUDIO, World, write_studio
from tests.hub.test_cli import Shop, shop
from tests.visiting import ROOMS, at, book, make_visiting

__all__ = ["shop"]


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str | None) -> AsyncIterator[World]:
    async with make_visiting(tmp_path, monkeypatch, database_url=database_url) as made:
        yield made


async def changed(world: World, kind: str, number: int, **values: Any) -> Row:
    """A row as `studiohub rules change` makes it."""
    old = (await rows_of(world.hub, kind))[number - 1]
    return await make_row(world.hub, kind, row_values(old) | values, instead_of=old)


async def told(world: World, code: str) -> list[dict[str, Any]]:
    return [item for item in await world.inbox() if item["code"] == code]


# ── at the target ─────────────────────────────────────────────────────────────────────────────────────────────────────


@BOTH
@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        ("resources", {"locks": ["C-1", "C-9"]}, "door has no lock 'C-9'; did you mean 'C-3'?"),
        ("resources", {"locks": ["front door"]}, "door has no lock 'front door'; that is a name; its id is 'C-1'"),
        ("resources", {"locks": ["AG-1"]}, "door has no lock 'AG-1'; that is a group"),
        ("resources", {"locks": ["x"]}, "door has no lock 'x'; it has C-1, C-2, C-3"),
        ("passes", {"group": "Gym"}, "door has no group 'Gym'; that is a name; its id is 'AG-1'"),
    ],
)
async def test_a_lock_that_is_not_there_is_refused_with_the_id_that_is_meant(
    world: World, kind: str, values: dict[str, Any], said: str
) -> None:
    await world.sync()
    with pytest.raises(UserError) as raised:
        await changed(world, kind, 1, **values)
    assert raised.value.what.startswith(f"{kind}: {said}")
    assert "`studiohub openings door`" in raised.value.fix


async def test_a_lock_that_was_never_looked_for_is_not_refused(world: World) -> None:
    """Nothing is known of the door yet."""
    assert await changed(world, "resources", 1, locks=["C-9"])


async def test_a_lock_that_went_away_keeps_nobody_from_changing_the_rest_of_its_row(world: World) -> None:
    await world.sync()
    del world.exivo.components["C-2"]
    await world.sync()
    row = await changed(world, "resources", 1, minutes_before=30)
    rows = [row, *(await rows_of(world.hub, "resources"))[1:]]
    [note] = (await edit_rows(world.hub, "resources", rows, "test")).notes
    assert note.startswith("[[resources]] names the lock 'C-2', which door does not have")


@BOTH
async def test_the_inbox_names_the_lock_that_is_missing(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"))
    await world.sync()
    del world.exivo.components["C-2"]
    book(world, "b-2", "4712", at("16:00"))
    await world.sync()
    [item] = await told(world, "opening_missing")
    assert "whose mapping row names the lock 'C-2', which door does not have" in item["text"]


def test_what_verify_and_openings_read_is_known_to_the_import(shop: Shop) -> None:
    """By line and key, before anything was synced."""
    file = shop.folder / "studio.toml"
    for command in ("verify", "openings"):
        shop.ready()
        assert shop(command, "door").code == 0
        before = file.read_text()
        file.write_text(before.replace('group = "AG-2"', 'group = "AG-9"'))
        line = file.read_text().splitlines().index('group = "AG-9"') + 1
        typed = shop("import", str(file))
        assert typed.code == 0
        assert f"studio.toml line {line}: [[passes]] names the group 'AG-9', which door does not have" in typed.out
        assert shop("disconnect", "door", "--leave").code == 0


# ── at the source ─────────────────────────────────────────────────────────────────────────────────────────────────────


@BOTH
async def test_what_the_source_does_not_have_is_told_until_it_does(world: World) -> None:
    await world.sync()
    text = (STUDIO + ROOMS).replace('resource = "r-1"', 'resource = ["Studio 1", "r-9"]')
    done = await import_file(world.hub, write_studio(world.folder, world.base_url, text=text), who="test")
    line = next(number for number, row in enumerate(text.splitlines(), 1) if '"r-9"' in row)
    assert done.notes == [
        f"studio.toml line {line}: [[resources]] names the resource 'Studio 1', which desk does not have; that is a "
        "name; its id is 'r-1'; `studiohub openings desk` lists what it has",
        f"studio.toml line {line}: [[resources]] names the resource 'r-9', which desk does not have; did you mean "
        "'r-2'? `studiohub openings desk` lists what it has",
    ]
    assert [item["subject"] for item in await told(world, "row_unmatched")] == [
        "desk: resource Studio 1",
        "desk: resource r-9",
    ]
    world.desk.resources.append({"id": "r-9", "name": "Studio 9"})
    await world.sync()
    [item] = await told(world, "row_unmatched")
    assert item["text"] == (
        "[[resources]] names the resource 'Studio 1', which desk does not have: nobody gets access by it."
    )
    assert (
        item["fix"] == "That is a name; its id is 'r-1'. `studiohub openings desk` lists what it has; correct the row."
    )
    await edit_rows(world.hub, "resources", [], "test")
    assert await told(world, "row_unmatched") == []


async def test_where_nothing_is_near_it_is_told_where_to_look(world: World) -> None:
    await world.sync()
    rows = [await changed(world, "resources", 1, resource=["loft"])]
    await edit_rows(world.hub, "resources", rows, "test")
    [item] = await told(world, "row_unmatched")
    assert item["fix"] == "`studiohub openings desk` lists what it has; correct the row."


async def test_a_pass_that_somebody_has_is_there_also_where_it_is_no_longer_sold(world: World) -> None:
    world.join("1", pass_id="abo-old")
    await world.sync()
    rows = [*(await rows_of(world.hub, "passes")), await changed(world, "passes", 1, **{"pass": ["abo-old"]})]
    assert (await edit_rows(world.hub, "passes", rows, "test")).notes == []


async def test_a_source_that_was_not_read_to_its_end_says_nothing(world: World) -> None:
    await world.sync(complete=False)
    rows = [await changed(world, "resources", 1, resource=["r-9"])]
    assert (await edit_rows(world.hub, "resources", rows, "test")).notes == []


def test_openings_lists_what_a_source_has(shop: Shop) -> None:
    shop.desk.resources.append({"id": "r-7", "name": "Yoga room"})
    shop.desk.passes = [{"id": "abo", "name": "Abo 12 months"}]
    shop.ready()
    assert "first `studiohub sync`" in shop("openings", "desk").out
    shop.join("1")
    shop("sync")
    rows = shop("openings", "desk", "--json").json
    assert [(row["kind"], row["id"], row["name"]) for row in rows] == [
        ("pass", "abo", "Abo 12 months"),
        ("resource", "r-7", "Yoga room"),
    ]
    assert "Yoga room" in shop("openings", "desk").out


# ── what an import changes ────────────────────────────────────────────────────────────────────────────────────────────


def test_an_import_shows_the_rows_that_change_and_whose_edit_it_takes_back(shop: Shop) -> None:
    shop.ready()
    file = str(shop.folder / "studio.toml")
    assert shop("rules", "change", "passes", "1", "priority=7", "--yes").code == 0
    typed = shop("import", file)
    assert "− passes: abo or abo-sauna-old gives the group AG-1 (priority 7)" in typed.out
    assert "+ passes: abo or abo-sauna-old gives the group AG-1 (priority 2)" in typed.out
    assert len([line for line in typed.out.splitlines() if line[0] in "−+"]) == 2
    (said,) = (line for line in typed.out.splitlines() if "takes back" in line)
    who = shop("audit", "--json").json[0]["who"]
    assert said.startswith("▲ passes: this takes back an edit made at ")
    assert said.endswith(f" by {who}")
    assert shop("rules", "delete", "passes", "2", "--yes").code == 0
    told = shop("import", file, "--json").json
    assert ([row["row"]["pass"] for row in told["added"]], "removed" in told) == ([["abo-sauna"]], False)
    assert [edit["table"] for edit in told["taken_back"]] == ["passes"]
    text = (shop.folder / "studio.toml").read_text()
    (shop.folder / "studio.toml").write_text(text.replace("priority = 2", "priority = 3"))
    assert "taken_back" not in shop("import", file, "--json").json


def test_a_first_import_does_not_list_its_rows(shop: Shop) -> None:
    assert shop("init").code == 0
    assert "+ passes" not in shop("import", str(write_studio(shop.folder, "http://exivo-cli.test/v1"))).out


def test_blocked_counts_people_and_not_their_visits(shop: Shop) -> None:
    shop.ready()
    assert shop("openings", "door").code == 0
    file = shop.folder / "studio.toml"
    row = {"source": "desk", "resource": "r-7", "target": "door"}
    lines = [f'{key} = "{value}"' for key, value in row.items()]
    file.write_text("\n".join([file.read_text(), "[[resources]]", *lines, 'locks = ["C-404"]', ""]))
    assert shop("import", str(file)).code == 0
    for day in ("01", "02"):
        booking = {"id": f"b-{day}", "member_id": "1", "resource_id": "r-7", "state": "confirmed"}
        times = {"starts_at": f"2099-01-{day}T10:00", "ends_at": f"2099-01-{day}T11:00"}
        shop.desk.bookings.append(booking | times)
    shop.join("1")
    assert "blocked 1 person;" in shop("sync").out
