"""The accesses of a booking: what it opens, what it opened, and why it doesn't."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import delete, select, update

from hub import records as r
from hub import times
from hub.errors import UserError
from hub.ingest.read import _encode
from hub.look.accesses import BookingAccesses, accesses_of
from hub.store import tables as t
from tests.conftest import BOTH
from tests.harness import World
from tests.hub.test_cli import Shop, shop
from tests.visiting import at, book, make_visiting

__all__ = ["shop"]

ZONE = times.zone("Europe/Zurich")

CREW = """
[[communities]]
source = "desk"
community = "crew"
target = "door"
locks = ["C-2", "C-1"]
"""


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str | None) -> AsyncIterator[World]:
    async with make_visiting(tmp_path, monkeypatch, database_url=database_url) as made:
        yield made


def codes(answer: BookingAccesses) -> list[str]:
    return [line.code for line in answer.lines]


async def number(world: World, booking_id: str, number: str) -> None:
    """Give a booking a number, which the files of the desk don't have."""
    c = t.record.c
    here = (c.kind == "booking", c.record_id == booking_id)
    async with world.hub.database.write() as db:
        data = (await db.execute(select(c.data).where(*here))).scalar_one()
        booking = r.decoder("booking").decode(data)
        with_number = msgspec.structs.replace(booking, number=number)
        await db.execute(update(t.record).where(*here).values(data=_encode(with_number).decode()))


@BOTH
async def test_a_booking_shows_who_what_when_and_the_access_that_it_gives(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"))
    await world.sync()
    answer = await accesses_of(world.hub, "desk:b-1")
    assert answer.sentence(ZONE) == "desk:b-1: Anna Graf (desk:4711), Studio 1, 21 Nov 2026 15:00 to 16:00, confirmed"
    [access] = answer.accesses
    assert (access.status, access.opens_text) == ("created", "Front door, Studio 1")
    assert (access.valid_from, access.valid_until) == (at("13:45"), at("15:15"))
    assert (access.code, access.url) == (None, None)
    assert access.admin_url is not None
    assert access.admin_url.startswith("https://")
    assert answer.lines == []


@BOTH
async def test_codes_and_urls_are_shown_only_where_they_are_asked_for(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"))
    await world.sync()
    shown = (await accesses_of(world.hub, "b-1", reveal=True)).as_json(reveal=True)["accesses"][0]
    assert world.exivo.code_opens(shown["code"], "C-1", at=at("14:00"))
    assert shown["url"]
    assert shown["names"] == ["Front door", "Studio 1"]
    hidden = (await accesses_of(world.hub, "b-1")).as_json()["accesses"][0]
    assert not {"code", "url"} & hidden.keys()


@BOTH
async def test_an_access_that_is_over_is_listed_after_the_one_that_stands_and_has_no_code(world: World) -> None:
    booking = book(world, "b-1", "4711", at("14:00"))
    await world.sync()
    booking |= {"starts_at": at("18:00"), "ends_at": at("19:00")}
    await world.sync()
    answer = await accesses_of(world.hub, "b-1", reveal=True)
    assert [access.status for access in answer.accesses] == ["created", "removed"]
    assert [access.valid_from for access in answer.accesses] == [at("17:45"), at("13:45")]
    assert [bool(access.code) for access in answer.accesses] == [True, False]
    assert answer.accesses[1].url is None


@BOTH
async def test_bookings_are_told_apart_to_the_letter(world: World) -> None:
    """SQLite finds upper case for lower case, and an id may be the beginning of another."""
    for name, member in (("b-1", "m1"), ("B-1", "m2"), ("b-11", "m3"), ("b%1", "m4")):
        book(world, name, member, at("14:00"))
    await world.sync()
    for name, member in (("b-1", "m1"), ("B-1", "m2"), ("b-11", "m3"), ("b%1", "m4")):
        assert [access.member for access in (await accesses_of(world.hub, name)).accesses] == [f"desk:{member}"]


@BOTH
async def test_a_booking_is_found_by_the_number_of_its_source(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"))
    await world.sync()
    await number(world, "b-1", 'Ä"7%')
    for text in ('Ä"7%', 'desk:Ä"7%'):
        answer = await accesses_of(world.hub, text)
        assert (answer.ref, answer.number, len(answer.accesses)) == ("desk:b-1", 'Ä"7%', 1)
    with pytest.raises(UserError):
        await accesses_of(world.hub, 'Ä"7')


async def test_a_number_of_two_bookings_is_refused_with_what_to_type(world: World) -> None:
    for name in ("b-1", "b-2"):
        book(world, name, "4711", at("14:00"))
    await world.sync()
    for name in ("b-1", "b-2"):
        await number(world, name, "7")
    with pytest.raises(UserError, match="more than one") as refused:
        await accesses_of(world.hub, "7")
    assert refused.value.fix == "Say which: desk:b-1, desk:b-2."


async def test_an_unknown_booking_says_what_to_type(world: World) -> None:
    with pytest.raises(UserError, match="no booking is known as 'b-9'") as refused:
        await accesses_of(world.hub, "b-9")
    assert "desk" in refused.value.fix


async def test_a_booking_that_opens_nothing_says_why(world: World) -> None:
    book(world, "b-1", "m1", at("14:00"), state="cancelled")
    book(world, "b-2", "m2", at("14:00"), state="requested")
    book(world, "b-3", "m3", at("14:00"), resource="r-9")
    book(world, "b-4", "m4", at("14:00") - timedelta(days=20))
    await world.sync()
    found = {}
    for name in ("b-1", "b-2", "b-3", "b-4"):
        answer = await accesses_of(world.hub, name)
        assert not answer.accesses
        found[name] = codes(answer)
    assert found == {
        "b-1": ["booking_cancelled"],
        "b-2": ["booking_state"],
        "b-3": ["booking_unmapped"],
        "b-4": ["visit_over"],
    }


async def test_a_booking_that_waits_for_a_sync_says_so(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"))
    await world.plan()
    assert codes(await accesses_of(world.hub, "b-1")) == ["not_synced"]


async def test_what_keeps_a_visit_that_should_stand_is_said(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"))
    world.exivo.faults.set("status=400,operation=delegateUnlockDoor")
    await world.sync()
    answer = await accesses_of(world.hub, "b-1")
    assert [access.status for access in answer.accesses] == ["failed"]
    assert codes(answer) == ["vendor_error"]
    assert answer.lines[0].fix


@BOTH
async def test_a_booking_that_a_community_does_for_says_by_what_it_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str | None
) -> None:
    async with make_visiting(tmp_path, monkeypatch, more=CREW, database_url=database_url) as world:
        world.desk.communities.append({"id": "crew", "name": "Crew"})
        world.desk.community_members.append({"community_id": "crew", "member_id": "4711"})
        book(world, "b-1", "4711", at("14:00"))
        await world.sync()
        answer = await accesses_of(world.hub, "b-1")
    assert answer.accesses == []
    [line] = answer.lines
    assert line.good
    assert line.text == (
        "Booking b-1 of Studio 1 needs no access of its own: "
        "Anna Graf belongs to Crew, which opens Front door, Studio 1."
    )
    assert [(access.status, access.opens_text) for access in answer.anyway] == [("created", "Front door, Studio 1")]


async def test_bookings_with_one_access_together_say_so(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"))
    book(world, "b-2", "4711", at("15:00"))
    await world.sync()
    for name in ("b-1", "b-2"):
        answer = await accesses_of(world.hub, name)
        assert [access.valid_until for access in answer.accesses] == [at("16:15")]
        assert [line.text for line in answer.lines] == [
            "One access to Front door, Studio 1 is for bookings b-1, b-2 together: their windows touch or overlap."
        ]


async def test_a_booking_that_vanished_while_it_runs_says_that_it_is_left_to_end(world: World) -> None:
    book(world, "b-1", "4711", at("08:30"))
    book(world, "b-2", "4712", at("18:00"))
    await world.sync()
    del world.desk.bookings[0]
    await world.sync()
    answer = await accesses_of(world.hub, "b-1")
    assert answer.gone
    assert "deleted there since" in answer.sentence(ZONE)
    assert [access.status for access in answer.accesses] == ["created"]
    assert codes(answer) == ["booking_gone", "running_window"]
    explained = await world.explain("4711")
    assert explained.verdict == "access"
    assert "running_window" in [line.code for line in explained.lines]


async def test_removals_that_are_held_name_the_plan_to_approve(world: World) -> None:
    for index in range(8):
        book(world, f"b-{index}", f"m{index}", at("14:00"))
    book(world, "b-9", "m9", at("14:00"))
    await world.sync()
    world.desk.bookings = world.desk.bookings[-1:]
    result = await world.sync()
    answer = await accesses_of(world.hub, "b-3")
    [held] = [line for line in answer.lines if line.code == "held"]
    assert result.targets[0].last is not None
    assert f"studiohub approve {result.targets[0].last.id}" in held.fix


@BOTH
async def test_a_booking_without_a_record_is_shown_as_long_as_the_ledger_names_it(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"))
    await world.sync()
    async with world.hub.database.write() as db:
        await db.execute(delete(t.record).where(t.record.c.kind == "booking"))
    answer = await accesses_of(world.hub, "desk:b-1")
    assert (answer.state, answer.gone, answer.name) == (None, True, "Anna Graf")
    assert len(answer.accesses) == 1
    assert codes(answer) == ["booking_unknown"]


async def test_a_reason_tells_when_it_was_booked_and_when_the_doors_open(world: World) -> None:
    """Both where they differ; a window over midnight names its days."""
    book(world, "b-1", "1", at("14:00"))
    book(world, "b-2", "2", at("14:00"), resource="r-2")
    book(world, "b-3", "3", at("22:00"), minutes=55)
    await world.sync()
    assert {grant.member: grant.reason for grant in await world.grants()} == {
        "desk:1": "Booking b-1 of Studio 1, 21 Nov 2026 15:00 to 16:00, opens Front door, Studio 1 from 14:45 to "
        "16:15.",
        "desk:2": "Booking b-2 of Studio 2, 21 Nov 2026 15:00 to 16:00, opens Studio 2.",
        "desk:3": "Booking b-3 of Studio 1, 21 Nov 2026 23:00 to 23:55, opens Front door, Studio 1 from 22:45 to "
        "22 Nov 2026 00:10.",
    }


def test_a_visit_of_tomorrow_shows_as_such_and_who_had_its_code_shown_is_in_the_audit(shop: Shop) -> None:
    shop.ready()
    lock = next(one["id"] for one in shop("openings", "door", "--json").json if one["kind"] == "lock")
    words = ["resources", "source=desk", "resource=r-7", "target=door", f"locks={lock}", "--yes"]
    assert shop("rules", "add", *words).code == 0
    booking = {"id": "b-1", "member_id": "1", "resource_id": "r-7", "state": "confirmed"}
    shop.desk.bookings.append({**booking, "starts_at": "2099-01-01T10:00", "ends_at": "2099-01-01T11:00"})
    shop.join("1")
    assert shop("sync").code == 0
    columns, *rows = (line.split("  ") for line in shop("grants").out.expandtabs().splitlines())
    assert [column.strip() for column in columns if column.strip()][5:7] == ["from", "until"]
    assert any("1 Jan 2099 10:00" in cell for row in rows for cell in row)
    shop("grants", "--member", "desk:1")
    assert [line for line in shop("audit", "--json").json if line["act"] == "reveal"] == []
    shop("grants", "--member", "desk:1", "--reveal")
    shop("accesses", "b-1", "--reveal")
    shown = [line for line in shop("audit", "--json").json if line["act"] == "reveal"]
    assert {(line["subject"], line["detail"]) for line in shown} == {
        ("desk:1", "codes and URLs of 1 grant"),
        ("booking desk:b-1", "codes and URLs of 1 grant"),
    }
    explained = shop("explain", "desk:1").out
    assert explained.splitlines()[0].startswith("●")
