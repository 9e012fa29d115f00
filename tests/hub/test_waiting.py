"""What a vendor has accepted and not shown yet: it stays asked for, is told after a while, and is asked for once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from hub import grants as g
from hub.connection import Connection, read_tag
from hub.engine import lane_run
from hub.engine.keys import SEALED
from hub.engine.target_result import TargetRun
from hub.errors import NotYet, RetryLater, UserError
from hub.store import tables as t
from hub.studio.editing import make_row
from tests.harness import World
from tests.visiting import at, book, make_visiting, visits


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    async with make_visiting(tmp_path, monkeypatch) as made:
        yield made


class Later:
    """Stands before a plugin's hooks, so that what they do is confirmed later, if at all."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.confirms = False
        self.raises: Exception | None = None
        self.asked: list[tuple[str, Any]] = []
        call = world.hub.plugins.call

        async def stand_before(connection: Connection, hook: str, **arguments: Any) -> Any:
            if hook not in {"grant_access", "revoke_access"}:
                return await call(connection, hook, **arguments)
            self.asked.append((hook, arguments["grant"].asked_at))
            if self.raises is not None:
                raise self.raises
            done = await call(connection, hook, **arguments)
            return done if self.confirms else _unconfirmed(done)

        monkeypatch.setattr(world.hub.plugins, "call", stand_before)


def _unconfirmed(done: Any) -> Any:
    import msgspec

    return msgspec.structs.replace(done, confirmed=False, waiting=g.Note("slow", "The door sleeps", "Wake it."))


async def _status(world: World) -> str:
    [grant] = await world.grants()
    return grant.status


async def _codes(world: World) -> set[str]:
    return {item["code"] for item in await world.inbox()}


async def test_since_when_it_was_asked_for_is_kept_until_it_is_confirmed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = Later(world, monkeypatch)
    book(world, "b-1", "4711", at("14:00"))
    start = world.clock.now()
    await world.sync()
    assert await _status(world) == "in_progress"
    assert [asked for _, asked in later.asked] == [None]
    assert "The door sleeps" in " ".join(line.text for line in (await world.explain("4711")).lines)
    later.confirms = True
    world.clock.move(timedelta(minutes=2))
    await world.sync()
    assert await _status(world) == "created"
    assert later.asked[-1][1] == start


async def test_what_is_not_confirmed_in_time_is_told_and_takes_the_word_back_when_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = Later(world, monkeypatch)
    booking = book(world, "b-1", "4711", at("14:00"))
    later.confirms = True
    await world.sync()
    later.confirms = False
    booking["state"] = "cancelled"
    assert (await world.sync()).exit_code == 0
    assert await _codes(world) == set()
    world.clock.move(timedelta(minutes=10))
    assert (await world.sync()).exit_code == 4
    [item] = [item for item in await world.inbox() if item["code"] == "removal_failed"]
    assert "10 minutes ago" in item["text"]
    assert "The door sleeps" in item["text"]
    assert item["fix"] == "Wake it."
    assert await _status(world) == "in_progress"
    later.confirms = True
    world.clock.move(timedelta(minutes=10))
    assert (await world.sync()).exit_code == 0
    assert await _status(world) == "removed"
    assert "removal_failed" not in await _codes(world)


async def test_a_window_that_is_over_is_no_alarm(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    later = Later(world, monkeypatch)
    later.confirms = True
    book(world, "b-1", "4711", at("09:30"))
    await world.sync()
    later.confirms = False
    world.clock.move(timedelta(hours=3))
    await world.sync()
    world.clock.move(timedelta(minutes=30))
    assert (await world.sync()).exit_code == 0
    assert await _codes(world) == set()


async def test_a_look_that_fails_changes_nothing_about_what_was_accepted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = Later(world, monkeypatch)
    book(world, "b-1", "4711", at("14:00"))
    start = world.clock.now()
    await world.sync()
    later.raises = RetryLater("the vendor is down", code="vendor_down")
    world.clock.move(timedelta(minutes=1))
    await world.sync()
    assert await _status(world) == "in_progress"
    later.raises = None
    world.clock.move(timedelta(minutes=6))
    await world.sync()
    assert later.asked[-1][1] == start


async def test_what_can_not_be_done_yet_waits_and_is_asked_again_when_its_time_comes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = Later(world, monkeypatch)
    book(world, "b-1", "4711", at("2026-11-23T14:00"))
    later.raises = NotYet("it is too early", code="early", at=at("2026-11-22T14:00"))
    assert (await world.sync()).exit_code == 0
    assert await _status(world) == "in_progress"
    asked = len(later.asked)
    world.clock.move(timedelta(hours=2))
    assert (await world.sync()).exit_code == 0
    assert len(later.asked) == asked, "asking sooner changes nothing"
    assert await _codes(world) == set()
    assert not (await world.plan()).changes
    later.raises, later.confirms = None, True
    world.clock.move(timedelta(days=1, hours=4))
    await world.sync()
    assert await _status(world) == "created"


async def test_what_waits_for_somebody_is_told_once_for_all(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    later = Later(world, monkeypatch)
    for number in range(3):
        book(world, f"b-{number}", f"m{number}", at("14:00"))
    later.raises = NotYet("the lock is full", fix="Make room.")
    await world.sync()
    [item] = await world.inbox()
    assert (item["code"], item["fix"]) == ("waiting", "Make room.")
    assert item["text"] == "3 grants at door wait: the lock is full."
    later.raises, later.confirms = None, True
    world.clock.move(timedelta(minutes=6))
    await world.sync()
    assert await world.inbox() == []


async def test_a_cancelled_booking_does_not_wait_for_what_waited(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    later = Later(world, monkeypatch)
    booking = book(world, "b-1", "4711", at("2026-11-23T14:00"))
    later.raises = NotYet("it is too early", at=at("2026-11-22T14:00"))
    await world.sync()
    later.raises, later.confirms = None, True
    booking["state"] = "cancelled"
    await world.sync()
    assert await _status(world) == "removed"
    assert visits(world) == []


async def test_work_that_was_cut_off_is_due_again_at_once(world: World) -> None:
    """It has no time of its own for another try."""
    book(world, "b-1", "4711", at("14:00"))
    await world.sync()
    async with world.hub.database.write() as db:
        await db.execute(update(t.ledger).values(settled=False, next_try_at=None))
    row = await world.hub.connection_row("door")
    due = await lane_run._next_pass(world.hub, row, TargetRun("door", "r-1"))
    assert due <= world.clock.now() + timedelta(minutes=1)


def test_a_tag_names_the_hub_and_the_grant() -> None:
    connection = Connection.__new__(Connection)
    connection.instance = "3f9c21aa"
    tag = connection.tag("g1a1fd557a8048a198c6c1214f")
    assert tag == "1aa8c6c1214f"
    assert read_tag(tag, "3f9c21aa") == "8c6c1214f"
    assert read_tag(tag, "3f9c21ab") is None
    assert read_tag("short", "3f9c21aa") is None


async def test_a_row_that_the_vendor_can_not_serve_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    described = world.hub.plugins.loaded["exivo"]
    few = replace(described, abilities=frozenset(), booked_only=True)
    monkeypatch.setitem(world.hub.plugins.loaded, "exivo", few)
    common = {"source": "desk", "target": "door"}
    with pytest.raises(UserError, match="has no access groups"):
        await make_row(world.hub, "passes", {**common, "pass": "abo", "group": "AG-1"})
    with pytest.raises(UserError, match="opens no single locks"):
        await make_row(world.hub, "resources", {**common, "resource": "r-1", "locks": ["C-1"]})
    with pytest.raises(UserError, match="for bookings only"):
        await make_row(world.hub, "communities", {**common, "community": "team", "locks": ["C-1"]})
    with pytest.raises(UserError, match="has no people"):
        await make_row(world.hub, "links", {"member": "desk:1", "target": "door", "id": "x"})


async def test_the_secret_of_signed_webhooks_is_sealed_and_sealed_anew_with_the_key(world: World) -> None:
    assert (t.hook, "sealed_signing") in SEALED
    async with world.hub.database.read() as db:
        assert (await db.execute(select(t.hook.c.sealed_signing))).all() == []
