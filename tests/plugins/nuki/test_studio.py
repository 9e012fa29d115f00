"""Bookings open Nuki locks: what was accepted is in progress until the lock shows it, and never removed too early."""

from __future__ import annotations

from datetime import timedelta

from plugins.nuki import wire
from tests.plugins.nuki.support import FRONT, SAUNA, STUDIO1, Studio, at


async def test_a_booking_becomes_one_code_on_all_its_locks(studio: Studio) -> None:
    studio.book("b-1", "4711", at("14:00"))
    assert (await studio.sync()).exit_code == 0
    grant = await studio.only()
    assert grant.status == "created"
    assert grant.code is not None
    assert wire.is_code(grant.code)
    for lock in (FRONT, STUDIO1):
        assert studio.nuki.code_opens(grant.code, lock, at("13:45"))
        assert not studio.nuki.code_opens(grant.code, lock, at("13:44"))
        assert not studio.nuki.code_opens(grant.code, lock, at("15:15"))
    assert not studio.nuki.code_opens(grant.code, SAUNA, at("14:00"))
    assert (await studio.plan()).changes == []


async def test_nothing_counts_as_created_before_the_list_shows_it(studio: Studio) -> None:
    studio.nuki.faults.set("late=60")
    studio.book("b-1", "4711", at("14:00"))
    assert (await studio.sync()).exit_code == 0
    assert (await studio.only()).status == "in_progress"
    assert (await studio.explain("4711")).verdict == "pending"
    await studio.passes(seconds=61)
    assert (await studio.only()).status == "created"
    assert len(studio.ours()) == 2


async def test_nobody_is_mailed_a_code_that_the_lock_does_not_have(studio: Studio) -> None:
    from sqlalchemy import func, select

    from hub.store import tables as t

    async def mails() -> int:
        async with studio.hub.database.read() as db:
            return int((await db.execute(select(func.count()).select_from(t.outbox))).scalar_one())

    studio.nuki.faults.set("late=60")
    studio.book("b-1", "4711", at("14:00"))
    await studio.sync()
    assert await mails() == 0
    await studio.passes(seconds=61)
    assert await mails() == 1


async def test_a_cancelled_booking_is_removed_once_no_lock_lists_it(studio: Studio) -> None:
    booking = studio.book("b-1", "4711", at("09:30"))
    await studio.sync()
    booking["state"] = "cancelled"
    studio.nuki.faults.set("late=60")
    await studio.sync()
    assert (await studio.only()).status == "in_progress"
    await studio.passes(seconds=61)
    await studio.passes(seconds=61)
    await studio.passes(seconds=61)
    assert [grant.status for grant in await studio.grants()] == ["removed"]
    assert studio.ours() == []


async def test_a_typed_sync_sees_a_removal_through(studio: Studio) -> None:
    booking = studio.book("b-1", "4711", at("14:00"))
    await studio.sync()
    booking["state"] = "cancelled"
    studio.clock.move(timedelta(minutes=5))
    assert (await studio.sync()).exit_code == 0
    assert [grant.status for grant in await studio.grants()] == ["removed"]


async def test_codes_made_by_hand_are_never_touched(studio: Studio) -> None:
    before = studio.by_hand()
    booking = studio.book("b-1", "4711", at("14:00"))
    await studio.sync()
    booking["state"] = "cancelled"
    for _ in range(3):
        studio.clock.move(timedelta(minutes=2))
        await studio.sync()
    assert studio.by_hand() == before
    assert studio.ours() == []
