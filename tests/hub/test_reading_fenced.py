"""A source has one reader: what a frozen one knows is too old to be written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hub.core import NoProgress
from hub.engine import lanes
from hub.engine.source_pass import run_source
from hub.errors import LostLease
from hub.records import Complete, Page
from hub.store import tables as t
from tests.conftest import BOTH
from tests.harness import World

pytestmark = BOTH


async def _frozen_read(world: World, monkeypatch: pytest.MonkeyPatch, at: type) -> tuple[asyncio.Event, Any]:
    """Begin a read that stands still before the first item of that type, and let its lease run out."""
    row = await world.hub.connection_row("desk")
    plugins = world.hub.plugins
    real, gate, frozen = plugins.read, asyncio.Event(), asyncio.Event()

    async def slow(connection: Any, hook: Any, **values: Any) -> AsyncIterator[Any]:
        async for item in real(connection, hook, **values):
            if isinstance(item, at) and not frozen.is_set():
                frozen.set()
                await gate.wait()
            yield item

    world.desk.export(at=world.clock.now())
    monkeypatch.setattr(plugins, "read", slow)
    lease = await lanes.take(world.hub.database, row.id, "desk", world.clock, worker="frozen")
    reading = asyncio.create_task(run_source(world.hub, row, lease=lease, trigger="test", progress=NoProgress()))
    await frozen.wait()
    monkeypatch.setattr(plugins, "read", real)
    world.clock.move(timedelta(seconds=60))
    return gate, reading


async def _records(world: World) -> list[tuple[Any, ...]]:
    r = t.record.c
    async with world.hub.database.read() as db:
        return [
            tuple(row) for row in await db.execute(select(r.kind, r.record_id, r.data, r.deleted_how).order_by(r.id))
        ]


async def test_a_stale_reader_deletes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that was frozen before its mark comes back after another has read somebody new: they keep their
    access, and the stale reader ends with LostLease."""
    for number in range(10):
        world.join(str(number))
    await world.sync()
    gate, reading = await _frozen_read(world, monkeypatch, Complete)
    await world.sync()
    world.join("new")
    await world.sync()
    before = await _records(world)
    gate.set()
    with pytest.raises(LostLease):
        await reading
    assert await _records(world) == before
    assert world.opens("new")


async def test_a_stale_reader_overwrites_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that was frozen in the middle of its pages does not bring back what has changed since."""
    for number in range(10):
        world.join(str(number))
    await world.sync()
    world.pass_of("0")["valid_until"] = "2027-06-30"
    gate, reading = await _frozen_read(world, monkeypatch, Page)
    world.pass_of("0")["state"] = "revoked"
    await world.sync()
    assert not world.opens("0")
    before = await _records(world)
    gate.set()
    with pytest.raises(LostLease):
        await reading
    assert await _records(world) == before
