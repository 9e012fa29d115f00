"""Members learn how to open the door: once for each visit, whatever happens in between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from hub.store import tables as t
from tests.conftest import BOTH
from tests.harness import World
from tests.visiting import at, book, make_visiting

MAIL = """
[mail]
reminder_minutes = 60
words = { de = "Bitte Schuhe ausziehen.", en = "Please take off your shoes." }
"""


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str | None) -> AsyncIterator[World]:
    async with make_visiting(tmp_path, monkeypatch, database_url=database_url, more=MAIL) as made:
        yield made


async def _mails(world: World) -> list[tuple[str, str, str]]:
    o = t.outbox.c
    query = select(o.kind, o.recipient, o.sealed_text).order_by(o.id)
    async with world.hub.database.read() as db:
        rows = (await db.execute(query)).all()
    return [(row.kind, row.recipient, world.hub.vault.open(row.sealed_text)) for row in rows]


async def _code(world: World) -> str:
    grants = await world.grants(status="created", reveal=world.hub.vault)
    [code] = [grant.code for grant in grants if "locks" in grant.opens]
    assert code
    return code


@BOTH
async def test_a_booking_brings_one_mail_with_door_window_code_link_and_the_studios_words(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"))
    for _ in range(3):
        await world.sync()
    access, reminder = await _mails(world)
    assert (access[0], access[1], reminder[0]) == ("access", "4711@example.org", "access_reminder")
    [visit] = world.exivo.visits.values()
    for part in ("Front door", "Studio 1", "14:45", "16:15", await _code(world), visit["link"], "Schuhe", "b-1"):
        assert part in access[2]


async def test_a_member_is_written_to_in_their_language(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"))
    world.desk.members[0] = {**world.desk.members[0], "language": "en-GB"}
    await world.sync()
    assert "shoes" in (await _mails(world))[0][2]


async def test_a_row_with_credential_code_sends_no_link(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"), resource="r-2")
    await world.sync()
    text = (await _mails(world))[0][2]
    assert await _code(world) in text
    assert "http" not in text


async def test_a_moved_booking_brings_one_more_mail_and_its_own_reminder(world: World) -> None:
    booking = book(world, "b-1", "4711", at("14:00"))
    await world.sync()
    booking |= {"starts_at": at("18:00"), "ends_at": at("19:00")}
    for _ in range(2):
        await world.sync()
    # Nothing went out yet, so what is no longer true never will.
    assert [kind for kind, _, _ in await _mails(world)] == ["access", "access_reminder"]
    assert "18:45" in (await _mails(world))[0][2]


async def test_who_has_a_door_by_a_community_is_told_no_booking_number(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"))
    world.desk.bookings.clear()
    world.desk.community_members.append({"community_id": "team", "member_id": "4711"})
    await world.sync()
    [(kind, _, text)] = await _mails(world)
    assert (kind, "Buchung" in text, "Team" in text, "Zeit: jederzeit\n" in text) == ("access", False, False, True)


async def test_a_cancelled_booking_takes_its_waiting_mails_back(world: World) -> None:
    booking = book(world, "b-1", "4711", at("14:00"))
    await world.sync()
    booking["state"] = "cancelled"
    await world.sync()
    assert await _mails(world) == []


async def test_a_lost_answer_brings_one_mail(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"))
    world.exivo.faults.set("drop_after_write,times=1,operation=delegateUnlockDoor")
    await world.sync()
    world.clock.move(timedelta(minutes=1))
    await world.sync()
    assert [kind for kind, _, _ in await _mails(world)] == ["access", "access_reminder"]


async def test_who_has_no_address_is_named_in_the_inbox_until_the_visit_is_over(world: World) -> None:
    world.desk.members.append({"id": "4711", "given_name": "Anna", "family_name": "Graf"})
    book(world, "b-1", "4711", at("14:00"))
    await world.sync()
    [item] = await world.inbox()
    assert item["code"] == "no_address"
    assert "Anna Graf (desk:4711)" in item["text"]
    said = (await world.explain("4711")).lines[-1]
    assert (said.code, said.target, said.text, said.good) == ("no_address", "door", item["text"], False)
    world.clock.move(timedelta(hours=9))
    await world.sync()
    assert await world.inbox() == []


async def test_no_code_stands_in_clear_in_the_home_or_the_log(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"))
    world.exivo.faults.set("status=503,operation=delegateUnlockDoor,times=2")
    for _ in range(3):
        await world.sync()
        world.clock.move(timedelta(minutes=1))
    code = await _code(world)
    [visit] = world.exivo.visits.values()
    for path in world.folder.joinpath("home").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert code.encode() not in data, path
            assert visit["link"].encode() not in data, path


async def test_a_row_with_credential_link_sends_the_code_where_the_vendor_gives_no_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = '[[resources]]\nsource = "desk"\nresource = "r-9"\ntarget = "door"\nlocks = ["C-3"]\ncredential = "link"\n'
    async with make_visiting(tmp_path, monkeypatch, more=more) as world:
        world.exivo.faults.link_absent = True
        book(world, "b-1", "4711", at("14:00"), resource="r-9")
        await world.sync()
        [(_, _, text)] = await _mails(world)
        assert await _code(world) in text


async def test_who_gets_an_address_while_the_visit_stands_is_told_then(world: World) -> None:
    """As after a webhook about a booking of somebody new, whose own record is read only later."""
    book(world, "b-1", "4711", at("14:00"))
    world.desk.members[0] = {**world.desk.members[0], "email": ""}
    await world.sync()
    world.desk.members[0] = {**world.desk.members[0], "email": "4711@example.org"}
    await world.sync()
    assert [kind for kind, _, _ in await _mails(world)] == ["access", "access_reminder"]


async def test_a_visit_that_had_to_be_made_anew_is_told_with_its_new_link(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"))
    await world.sync()
    async with world.hub.database.write() as db:
        await db.execute(update(t.outbox).values(state="sent", next_try_at=None))
    [visit] = world.exivo.world.visits.values()
    visit["revoked"] = True
    await world.sync()
    new = next(one for one in world.exivo.visits.values() if not one["revoked"])
    told = [text for kind, _, text in await _mails(world) if kind == "access" and new["link"] in text]
    assert len(told) == 1
