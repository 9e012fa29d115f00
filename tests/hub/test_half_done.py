"""What is known of a grant stays known: through a vendor that says not yet, and webhooks that come meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from hub.engine import lane_run, lanes
from hub.errors import FixRecord, NotYet, Unconfirmed
from hub.reconcile import ledger
from hub.store import tables as t
from tests.harness import World
from tests.hub.test_waiting import Later
from tests.visiting import at, book, make_visiting


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    async with make_visiting(tmp_path, monkeypatch) as made:
        yield made


async def _row(world: World) -> Any:
    async with world.hub.database.read() as db:
        return (await db.execute(select(t.ledger))).one()


async def test_a_lost_answer_is_not_forgotten_when_the_vendor_says_not_yet(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = Later(world, monkeypatch)
    book(world, "b-1", "4711", at("14:00"))
    later.raises = Unconfirmed("the answer is lost")
    await world.sync()
    assert (await _row(world)).state == "unknown"
    later.raises = NotYet("the lock is full")
    await world.sync()
    row = await _row(world)
    assert row.state == "unknown"
    assert row.asked_at is not None


async def test_a_removal_that_can_not_be_done_yet_is_as_loud_as_any(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = Later(world, monkeypatch)
    booking = book(world, "b-1", "4711", at("14:00"))
    later.confirms = True
    await world.sync()
    booking["state"] = "cancelled"
    later.raises = NotYet("the vendor is not in the mood")
    assert (await world.sync()).exit_code == 4
    assert "removal_failed" in {item["code"] for item in await world.inbox()}


async def test_what_a_vendor_made_before_it_failed_can_be_taken_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = Later(world, monkeypatch)
    book(world, "b-1", "4711", at("14:00"))
    later.raises = FixRecord("one of two doors takes no codes")
    later.raises.made = "v-1"
    await world.sync()
    row = await _row(world)
    assert (row.state, row.vendor_id) == ("failed", "v-1")


@pytest.mark.parametrize("state", ["updating", "removing", "in_progress"])
async def test_a_webhook_does_not_hide_that_a_process_died(world: World, state: str) -> None:
    book(world, "b-1", "4711", at("14:00"))
    await world.sync()
    cut_off = {"state": state, "settled": False, "asked_at": world.clock.now(), "next_try_at": None, "token": 0}
    row = await world.hub.connection_row("door")
    async with world.hub.database.write() as db:
        await db.execute(update(t.ledger).values(**cut_off))
    async with lanes.holding(world.hub.database, row.id, row.name, world.clock) as lease:
        await lane_run._doubt(world.hub, row, lease)
        async with world.hub.database.write() as db:
            assert await ledger.find_crashed(db, row.id, lease.token, now=world.clock.now()) == 1


async def test_a_webhook_does_not_wake_what_waits_for_its_own_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = Later(world, monkeypatch)
    book(world, "b-1", "4711", at("2026-11-23T14:00"))
    later.raises = NotYet("it is too early", at=at("2026-11-22T14:00"))
    await world.sync()
    due = (await _row(world)).next_try_at
    row = await world.hub.connection_row("door")
    async with lanes.holding(world.hub.database, row.id, row.name, world.clock) as lease:
        await lane_run._doubt(world.hub, row, lease)
    assert (await _row(world)).next_try_at == due
