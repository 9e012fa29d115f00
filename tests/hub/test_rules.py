"""Mapping rows one by one: what they say, what an edit would do, and that nothing is done before somebody says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.errors import UserError
from hub.look.rules import RuleView, list_rules
from hub.reconcile.plan import Plan
from hub.store import tables as t
from hub.studio.editing import edit_rows, make_row, row_values, rows_of
from hub.studio.model import Row
from hub.studio.preview import preview_rows
from tests.conftest import BOTH
from tests.harness import World
from tests.hub.test_cli import Shop, shop
from tests.visiting import at, book, make_visiting, visits

__all__ = ["shop"]


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str | None) -> AsyncIterator[World]:
    async with make_visiting(tmp_path, monkeypatch, database_url=database_url) as made:
        yield made


async def everything(world: World) -> dict[str, list[Any]]:
    """What stands in the database, besides when it was looked at."""
    async with world.hub.database.read() as db:
        return {
            table.name: sorted(map(repr, (await db.execute(select(table))).all())) for table in t.metadata.sorted_tables
        }


async def rules(world: World) -> list[RuleView]:
    async with world.hub.database.read() as db:
        return await list_rules(db, world.hub.the_studio)


async def changed(world: World, kind: str, number: int, **values: Any) -> list[Row]:
    """A table with one row changed."""
    rows = await rows_of(world.hub, kind)
    rows[number - 1] = await make_row(world.hub, kind, row_values(rows[number - 1]) | values)
    return rows


def counts(plans: list[Plan]) -> list[dict[str, int]]:
    return [{name: count for name, count in plan.counts.items() if count and name != "unchanged"} for plan in plans]


# ── what the rows say ─────────────────────────────────────────────────────────────────────────────────────────────────


@BOTH
async def test_every_row_says_in_words_what_it_does_and_how_many_grants_rest_on_it(world: World) -> None:
    world.join("1")
    world.join("2")
    world.join("3", pass_id="abo-sauna")
    book(world, "b-1", "4711", at("14:00"))
    book(world, "b-2", "4711", at("15:00"))
    book(world, "b-3", "4712", at("14:00"), resource="r-2")
    world.desk.community_members.append({"community_id": "team", "member_id": "1"})
    await world.sync()
    assert [(rule.kind, rule.number, rule.text, rule.grants) for rule in await rules(world)] == [
        ("communities", 1, "belonging to Team opens Front door, with a code and a link", 1),
        ("passes", 1, "Abo 12 months or abo-sauna-old gives the group Gym (priority 2)", 2),
        ("passes", 2, "Abo + Sauna gives the group Gym + Sauna (priority 1)", 1),
        ("passes", 3, "key opens Studio 2, with a code and a link", 0),
        (
            "resources",
            1,
            "a booking of Studio 1 opens Front door, Studio 1 from 15 min before to 15 min after, "
            "with a code and a link",
            1,
        ),
        ("resources", 2, "a booking of Studio 2 opens Studio 2, with a code", 1),
    ]


async def test_what_is_over_rests_on_no_row(world: World) -> None:
    booking = book(world, "b-1", "4711", at("14:00"))
    await world.sync()
    booking["state"] = "cancelled"
    await world.sync()
    assert [rule.grants for rule in await rules(world) if rule.kind == "resources"] == [0, 0]


async def test_the_count_follows_the_rows_when_they_move_up(world: World) -> None:
    """A grant keeps the number that its row had; the count goes by what the row says."""
    book(world, "b-3", "4712", at("14:00"), resource="r-2")
    await world.sync()
    await edit_rows(world.hub, "resources", (await rows_of(world.hub, "resources"))[1:], "test")
    assert [(rule.number, rule.grants) for rule in await rules(world) if rule.kind == "resources"] == [(1, 1)]


async def test_grants_name_the_rows_as_they_are_numbered_now(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"), resource="r-2")
    world.join("1", pass_id="abo-sauna")
    await world.sync()
    for kind in ("resources", "passes"):
        await edit_rows(world.hub, kind, (await rows_of(world.hub, kind))[1:], "test")
    await world.sync()
    named = {grant.rule for grant in await world.grants(status="created")}
    assert named == {"passes row 1 → AG-2 (priority 1)", "resources row 1 → C-3"}


# ── previews ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@BOTH
async def test_a_preview_says_what_an_edit_would_do_and_saves_nothing(world: World) -> None:
    for index in range(3):
        book(world, f"b-{index}", f"m{index}", at("14:00"))
    book(world, "b-9", "m9", at("14:00"), resource="r-2")
    await world.sync()
    before, calls = await everything(world), world.exivo.log.total
    rows = await changed(world, "resources", 1, minutes_before=30)
    plans = await preview_rows(world.hub, "resources", rows)
    assert counts(plans) == [{"create": 3, "remove": 3}]
    assert counts(await preview_rows(world.hub, "resources", (await rows_of(world.hub, "resources"))[1:])) == [
        {"remove": 3}
    ]
    assert await everything(world) == before
    assert world.exivo.log.total == calls


@BOTH
async def test_what_was_previewed_is_what_is_done(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"))
    await world.sync()
    rows = await changed(world, "resources", 1, locks=["C-3"], minutes_before=30)
    [plan] = await preview_rows(world.hub, "resources", rows)
    done = await edit_rows(world.hub, "resources", rows, "test")
    assert done.changes == ["resources: 2 rows (were 2)"]
    assert (await world.plan()).hash == plan.hash
    await world.sync()
    assert visits(world) == [("C-3", "2026-11-21T13:30:00Z", "2026-11-21T15:15:00Z")]


async def test_the_preview_of_a_link_shows_who_moves_and_saves_nothing(world: World) -> None:
    """A member who is another person at the vendor from now on gets the group there."""
    world.join("1")
    world.join("2")
    await world.sync()
    persons = {person["info"].rpartition(":")[2][:-1]: name for name, person in world.exivo.persons.items()}
    before = await everything(world)
    link = await make_row(world.hub, "links", {"member": "desk:1", "target": "door", "id": persons["2"]})
    [plan] = await preview_rows(world.hub, "links", [link])
    assert [(change.action.value, change.ref) for change in plan.changes] == [("change", "desk:1")]
    assert await everything(world) == before
    await edit_rows(world.hub, "links", [link], "test")
    assert (await world.plan()).hash == plan.hash


async def test_only_locks_that_an_edit_touches_have_a_preview(world: World) -> None:
    rows = await rows_of(world.hub, "resources")
    assert await preview_rows(world.hub, "resources", rows) == []
    room = await make_row(
        world.hub, "rooms", {"source": "desk", "target": "door", "room_plan": "ride", "box": "1", "seats": {"1": "1"}}
    )
    assert counts(await preview_rows(world.hub, "rooms", [room])) == [{}]


async def test_the_preview_of_many_removals_says_that_they_would_be_held(world: World) -> None:
    for index in range(8):
        book(world, f"b-{index}", f"m{index}", at("14:00"))
    await world.sync()
    assert counts(await preview_rows(world.hub, "resources", [])) == [{"held": 8}]


async def test_a_booking_that_was_cancelled_is_no_surprise_where_its_row_is_deleted_too(world: World) -> None:
    """The records are looked at although no row opens a lock any more."""
    rows = [book(world, f"b-{index}", f"m{index}", at("14:00"), resource="r-2") for index in range(8)]
    await world.sync()
    for kind in ("communities", "resources"):
        await edit_rows(world.hub, kind, [], "test")
    await edit_rows(world.hub, "passes", (await rows_of(world.hub, "passes"))[:2], "test")
    for row in rows:
        row["state"] = "cancelled"
    assert (await world.sync()).targets[0].applied == {"remove": 8}


# ── edits ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@BOTH
async def test_an_edit_is_in_the_audit_and_wakes_what_it_touches(world: World) -> None:
    await edit_rows(world.hub, "resources", await changed(world, "resources", 1, minutes_before=30), "berta")
    async with world.hub.database.read() as db:
        audit = (await db.execute(select(t.audit).order_by(t.audit.c.id.desc()).limit(1))).one()
        lane, name = t.lane.c, t.connection.c.name
        query = select(name, lane.generation).join(t.connection, t.connection.c.id == lane.connection_id)
        woken = {row.name: row.generation for row in await db.execute(query)}
    assert (audit.who, audit.act, audit.subject) == ("berta", "rules", "resources")
    assert audit.detail.startswith("resources: 2 rows (were 2); − {")
    assert '"minutes_before":30' in audit.detail
    assert woken["door"] > woken["desk"]


async def test_an_edit_of_a_table_that_somebody_else_edited_is_refused(world: World) -> None:
    seen = await rows_of(world.hub, "resources")
    await edit_rows(world.hub, "resources", seen[:1], "berta", seen=seen)
    with pytest.raises(UserError, match="somebody else has edited resources"):
        await edit_rows(world.hub, "resources", seen[1:], "anna", seen=seen)
    assert await rows_of(world.hub, "resources") == seen[:1]


async def test_an_edit_that_changes_nothing_leaves_no_trace(world: World) -> None:
    before = await everything(world)
    done = await edit_rows(world.hub, "resources", await rows_of(world.hub, "resources"), "test")
    assert (done.changes, await everything(world) == before) == ([], True)


# ── the command ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_deleting_shows_what_it_would_do_and_does_it_only_with_yes(shop: Shop) -> None:
    shop.ready()
    shop.join("1", "2")
    assert shop("sync").code == 0
    listed = shop("rules", "--json").json
    assert [(rule["table"], rule["number"], rule["grants"]) for rule in listed] == [("passes", 1, 2), ("passes", 2, 0)]
    shown = shop("rules", "delete", "passes", "1")
    assert shown.code == 0
    assert "− 2 remove" in shown.out
    assert "Nothing has been changed. Type it again with --yes" in shown.out
    assert "studiohub apply" not in shown.out
    assert shop("rules", "--json").json == listed
    done = shop("rules", "delete", "passes", "1", "--yes", "--json").json
    assert done["saved"]
    assert done["plans"][0]["counts"]["remove"] == 2
    assert [rule["row"]["pass"] for rule in shop("rules", "--json").json] == [["abo-sauna"]]
    assert shop("rules", "delete", "passes", "1", "--yes").code == 0
    assert "nothing opens" in shop("rules").out


def test_changing_takes_keys_and_values_as_in_a_studio_file(shop: Shop) -> None:
    shop.ready()
    assert shop("rules", "change", "passes", "1", "priority=7", "pass=abo,gold", "--yes").code == 0
    row = shop("rules", "--json").json[0]["row"]
    assert (row["pass"], row["group"], row["priority"]) == (["abo", "gold"], "AG-1", 7)
    assert shop("rules", "change", "passes", "1", "group=", "locks=C-1,C-2", "credential=code", "--yes").code == 0
    row = shop("rules", "--json").json[0]["row"]
    assert ("group" in row, row["locks"], row["credential"]) == (False, ["C-1", "C-2"], "code")
    assert "Nothing to change" in shop("rules", "change", "passes", "1", "credential=code", "--yes").out


def test_adding_puts_a_row_at_the_end_of_its_table(shop: Shop) -> None:
    shop.ready()
    words = ["resources", "source=desk", "resource=r-7", "target=door", "locks=C-1,C-2", "minutes_before=15"]
    assert "+ resources: a booking of r-7 opens C-1, C-2 and 15 min before" in shop("rules", "add", *words).out
    assert shop("rules", "add", *words, "--yes").code == 0
    [row] = [rule["row"] for rule in shop("rules", "--json").json if rule["table"] == "resources"]
    assert (row["resource"], row["locks"], row["minutes_before"], row["minutes_after"]) == (
        ["r-7"],
        ["C-1", "C-2"],
        15,
        0,
    )
    room = ["rooms", "source=desk", "target=door", "room_plan=ride", "box=44", "seats=1:11,2:12", "send=false"]
    assert shop("rules", "add", *room, "--yes", "--json").json["added"][0]["seats"] == {"1": "11", "2": "12"}


def test_another_credential_says_what_it_means_for_members(shop: Shop) -> None:
    shop.ready()
    words = ["source=desk", "pass=key", "target=door", "locks=C-1"]
    shown = shop("rules", "add", "passes", *words, "--yes")
    assert (shown.code, "Mails tell" in shown.out) == (0, False)
    shown = shop("rules", "change", "passes", "3", "credential=code")
    assert "Mails tell members the code only from now on (now: code and link)." in shown.out
    assert "who has a mail already gets no other" in shown.out
    assert "Mails tell" not in shop("rules", "change", "passes", "3", "pass=gold").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["delete", "pases", "1"], "did you mean 'passes'?"),
        (["delete", "passes", "9"], "passes has rows 1 to 2"),
        (["delete", "passes", "0"], "passes has rows 1 to 2"),
        (["delete", "communities", "1"], "communities has no rows"),
        (["change", "passes", "1"], "Keys of passes: target, source, pass, group, locks, credential, priority"),
        (["change", "passes", "1", "prio=3"], "did you mean 'priority'?"),
        (["change", "passes", "1", "priority=high"], "priority must be a whole number"),
        (["change", "passes", "1", "priority"], "write key=value"),
        (["change", "passes", "1", "priority=1", "priority=2"], "priority is given twice"),
        (["change", "passes", "1", "target=dor"], "did you mean 'door'?"),
        (["change", "passes", "1", "target=desk"], "not a connection that is written to"),
        (["change", "passes", "1", "locks=C-1"], "say what the pass opens"),
        (["add", "resources", "source=desk", "target=door", "locks=C-1"], "resource is missing"),
        (["add", "resources", "minutes_before=2000", "source=desk"], "minutes_before"),
        (["add", "rooms", "seats=1"], "spot:seat"),
        (["add", "links", "member=4711", "target=door", "id=1"], "connection:id"),
    ],
    ids=" ".join,
)
def test_what_can_not_be_used_is_refused_with_what_there_is(shop: Shop, words: list[str], said: str) -> None:
    shop.ready()
    listed = shop("rules", "--json").json
    typed = shop("rules", *words, "--yes")
    assert (typed.code, typed.out) == (2, "")
    assert said in typed.err
    assert shop("rules", "--json").json == listed


def test_the_accesses_of_a_booking_on_the_command_line(shop: Shop) -> None:
    shop.ready()
    shop.join("1")
    shop.desk.bookings.append(
        {
            "id": "b-1",
            "member_id": "1",
            "resource_id": "r-7",
            "starts_at": "2099-01-01T10:00",
            "ends_at": "2099-01-01T11:00",
            "state": "confirmed",
        }
    )
    shop.export()
    shop("sync")
    typed = shop("accesses", "b-1")
    assert typed.code == 0
    assert "desk:b-1: Anna Graf 1 (desk:1), r-7, 1 Jan 2099 10:00 to 11:00, confirmed" in typed.out
    assert "No mapping row says which doors r-7 opens at door" in typed.out
    assert "No accesses." in typed.out
    document = shop("accesses", "desk:b-1", "--json").json
    assert (document["booking"], document["accesses"], document["reasons"][0]["code"]) == (
        "desk:b-1",
        [],
        "booking_unmapped",
    )
    refused = shop("accesses", "b-2", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (2, "no_booking")
